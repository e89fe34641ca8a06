// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { IERC721 } from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import { IERC721Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { IReviews } from "contracts/interfaces/IReviews.sol";
import { LicenceId, PlanId, planId } from "contracts/types/Ids.sol";
import {
    Classification,
    CUSTODY,
    Importance,
    LEGAL,
    Listing,
    PersonalData,
    SECURITY,
    Sharing,
    Subject,
    Version,
    VersionDraft
} from "contracts/types/Listing.sol";
import { BUYER, MARKET_ROLES, SELLER, Standing } from "contracts/types/Participant.sol";
import { Plan, PlanDraft, PlanStatus } from "contracts/types/Plan.sol";
import { Trap } from "../mocks/registry/Accounts.sol";
import { Registry } from "./Registry.sol";

contract PublishTest is Registry {
    function test_R02_publish_onlyASeller() public {
        address[6] memory callers = [outsider, buyer, reviewer, custodian, supervisor, operator];
        for (uint256 i; i < 6; ++i) {
            expectPublishIneligible(callers[i], Standing.RoleMissing);
        }
    }

    function test_threat_C13_publish_notWithoutStanding() public {
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(seller, Standing(how));
            expectPublishIneligible(seller, Standing(how));
            vm.revertToState(snapshot);
        }
    }

    function test_R02_publish_possibleAgainWhenTheSuspensionEnds() public {
        suspend(seller);
        skip(30 days);
        publish(seller, planDraft(), none());
    }

    function test_threat_C23_publish_atMostSixteenPlans() public {
        VersionDraft memory draft = versionDraft(seller);
        PlanDraft[] memory drafts = new PlanDraft[](17);
        for (uint256 i; i < 17; ++i) {
            drafts[i] = planDraft();
        }
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_TooMany.selector, 17, 16));
        listings.publish(ordinary(), 0, draft, drafts, none());
        drafts = new PlanDraft[](16);
        for (uint256 i; i < 16; ++i) {
            drafts[i] = planDraft();
            drafts[i].price = uint96(i);
        }
        vm.prank(seller);
        uint48 id = listings.publish(ordinary(), 0, draft, drafts, none());
        assertEq(listings.listing(id).plans, 16);
        for (uint16 i; i < 16; ++i) {
            assertEq(listings.plan(planId(id, i)).price, i);
        }
    }

    function test_R05_publish_withoutAPlanSellsNothing() public {
        VersionDraft memory draft = versionDraft(seller);
        vm.prank(seller);
        uint48 id = listings.publish(ordinary(), 0, draft, new PlanDraft[](0), none());
        assertEq(listings.listing(id).plans, 0);
        attest(id, 1, LEGAL);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, planId(id, 0)));
        listings.gate(planId(id, 0), 1, buyer);
    }

    function test_R04_R14_publish_unclassifiedIsRefused() public {
        expectPublishRefused(classOf(Importance.Unclassified, Sharing.Shared, PersonalData.None), 0, 1);
    }

    function test_R04_R14_publish_publicBodyMustStateSharing() public {
        Classification memory class = classOf(Importance.Other, Sharing.Unstated, PersonalData.None);
        publishClass(seller, class, 0);
        publicBody(seller, SELLER);
        expectPublishRefused(class, 0, 2);
    }

    function test_R22_publish_personalDataIsRefusedWithoutLegalBasis() public {
        expectPublishRefused(classOf(Importance.Other, Sharing.Shared, PersonalData.Deidentified), 0, 3);
        expectPublishRefused(classOf(Importance.Other, Sharing.Shared, PersonalData.Consented), 0, 3);
    }

    function test_R22_publish_personalDataRecordsItsLegalBasis() public {
        uint48 id =
            publishClass(seller, classOf(Importance.Other, Sharing.Shared, PersonalData.Consented), BASIS);
        assertEq(listings.legalBasis(id), BASIS);
        assertEq(listings.listing(id).required, CUSTODY | LEGAL | SECURITY);
    }

    function test_R04_publish_coreIsNotOpen() public {
        expectPublishRefused(classOf(Importance.Core, Sharing.Open, PersonalData.None), 0, 4);
    }

    function testFuzz_R04_R14_R21_R22_publish_asThePackDecides(
        uint8[4] memory raw,
        bool isPublicBody,
        bytes32 basis
    ) public {
        Classification memory class = Classification(
            Importance(raw[0] % 4), Sharing(raw[1] % 4), Subject(raw[2] % 5), PersonalData(raw[3] % 3)
        );
        if (isPublicBody) publicBody(seller, SELLER);
        (uint16 rule, uint8 required) = pack.decideListing(class, isPublicBody, basis != 0);
        VersionDraft memory draft = versionDraft(seller);
        vm.prank(seller);
        if (rule != 0) expectRefused(rule);
        uint48 id = listings.publish(class, basis, draft, one(planDraft()), none());
        if (rule != 0) return;
        Listing memory l = listings.listing(id);
        assertSame(abi.encode(l.class), abi.encode(class));
        assertEq(l.required, required);
        assertEq(listings.legalBasis(id), basis);
    }

    function test_R01_R07_publish_recordsAndEmits() public {
        VersionDraft memory draft = versionDraft(seller);
        (draft.region, draft.staleAt) = ("SG", time() + 90 days);
        draft.signature = signCustody(custodianKey, seller, draft);
        PlanDraft[] memory plans = new PlanDraft[](2);
        (plans[0], plans[1]) = (planDraft(), planDraft());
        plans[1].onlyBuyer = buyer;
        Classification memory class = ordinary();

        expectPublished(1, class, draft, plans);
        vm.prank(seller);
        assertEq(listings.publish(class, BASIS, draft, plans, none()), 1);

        assertSame(
            abi.encode(listings.listing(1)),
            abi.encode(Listing(class, "VN", 1, 2, 0, CUSTODY | LEGAL, 0, false, 0, PACK, false))
        );
        assertSame(
            abi.encode(listings.version(1, 1)),
            abi.encode(
                Version(
                    draft.root,
                    draft.metadata,
                    draft.depositId,
                    draft.size,
                    "SG",
                    time(),
                    draft.staleAt,
                    CUSTODY,
                    0,
                    false
                )
            )
        );
        assertEq(uint8(listings.plan(planId(1, 0)).status), uint8(PlanStatus.Open));
        assertEq(uint8(listings.plan(planId(1, 1)).status), uint8(PlanStatus.Reserved));
        assertEq(listings.plan(planId(1, 1)).onlyBuyer, buyer);
        assertEq(listings.holderOf(1), seller);
        assertEq(listings.balanceOf(seller), 1);
        assertEq(listings.upstreams(1).length, 0);
        assertEq(listings.attestations(1, 1), CUSTODY);
        assertEq(listings.legalBasis(1), BASIS);
        assertTrue(listings.depositUsed(draft.depositId));
    }

    function test_publish_numbersFromOneUp() public {
        accredit(outsider, SELLER, "SG");
        for (uint48 i = 1; i <= 5; ++i) {
            address by = i % 2 == 0 ? outsider : seller;
            assertEq(publish(by, planDraft(), none()), i);
            assertEq(listings.holderOf(i), by);
            assertEq(listings.listing(i).home, i % 2 == 0 ? bytes2("SG") : bytes2("VN"));
        }
    }

    function test_publish_aFailureLeavesNothing() public {
        VersionDraft memory draft = versionDraft(seller);
        PlanDraft[] memory plans = new PlanDraft[](2);
        (plans[0], plans[1]) = (planDraft(), planDraft());
        plans[1].cap = 0;
        bytes32 head = listings.journalHead();
        vm.prank(seller);
        expectError(IListings.Listings_InvalidPlan.selector);
        listings.publish(ordinary(), 0, draft, plans, none());
        assertEq(listings.journalHead(), head);
        assertFalse(listings.depositUsed(draft.depositId));
        plans[1].cap = 1;
        vm.prank(seller);
        assertEq(listings.publish(ordinary(), 0, draft, plans, none()), 1);
    }

    function test_R01_publish_isNotForSaleBeforeItIsAttested() public {
        PlanId plan = unattested(planDraft());
        expectRefused(5);
        listings.gate(plan, 1, buyer);
        attest(plan.listing(), 1, LEGAL);
        listings.gate(plan, 1, buyer);
    }

    function test_threat_C02_mintingAListingNeverCallsTheReceiver() public {
        address trap = address(new Trap());
        accredit(trap, SELLER);
        vm.expectCall(trap, "", 0);
        uint48 id = publish(trap, planDraft(), none());
        assertEq(listings.holderOf(id), trap);
    }

    function test_threat_C02_mintingALicenceNeverCallsTheReceiver() public {
        address trap = address(new Trap());
        accredit(trap, BUYER);
        fund(trap, PRICE);
        PlanId plan = listed();
        vm.expectCall(trap, "", 0);
        LicenceId licence = buy(plan, trap);
        assertEq(licences.holderOf(licence), trap);
    }

    function test_threat_C23_publish_aHugeSignatureIsAnInvalidOne() public {
        VersionDraft memory draft = versionDraft(seller);
        draft.signature = new bytes(100_000);
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IReviews.Reviews_InvalidCustody.selector, custodian));
        listings.publish(ordinary(), 0, draft, one(planDraft()), none());
    }

    function test_R20_publish_aSellerMayBuyOfOthersOnly() public {
        accredit(seller, MARKET_ROLES);
        PlanId own = listed();
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_SelfDealing.selector, seller));
        listings.gate(own, 1, seller);
    }

    function test_views_ofAnUnknownListing() public {
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownListing.selector, 9));
        listings.listing(9);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownListing.selector, 0));
        listings.listing(0);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, 9, 1));
        listings.version(9, 1);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, 9, 1));
        listings.attestations(9, 1);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 9));
        listings.holderOf(9);
        assertEq(listings.upstreams(9).length, 0);
        assertEq(listings.legalBasis(9), 0);
        Plan memory nothing;
        assertSame(abi.encode(listings.plan(planId(9, 0))), abi.encode(nothing));
        (address inForce, uint24 version) = listings.rulePack();
        assertEq(inForce, address(pack));
        assertEq(version, PACK);
    }

    function expectPublishIneligible(address by, Standing standing) private {
        VersionDraft memory draft = versionDraft(by);
        vm.prank(by);
        expectIneligible(by, SELLER, standing);
        listings.publish(ordinary(), 0, draft, one(planDraft()), none());
    }

    function expectPublishRefused(Classification memory class, bytes32 basis, uint16 rule) private {
        VersionDraft memory draft = versionDraft(seller);
        vm.prank(seller);
        expectRefused(rule);
        listings.publish(class, basis, draft, one(planDraft()), none());
    }

    function expectPublished(
        uint48 id,
        Classification memory class,
        VersionDraft memory d,
        PlanDraft[] memory plans
    ) private {
        vm.expectEmit(address(listings));
        emit IERC721.Transfer(address(0), seller, id);
        vm.expectEmit(address(listings));
        emit IListings.Listed(id, seller, "VN", class, CUSTODY | LEGAL, PACK, BASIS);
        vm.expectEmit(address(listings));
        emit IListings.VersionPublished(
            id, 1, d.root, d.metadata, d.depositId, d.size, d.region, time(), d.staleAt, 0, d.custodian
        );
        vm.expectEmit(address(listings));
        emit IERC4906.MetadataUpdate(id);
        for (uint16 i; i < plans.length; ++i) {
            vm.expectEmit(address(listings));
            emit IListings.PlanAdded(planId(id, i), id, plans[i].onlyBuyer, plans[i]);
        }
    }
}
