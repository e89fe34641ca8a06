// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC721Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import { IERC721 } from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial } from "contracts/types/Licence.sol";
import { LEGAL } from "contracts/types/Listing.sol";
import { BUYER, Standing } from "contracts/types/Participant.sol";
import { PlanDraft, TRANSFERABLE } from "contracts/types/Plan.sol";
import { Wallet } from "../mocks/market/Wallet.sol";
import { Market } from "./Market.sol";

contract LicencesTransferTest is Market {
    PlanId internal plan;
    LicenceId internal id;
    uint256 internal tokenId;

    function setUp() public override {
        super.setUp();
        plan = listed(transferable());
        id = owned(plan);
        tokenId = id.tokenId();
    }

    // What is refused

    function test_Transfer_RevertWhen_PlanForbidsIt() external {
        id = owned(listed());
        refused(notTransferable());
    }

    function test_threat_C19_Transfer_RevertWhen_OrderOpen() external {
        id = buy(plan);
        refused(notTransferable());
    }

    function test_threat_C19_Transfer_RevertWhen_OrderDisputed() external {
        id = buy(plan);
        dispute(id);
        refused(notTransferable());
    }

    function test_Transfer_RevertWhen_Refunded() external {
        id = buy(plan);
        refund(id);
        refused(notTransferable());
    }

    function test_Transfer_RevertWhen_Revoked() external {
        revoke(id);
        refused(notTransferable());
    }

    function test_R02_R17_threat_C13_Transfer_RevertWhen_ReceiverNotABuyer() external {
        reverts(ineligible(outsider, BUYER, Standing.RoleMissing));
        vm.prank(buyer);
        licences.transferFrom(buyer, outsider, tokenId);
        reverts(ineligible(seller, BUYER, Standing.RoleMissing));
        vm.prank(buyer);
        licences.transferFrom(buyer, seller, tokenId);
    }

    function test_R02_R17_threat_C13_Transfer_RevertWhen_ReceiverSuspended() external {
        suspend(second);
        refused(ineligible(second, BUYER, Standing.Suspended));
    }

    function test_R02_R17_threat_C13_Transfer_RevertWhen_ReceiverExpired() external {
        expire(second, BUYER);
        refused(ineligible(second, BUYER, Standing.Expired));
    }

    function test_R17_Transfer_RevertWhen_ListingFrozen() external {
        uint40 until = freezeListing(plan.listing());
        refused(abi.encodeWithSelector(IListings.Listings_IsFrozen.selector, plan.listing(), until));
    }

    function test_R17_Transfer_RevertWhen_VersionWithdrawn() external {
        vm.prank(seller);
        listings.withdrawVersion(plan.listing(), 1, REASON);
        refused(abi.encodeWithSelector(IListings.Listings_IsWithdrawn.selector, plan.listing(), uint24(1)));
    }

    function test_R01_R17_Transfer_RevertWhen_NoLongerAttested() external {
        vm.prank(reviewer);
        reviews.refuse(plan.listing(), 1, LEGAL, REASON, 0);
        refused(abi.encodeWithSelector(IListings.Listings_Refused.selector, PACK, pack.RULE_NOT_ATTESTED()));
    }

    function test_Transfer_RevertWhen_ToNobody() external {
        reverts(abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0)));
        vm.prank(buyer);
        licences.transferFrom(buyer, address(0), tokenId);
    }

    function test_Transfer_RevertWhen_ByAStranger() external {
        reverts(abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, outsider, tokenId));
        vm.prank(outsider);
        licences.transferFrom(buyer, outsider, tokenId);
    }

    // What it does

    function test_Transfer_MovesTheRightWithIt() external {
        vm.expectEmit(address(licences));
        emit IERC721.Transfer(buyer, second, tokenId);
        vm.prank(buyer);
        licences.transferFrom(buyer, second, tokenId);
        assertEq(licences.holderOf(id), second);
        assertDenial(id, second, Denial.Granted);
        assertDenial(id, buyer, Denial.NotHolder);
        checkJournals();
    }

    function test_Transfer_OfAFreeLicenceAtOnce() external {
        PlanDraft memory draft = free();
        draft.flags = TRANSFERABLE;
        id = buy(listed(draft));
        uint256 token_ = id.tokenId();
        vm.prank(buyer);
        licences.transferFrom(buyer, second, token_);
        assertEq(licences.holderOf(id), second);
    }

    function test_Transfer_OfAClosedAndDelistedPlan() external {
        closePlan(plan);
        vm.prank(seller);
        listings.delist(plan.listing(), REASON);
        vm.prank(buyer);
        licences.transferFrom(buyer, second, tokenId);
        assertEq(licences.holderOf(id), second);
    }

    function test_R02_Transfer_ASuspendedHolderMayGiveItAway() external {
        suspend(buyer);
        vm.prank(buyer);
        licences.transferFrom(buyer, second, tokenId);
        assertDenial(id, second, Denial.Granted);
    }

    function test_Transfer_ByApprovalAndByOperator() external {
        vm.expectEmit(address(licences));
        emit IERC721.Approval(buyer, outsider, tokenId);
        vm.prank(buyer);
        licences.approve(outsider, tokenId);
        vm.prank(outsider);
        licences.transferFrom(buyer, second, tokenId);
        assertEq(licences.getApproved(tokenId), address(0));

        vm.expectEmit(address(licences));
        emit IERC721.ApprovalForAll(second, outsider, true);
        vm.prank(second);
        licences.setApprovalForAll(outsider, true);
        vm.prank(outsider);
        licences.safeTransferFrom(second, buyer, tokenId);
        assertEq(licences.holderOf(id), buyer);
        checkJournals();
    }

    function test_threat_C02_SafeTransfer_ToAHostileReceiverUndoesItself() external {
        Wallet wallet = new Wallet();
        accredit(address(wallet), BUYER);
        foldLogs();
        reverts(abi.encodeWithSelector(Wallet.Wallet_Hooked.selector));
        vm.prank(buyer);
        licences.safeTransferFrom(buyer, address(wallet), tokenId);
        forgetLogs();
        assertEq(licences.holderOf(id), buyer);
        vm.prank(buyer);
        licences.transferFrom(buyer, address(wallet), tokenId);
        assertEq(licences.holderOf(id), address(wallet));
        checkJournals();
    }

    // Round the rule

    function test_threat_C17_AnApprovalDoesNotMoveABoundLicence() external {
        id = owned(listed());
        tokenId = id.tokenId();
        vm.prank(buyer);
        licences.approve(outsider, tokenId);
        reverts(notTransferable());
        vm.prank(outsider);
        licences.transferFrom(buyer, second, tokenId);
    }

    function test_threat_C17_AnOperatorDoesNotMoveABoundLicence() external {
        id = owned(listed());
        tokenId = id.tokenId();
        vm.prank(buyer);
        licences.setApprovalForAll(outsider, true);
        reverts(notTransferable());
        vm.prank(outsider);
        licences.transferFrom(buyer, second, tokenId);
        reverts(notTransferable());
        vm.prank(outsider);
        licences.safeTransferFrom(buyer, second, tokenId, "");
    }

    function test_threat_C17_NeitherSellerNorExchangeNorAdminMovesALicence() external {
        address[5] memory powers = [seller, address(exchange), governor, address(this), address(authority)];
        for (uint256 i; i < powers.length; ++i) {
            reverts(
                abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, powers[i], tokenId)
            );
            vm.prank(powers[i]);
            licences.transferFrom(buyer, second, tokenId);
        }
    }

    function test_threat_C17_ATransferToOneselfIsATransfer() external {
        id = owned(listed());
        tokenId = id.tokenId();
        reverts(notTransferable());
        vm.prank(buyer);
        licences.transferFrom(buyer, buyer, tokenId);
    }

    // isTransferable

    function test_ERC6454_AnswersAsATransferWould() external {
        assertTrue(licences.isTransferable(tokenId, address(0), address(0)), "at all");
        assertTrue(licences.isTransferable(tokenId, buyer, second), "to a buyer");
        assertFalse(licences.isTransferable(tokenId, second, buyer), "not his");
        assertFalse(licences.isTransferable(tokenId, buyer, outsider), "to a stranger");
        assertFalse(licences.isTransferable(tokenId, address(0), second), "mint");
        assertFalse(licences.isTransferable(tokenId, buyer, address(0)), "burn");
        assertFalse(licences.isTransferable(tokenId + 1, address(0), address(0)), "unknown");
        LicenceId open = buy(plan);
        assertFalse(licences.isTransferable(open.tokenId(), buyer, second), "open");
        LicenceId bound = owned(listed());
        assertFalse(licences.isTransferable(bound.tokenId(), address(0), address(0)), "bound");
        suspend(second);
        assertFalse(licences.isTransferable(tokenId, buyer, second), "suspended");
        assertTrue(licences.isTransferable(tokenId, address(0), address(0)), "at all, still");
        revoke(id);
        assertFalse(licences.isTransferable(tokenId, address(0), address(0)), "revoked");
    }

    function testFuzz_ERC6454_AgreesWithTransfer(uint8 state, address to) external {
        if (state % 8 == 1) revoke(id);
        if (state % 8 == 2) suspend(second);
        if (state % 8 == 3) freezeListing(plan.listing());
        if (state % 8 == 4) id = buy(plan);
        if (state % 8 == 5) id = owned(listed());
        if (state % 16 > 7) to = second;
        vm.assume(to != address(0));
        bool says = licences.isTransferable(id.tokenId(), buyer, to);
        bytes memory call = abi.encodeCall(licences.transferFrom, (buyer, to, id.tokenId()));
        foldLogs();
        vm.prank(buyer);
        (bool does,) = address(licences).call(call);
        if (!does) forgetLogs();
        assertEq(says, does);
        checkJournals();
    }

    function notTransferable() private view returns (bytes memory) {
        return abi.encodeWithSelector(ILicences.Licences_NotTransferable.selector, id);
    }

    function refused(bytes memory why) private {
        uint256 token_ = id.tokenId();
        reverts(why);
        vm.prank(buyer);
        licences.transferFrom(buyer, second, token_);
    }
}
