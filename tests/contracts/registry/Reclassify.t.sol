// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { stdError } from "forge-std/StdError.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial } from "contracts/types/Licence.sol";
import {
    Classification,
    CUSTODY,
    Importance,
    LEGAL,
    Listing,
    PersonalData,
    QUALITY,
    REFUSED,
    REVIEWED_KINDS,
    SECURITY,
    Sharing,
    Subject
} from "contracts/types/Listing.sol";
import { SELLER, Standing, SUPERVISOR } from "contracts/types/Participant.sol";
import { SetPack } from "../mocks/registry/Packs.sol";
import { Registry } from "./Registry.sol";

contract ReclassifyTest is Registry {
    uint48 internal id;
    PlanId internal plan;
    LicenceId internal licence;

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = plan.listing();
        licence = owned(plan);
    }

    function test_reclassify_unknownListing() public {
        vm.prank(supervisor);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownListing.selector, 99));
        listings.reclassify(99, core(), 0, REASON);
    }

    function test_R20_reclassify_onlyHolderOrSupervisor() public {
        address[6] memory callers = [outsider, buyer, reviewer, arbiter, operator, governor];
        for (uint256 i; i < 6; ++i) {
            vm.prank(callers[i]);
            expectIneligible(callers[i], SUPERVISOR, Standing.RoleMissing);
            listings.reclassify(id, core(), 0, REASON);
        }
        expire(supervisor);
        vm.prank(supervisor);
        expectIneligible(supervisor, SUPERVISOR, Standing.Expired);
        listings.reclassify(id, core(), 0, REASON);
    }

    function test_R19_reclassify_needsAReason() public {
        address[2] memory callers = [seller, supervisor];
        for (uint256 i; i < 2; ++i) {
            vm.prank(callers[i]);
            expectError(IListings.Listings_NoReason.selector);
            listings.reclassify(id, core(), 0, 0);
        }
    }

    function test_R04_R14_R22_reclassify_thePackStopsTheHolder() public {
        expectHolderRefused(classOf(Importance.Unclassified, Sharing.Shared, PersonalData.None), 1);
        expectHolderRefused(classOf(Importance.Other, Sharing.Shared, PersonalData.Consented), 3);
        expectHolderRefused(classOf(Importance.Core, Sharing.Open, PersonalData.None), 4);
        publicBody(seller, SELLER);
        expectHolderRefused(classOf(Importance.Other, Sharing.Unstated, PersonalData.None), 2);
    }

    function test_R04_R14_reclassify_recordsAndEmits() public {
        Classification memory class =
            Classification(Importance.Important, Sharing.Private, Subject.People, PersonalData.Deidentified);
        uint8 required = CUSTODY | LEGAL | SECURITY;
        address[2] memory callers = [seller, supervisor];
        for (uint16 i; i < 2; ++i) {
            vm.expectEmit(address(listings));
            emit IListings.Reclassified(id, callers[i], class, required, i + 1, PACK, BASIS, REASON);
            vm.expectEmit(address(listings));
            emit IERC4906.MetadataUpdate(id);
            reclassify(callers[i], id, class, BASIS);
            assertSame(
                abi.encode(listings.listing(id)),
                abi.encode(Listing(class, "VN", 1, 1, 0, required, i + 1, false, 0, PACK, i == 1))
            );
            assertEq(listings.legalBasis(id), BASIS);
        }
        assertEq(listings.holderOf(id), seller);
    }

    function test_R22_reclassify_theLegalBasisIsReplaced() public {
        reclassify(seller, id, classOf(Importance.Other, Sharing.Shared, PersonalData.Consented), BASIS);
        reclassify(seller, id, classOf(Importance.Other, Sharing.Shared, PersonalData.Consented), "other");
        assertEq(listings.legalBasis(id), "other");
        reclassify(seller, id, ordinary(), 0);
        assertEq(listings.legalBasis(id), 0);
    }

    function test_R04_reclassify_freezesSalesAndKeysUntilAttestedAnew() public {
        attest(id, 1, QUALITY);
        assertEq(listings.attestations(id, 1), CUSTODY | LEGAL | QUALITY);
        reclassify(seller, id, core(), 0);

        assertEq(listings.attestations(id, 1), CUSTODY);
        expectRefused(5);
        listings.gate(plan, 1, buyer);
        assertDenial(licence, Denial.NotAttested);

        attest(id, 1, SECURITY);
        assertEq(listings.attestations(id, 1), CUSTODY | SECURITY, "legal and quality are not back");
        expectRefused(5);
        listings.gate(plan, 1, buyer);
        assertDenial(licence, Denial.NotAttested);

        attest(id, 1, LEGAL);
        assertEq(listings.attestations(id, 1), CUSTODY | LEGAL | SECURITY);
        listings.gate(plan, 1, buyer);
        assertDenial(licence, Denial.Granted);
    }

    function test_R04_reclassify_evenToTheSameOrALowerClass() public {
        reclassify(seller, id, ordinary(), 0);
        assertDenial(licence, Denial.NotAttested);
        attest(id, 1, LEGAL);
        reclassify(seller, id, core(), 0);
        attest(id, 1, LEGAL);
        attest(id, 1, SECURITY);
        reclassify(seller, id, ordinary(), 0);
        assertDenial(licence, Denial.NotAttested);
        expectRefused(5);
        listings.gate(plan, 1, buyer);
    }

    function test_R04_reclassify_touchesEveryVersionOfThisListingAlone() public {
        PlanId other = listed();
        uint24 second = addVersion(id);
        attest(id, second, LEGAL);
        reclassify(seller, id, ordinary(), 0);
        assertEq(listings.attestations(id, 1), CUSTODY);
        assertEq(listings.attestations(id, second), CUSTODY);
        attest(id, second, LEGAL);
        assertEq(listings.attestations(id, 1), CUSTODY);
        listings.gate(plan, second, buyer);
        listings.gate(other, 1, buyer);
    }

    function test_R04_reclassify_refusalInANewEpochTouchesNoOldReview() public {
        reclassify(seller, id, ordinary(), 0);
        vm.prank(reviewer);
        reviews.refuse(id, 1, QUALITY, REASON, 1);
        assertEq(listings.attestations(id, 1), CUSTODY);
        assertEq(listings.version(id, 1).epoch, 1);
    }

    function testFuzz_R04_reviewsStandForTheirEpochOnly(uint256 seed) public {
        uint8 model = CUSTODY | LEGAL;
        uint16 epoch;
        for (uint256 i; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint8 kind = uint8(1 << ((seed >> 8) % 3));
            if (seed % 5 == 0) {
                reclassify(seller, id, ordinary(), 0);
                ++epoch;
                model = CUSTODY;
            } else if (seed % 5 == 1) {
                vm.prank(reviewer);
                reviews.refuse(id, 1, kind, REASON, epoch);
                model &= ~kind;
            } else {
                attest(id, 1, kind);
                model |= kind;
            }
            assertEq(listings.attestations(id, 1), model);
            assertDenial(licence, model & LEGAL != 0 ? Denial.Granted : Denial.NotAttested);
        }
    }

    function test_R04_R14_R22_aClassAgainstTheRulesStopsEverything() public {
        Classification[4] memory classes = [
            classOf(Importance.Unclassified, Sharing.Shared, PersonalData.None),
            classOf(Importance.Other, Sharing.Unstated, PersonalData.None),
            classOf(Importance.Other, Sharing.Shared, PersonalData.Consented),
            classOf(Importance.Core, Sharing.Open, PersonalData.None)
        ];
        publicBody(seller, SELLER);
        for (uint16 i; i < 4; ++i) {
            (, uint8 required) = pack.decideListing(classes[i], true, false);
            vm.expectEmit(address(listings));
            emit IListings.Reclassified(
                id, supervisor, classes[i], required | REFUSED, i + 1, PACK, 0, REASON
            );
            reclassify(supervisor, id, classes[i], 0);
            for (uint8 kind = 1; kind <= QUALITY; kind <<= 1) {
                attest(id, 1, kind);
            }
            assertEq(listings.attestations(id, 1), CUSTODY | REVIEWED_KINDS);
            expectRefused(i + 1);
            listings.gate(plan, 1, buyer);
            expectRefused(i + 1);
            listings.checkHolder(id, 1, buyer);
            assertDenial(licence, Denial.NotAttested);
        }
        reclassify(seller, id, core(), 0);
        assertEq(listings.listing(id).required, CUSTODY | LEGAL | SECURITY);
        attest(id, 1, LEGAL);
        attest(id, 1, SECURITY);
        listings.gate(plan, 1, buyer);
        assertDenial(licence, Denial.Granted);
    }

    function test_R22_withdrawnConsentStopsNewAccess() public {
        Classification memory class = classOf(Importance.Other, Sharing.Shared, PersonalData.Consented);
        reclassify(seller, id, class, BASIS);
        attest(id, 1, LEGAL);
        attest(id, 1, SECURITY);
        assertDenial(licence, Denial.Granted);
        reclassify(supervisor, id, class, 0);
        attest(id, 1, LEGAL);
        attest(id, 1, SECURITY);
        assertDenial(licence, Denial.NotAttested);
        expectRefused(3);
        listings.gate(plan, 1, buyer);
        // The seller cannot state the class again without a basis.
        expectHolderRefused(class, 3);
    }

    function test_R14_aLaterPackThatAllowsNeedsANewClassification() public {
        reclassify(supervisor, id, classOf(Importance.Core, Sharing.Open, PersonalData.None), 0);
        SetPack lenient = new SetPack(2);
        vm.prank(governor);
        listings.setRulePack(address(lenient));
        expectRefused(2, 0);
        listings.gate(plan, 1, buyer);
        reclassify(supervisor, id, classOf(Importance.Core, Sharing.Open, PersonalData.None), 0);
        listings.gate(plan, 1, buyer);
    }

    function test_R14_aLaterPackThatRefusesCitesItsOwnRule() public {
        reclassify(supervisor, id, classOf(Importance.Core, Sharing.Open, PersonalData.None), 0);
        SetPack strict = new SetPack(9);
        strict.set(77, CUSTODY, 0);
        vm.prank(governor);
        listings.setRulePack(address(strict));
        expectRefused(9, 77);
        listings.gate(plan, 1, buyer);
        vm.prank(seller);
        expectRefused(9, 77);
        listings.reclassify(id, ordinary(), 0, REASON);
        assertEq(listings.listing(id).pack, PACK);
    }

    function testFuzz_R04_reclassify_supervisorNeverRefusedAndNeverSoldAgainstTheRules(
        uint8[4] memory raw,
        bool isPublicBody,
        bytes32 basis
    ) public {
        Classification memory class = Classification(
            Importance(raw[0] % 4), Sharing(raw[1] % 4), Subject(raw[2] % 5), PersonalData(raw[3] % 3)
        );
        if (isPublicBody) publicBody(seller, SELLER);
        (uint16 rule, uint8 required) = pack.decideListing(class, isPublicBody, basis != 0);
        reclassify(supervisor, id, class, basis);
        for (uint8 kind = 1; kind <= QUALITY; kind <<= 1) {
            attest(id, 1, kind);
        }
        assertEq(listings.listing(id).required, rule == 0 ? required : required | REFUSED);
        assertDenial(licence, rule == 0 ? Denial.Granted : Denial.NotAttested);
        if (rule != 0) expectRefused(rule);
        listings.gate(plan, 1, buyer);
    }

    function test_R04_theHolderMayRaiseWhatASupervisorSetNotLowerIt() public {
        Classification memory important =
            classOf(Importance.Important, Sharing.Shared, PersonalData.Deidentified);
        reclassify(supervisor, id, important, BASIS);
        Classification[2] memory lower = [
            classOf(Importance.Other, Sharing.Shared, PersonalData.Deidentified),
            classOf(Importance.Core, Sharing.Shared, PersonalData.None)
        ];
        for (uint256 i; i < 2; ++i) {
            vm.prank(seller);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_BelowImposed.selector, id));
            listings.reclassify(id, lower[i], BASIS, REASON);
        }
        reclassify(seller, id, important, "other");
        reclassify(seller, id, classOf(Importance.Core, Sharing.Private, PersonalData.Consented), BASIS);
        reclassify(supervisor, id, ordinary(), 0);
        reclassify(seller, id, core(), 0);
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_BelowImposed.selector, id));
        listings.reclassify(id, ordinary(), 0, REASON);
    }

    function test_R04_reclassify_decidesForTheHolderNotTheCaller() public {
        // The supervisor is no public body; the holder is one.
        publicBody(seller, SELLER);
        reclassify(supervisor, id, classOf(Importance.Other, Sharing.Unstated, PersonalData.None), 0);
        assertTrue(listings.listing(id).required & REFUSED != 0);
    }

    function test_R19_reclassify_alsoOfFrozenOrDelistedAndByASuspendedHolder() public {
        freeze(id);
        reclassify(seller, id, ordinary(), 0);
        delist(id);
        reclassify(supervisor, id, core(), 0);
        suspend(seller);
        reclassify(seller, id, core(), 0);
        assertEq(listings.listing(id).epoch, 3);
        assertTrue(listings.listing(id).delisted);
    }

    function test_threat_C15_theEpochNeverWraps() public {
        vm.record();
        listings.listing(id);
        (bytes32[] memory reads,) = vm.accesses(address(listings));
        bytes32 slot = reads[reads.length - 1];
        uint256 word = uint256(vm.load(address(listings), slot));
        vm.store(address(listings), slot, bytes32(word | uint256(0xffff) << 104));
        assertEq(listings.listing(id).epoch, type(uint16).max);
        vm.prank(seller);
        vm.expectRevert(stdError.arithmeticError);
        listings.reclassify(id, core(), 0, REASON);
    }

    function expectHolderRefused(Classification memory class, uint16 rule) private {
        vm.prank(seller);
        expectRefused(rule);
        listings.reclassify(id, class, 0, REASON);
    }
}
