// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { IERC721Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { IReviews } from "contracts/interfaces/IReviews.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial } from "contracts/types/Licence.sol";
import { Attestation, CUSTODY, LEGAL, QUALITY, SECURITY } from "contracts/types/Listing.sol";
import { REVIEWER, Standing } from "contracts/types/Participant.sol";
import { Registry } from "./Registry.sol";

contract ReviewsTest is Registry {
    uint48 internal id;
    PlanId internal plan;
    address internal colleague = makeAddr("colleague");

    function setUp() public override {
        super.setUp();
        plan = unattested(planDraft());
        id = plan.listing();
        appoint(colleague, REVIEWER);
    }

    // attest

    function test_R20_attest_onlyAReviewer() public {
        address[8] memory callers =
            [seller, buyer, custodian, provider, arbiter, supervisor, operator, governor];
        for (uint256 i; i < 8; ++i) {
            expectBothIneligible(callers[i], Standing.RoleMissing);
        }
    }

    function test_threat_C13_R02_attest_notWithoutStanding() public {
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(reviewer, Standing(how));
            expectBothIneligible(reviewer, Standing(how));
            vm.revertToState(snapshot);
        }
    }

    function test_R02_attest_suspensionEndsOnItsSecond() public {
        suspend(reviewer);
        skip(30 days - 1);
        expectBothIneligible(reviewer, Standing.Suspended);
        skip(1);
        attest(id, 1, LEGAL);
    }

    function test_attest_unknownListingOrVersion() public {
        vm.startPrank(reviewer);
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 99));
            review(i == 0, 99, 1, LEGAL, EVIDENCE);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, id, 2));
            review(i == 0, id, 2, LEGAL, EVIDENCE);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, id, 0));
            review(i == 0, id, 0, LEGAL, EVIDENCE);
        }
    }

    /// @dev No account can be a reviewer and hold a listing; were Participants wrong about it, Reviews would still refuse.
    function test_R20_attest_neverOnesOwnListing() public {
        vm.mockCall(
            address(participants),
            abi.encodeCall(participants.check, (seller, REVIEWER)),
            abi.encode(bytes2("VN"))
        );
        vm.startPrank(seller);
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReviews.Reviews_OwnListing.selector, id, seller));
            review(i == 0, id, 1, LEGAL, EVIDENCE);
        }
    }

    function test_R20_attest_aFormerSellerNeverReviews() public {
        vm.prank(operator);
        participants.accredit(outsider, 1, "VN", false, inOneYear(), "credential");
        vm.prank(seller);
        listings.transferFrom(seller, outsider, id);
        retire(seller);
        vm.prank(governor);
        vm.expectRevert();
        participants.appoint(seller, REVIEWER, "VN", inOneYear(), "credential");
        expectBothIneligible(seller, Standing.RoleMissing);
    }

    function testFuzz_R01_attest_exactlyOneReviewedKind(uint8 kind) public {
        bool valid = kind == LEGAL || kind == SECURITY || kind == QUALITY;
        for (uint256 i; i < 2; ++i) {
            vm.prank(reviewer);
            if (!valid) vm.expectRevert(abi.encodeWithSelector(IReviews.Reviews_InvalidKind.selector, kind));
            review(i == 0, id, 1, kind, EVIDENCE);
        }
    }

    function test_R20_attest_custodyIsTheVaultsAlone() public {
        for (uint256 i; i < 2; ++i) {
            vm.prank(reviewer);
            vm.expectRevert(abi.encodeWithSelector(IReviews.Reviews_InvalidKind.selector, CUSTODY));
            review(i == 0, id, 1, CUSTODY, EVIDENCE);
        }
    }

    function test_R01_R19_attest_needsEvidence() public {
        for (uint256 i; i < 2; ++i) {
            vm.prank(reviewer);
            expectError(IReviews.Reviews_NoEvidence.selector);
            review(i == 0, id, 1, LEGAL, 0);
        }
    }

    function testFuzz_R01_R15_attest_recordsAndEmits(uint8 which, bytes32 evidence, uint32 later) public {
        vm.assume(evidence != 0);
        uint8 kind = uint8(1 << (which % 3));
        skip(later % 300 days);
        vm.expectEmit(address(listings));
        emit IERC4906.MetadataUpdate(id);
        vm.expectEmit(address(reviews));
        emit IReviews.Attested(id, 1, reviewer, kind, evidence, 0, time());
        vm.prank(reviewer);
        reviews.attest(id, 1, kind, evidence, 0);
        assertSame(
            abi.encode(reviews.attestation(id, 1, kind)), abi.encode(Attestation(reviewer, time(), evidence))
        );
        assertEq(listings.attestations(id, 1), CUSTODY | kind);
        assertEq(listings.version(id, 1).attestations, CUSTODY | kind);
    }

    function test_R04_attest_isRecordedUnderItsEpoch() public {
        reclassify(seller, id, ordinary(), 0);
        reclassify(seller, id, ordinary(), 0);
        vm.expectEmit(address(reviews));
        emit IReviews.Attested(id, 1, reviewer, LEGAL, EVIDENCE, 2, time());
        vm.prank(reviewer);
        reviews.attest(id, 1, LEGAL, EVIDENCE, 2);
        assertEq(listings.version(id, 1).epoch, 2);
        vm.expectEmit(address(reviews));
        emit IReviews.Refused(id, 1, reviewer, LEGAL, REASON, 2);
        vm.prank(reviewer);
        reviews.refuse(id, 1, LEGAL, REASON, 2);
    }

    function test_R04_attest_notWhatWasReclassifiedMeanwhile() public {
        reclassify(seller, id, ordinary(), 0);
        for (uint16 stale; stale < 3; stale += 2) {
            vm.startPrank(reviewer);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_StaleEpoch.selector, id, stale, 1));
            reviews.attest(id, 1, LEGAL, EVIDENCE, stale);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_StaleEpoch.selector, id, stale, 1));
            reviews.refuse(id, 1, LEGAL, REASON, stale);
            vm.stopPrank();
        }
        assertEq(listings.attestations(id, 1), CUSTODY);
    }

    function test_R01_attest_theLatestOfAKindIsOnRecord() public {
        attest(id, 1, LEGAL);
        skip(1 days);
        vm.prank(colleague);
        reviews.attest(id, 1, LEGAL, "another", 0);
        assertSame(
            abi.encode(reviews.attestation(id, 1, LEGAL)),
            abi.encode(Attestation(colleague, time(), "another"))
        );
        assertEq(reviews.attestation(id, 1, SECURITY).reviewer, address(0));
        assertEq(reviews.attestation(id, 2, LEGAL).reviewer, address(0));
    }

    function test_attest_countsForOneVersionOfOneListing() public {
        PlanId other = unattested(planDraft());
        uint24 second = addVersion(id);
        attest(id, 1, LEGAL);
        assertEq(listings.attestations(id, second), CUSTODY);
        assertEq(listings.attestations(other.listing(), 1), CUSTODY);
    }

    function test_R01_attest_aRetiredReviewersWordStands() public {
        attest(id, 1, LEGAL);
        retire(reviewer);
        listings.gate(plan, 1, buyer);
    }

    // refuse

    function test_R19_refuse_takesBackAndKeepsTheRecord() public {
        attest(id, 1, LEGAL);
        attest(id, 1, QUALITY);
        LicenceId licence = owned(plan);
        bytes32 record = keccak256(abi.encode(reviews.attestation(id, 1, LEGAL)));
        vm.expectEmit(address(listings));
        emit IERC4906.MetadataUpdate(id);
        vm.expectEmit(address(reviews));
        emit IReviews.Refused(id, 1, colleague, LEGAL, REASON, 0);
        vm.prank(colleague);
        reviews.refuse(id, 1, LEGAL, REASON, 0);

        assertEq(listings.attestations(id, 1), CUSTODY | QUALITY);
        assertEq(keccak256(abi.encode(reviews.attestation(id, 1, LEGAL))), record);
        assertDenial(licence, Denial.NotAttested);
        expectRefused(5);
        listings.gate(plan, 1, buyer);
        attest(id, 1, LEGAL);
        assertDenial(licence, Denial.Granted);
    }

    function test_refuse_whatWasNeverAttested() public {
        vm.prank(reviewer);
        reviews.refuse(id, 1, SECURITY, REASON, 0);
        assertEq(listings.attestations(id, 1), CUSTODY);
        assertEq(reviews.attestation(id, 1, SECURITY).reviewer, address(0));
    }

    function testFuzz_refuse_neverTouchesCustody(uint256 seed) public {
        uint8 model = CUSTODY;
        for (uint256 i; i < 16; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint8 kind = uint8(1 << ((seed >> 8) % 3));
            bool stands = seed % 2 == 0;
            vm.prank(seed % 3 == 0 ? colleague : reviewer);
            review(stands, id, 1, kind, EVIDENCE);
            model = stands ? model | kind : model & ~kind;
            assertEq(listings.attestations(id, 1), model);
        }
    }

    // IListings.review

    function testFuzz_R01_review_onlyReviews(address caller, uint8 kind, bool stands) public {
        vm.assume(caller != address(reviews));
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotReviews.selector, caller));
        listings.review(id, 1, kind, stands, 0);
    }

    function review(bool stands, uint48 listing, uint24 version, uint8 kind, bytes32 evidence) private {
        if (stands) reviews.attest(listing, version, kind, evidence, 0);
        else reviews.refuse(listing, version, kind, evidence, 0);
    }

    function expectBothIneligible(address caller, Standing standing) private {
        vm.startPrank(caller);
        expectIneligible(caller, REVIEWER, standing);
        reviews.attest(id, 1, LEGAL, EVIDENCE, 0);
        expectIneligible(caller, REVIEWER, standing);
        reviews.refuse(id, 1, LEGAL, REASON, 0);
        vm.stopPrank();
    }
}
