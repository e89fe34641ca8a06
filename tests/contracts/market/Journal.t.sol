// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessManager } from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import { IAccessManaged } from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { IERC721 } from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import { Vm } from "forge-std/Vm.sol";
import { IERC7858 } from "contracts/interfaces/IERC7858.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { IJournal } from "contracts/interfaces/IJournal.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { ILogAnchor } from "contracts/interfaces/ILogAnchor.sol";
import { IParticipants } from "contracts/interfaces/IParticipants.sol";
import { IReviews } from "contracts/interfaces/IReviews.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { OrderStatus } from "contracts/types/Licence.sol";
import {
    Classification,
    Importance,
    LEGAL,
    PersonalData,
    Sharing,
    Subject
} from "contracts/types/Listing.sol";
import { SELLER } from "contracts/types/Participant.sol";
import { PlanDraft, TRANSFERABLE, UPDATES } from "contracts/types/Plan.sol";
import { FaultyPack } from "../mocks/market/Packs.sol";
import { Market } from "./Market.sol";

contract JournalTest is Market {
    /// @dev Every event of every journalled contract happens, each folds, and no event is one that this list does not know.
    function test_threat_C24_EveryEventOfEveryContractFoldsIntoItsHead() external {
        everything();
        checkJournals();
        assertKinds(address(participants), participantsEvents());
        assertKinds(address(listings), listingsEvents());
        assertKinds(address(reviews), reviewsEvents());
        assertKinds(address(licences), licencesEvents());
        assertKinds(address(exchange), exchangeEvents());
        assertKinds(address(logAnchor), anchorEvents());
    }

    function test_threat_C24_ConstructorsFoldFromTheFirstEventOn() external {
        address[] memory list = journalled();
        checkJournals();
        for (uint256 i; i < list.length; ++i) {
            bool silent =
                list[i] == address(licences) || list[i] == address(reviews) || list[i] == address(logAnchor);
            assertEq(IJournal(list[i]).journalHead() == 0, silent);
        }
        assertEq(seen[address(exchange)][IAccessManaged.AuthorityUpdated.selector], 1);
        assertEq(seen[address(listings)][IAccessManaged.AuthorityUpdated.selector], 1);
        assertEq(seen[address(participants)][IAccessManaged.AuthorityUpdated.selector], 1);
    }

    function test_threat_C24_WhatRevertsLeavesNoTrace() external {
        PlanId plan = listed();
        checkJournals();
        bytes32 before = exchange.journalHead();
        vm.prank(buyer);
        token.approve(address(exchange), 0);
        foldLogs();
        vm.expectRevert();
        vm.prank(buyer);
        exchange.buy(plan, 1, 0);
        forgetLogs();
        assertEq(exchange.journalHead(), before);
        checkJournals();
    }

    /// @dev The fold of one known event, written out: not by way of the checker.
    function test_threat_C24_TheFoldIsTheOneOfTheInterface() external {
        bytes32 before = exchange.journalHead();
        haltMarket();
        assertEq(
            exchange.journalHead(),
            keccak256(
                bytes.concat(
                    before,
                    keccak256("Halted(address,bytes32)"),
                    keccak256(bytes.concat(bytes32(uint256(uint160(guardian))), REASON))
                )
            )
        );
    }

    /// @dev A history with an entry left out, cut off, repeated, exchanged or altered folds to another head.
    function testFuzz_threat_C24_ADamagedHistoryDoesNotFold(uint256 where, uint256 other, uint8 how)
        external
    {
        everything();
        Vm.Log[] memory history = only(address(exchange), vm.getRecordedLogs());
        bytes32 head = exchange.journalHead();
        assertEq(foldAll(history), head);
        where = bound(where, 0, history.length - 1);
        other = bound(other, 0, history.length - 1);
        how = uint8(bound(how, 0, 4));
        bytes32 whole = keccak256(abi.encode(history));
        if (how == 0) history = without(history, where);
        if (how == 1) history = cut(history, where);
        if (how == 2) (history[where], history[other]) = (history[other], history[where]);
        if (how == 3) history[where] = history[other];
        if (how == 4) {
            if (history[where].data.length == 0) history[where].topics[1] ^= bytes32(uint256(1));
            else history[where].data[other % history[where].data.length] ^= 0x01;
        }
        if (keccak256(abi.encode(history)) == whole) return; // exchanged with itself, or with its equal
        assertTrue(foldAll(history) != head);
    }

    /// @dev An order's whole life at random, checked at every step.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_threat_C24_AnyHistoryFolds(uint8[24] calldata steps) external {
        PlanDraft memory draft = monthly();
        (draft.flags, draft.quota) = (TRANSFERABLE | UPDATES, 1000);
        PlanId plan = listed(draft);
        LicenceId[] memory ids = new LicenceId[](steps.length);
        uint256 count;
        for (uint96 i; i < steps.length; ++i) {
            uint8 step = steps[i] % 12;
            if (count == 0 || step < 3) {
                ids[count] = step == 0 ? buyByBank(plan, bytes32(uint256(i) + 1)) : buy(plan);
                ++count;
                continue;
            }
            LicenceId id = ids[steps[i] / 12 % count];
            OrderStatus state = order(id);
            if (step < 5 && state == OrderStatus.Open) confirm(id);
            else if (step == 5 && state == OrderStatus.Open) dispute(id);
            else if (step == 6 && state == OrderStatus.Disputed) resolve(id, i * 1000);
            else if (step == 7 && state < OrderStatus.Settled) refund(id);
            else if (step == 8 && owedTo(seller) != 0) withdraw(seller);
            else if (step == 9 && uint8(status(id)) == 1) revoke(id);
            else if (step == 10 && uint8(status(id)) == 1) useIt(id);
            else if (step == 11 && uint8(status(id)) == 1 && state == OrderStatus.Settled) renew(id);
            checkJournals();
        }
    }

    // What happens

    function everything() private {
        theMarket();
        theRegistry();
        theAdministration();
    }

    function theMarket() private {
        PlanDraft memory draft = monthly();
        (draft.flags, draft.quota) = (TRANSFERABLE | UPDATES, 1000);
        PlanId plan = listed(draft);
        addVersion(plan);
        LicenceId id = owned(plan);
        uint256 tokenId = id.tokenId();
        renew(id);
        useIt(id);
        vm.startPrank(buyer);
        licences.upgrade(id, 2);
        licences.approve(outsider, tokenId);
        licences.setApprovalForAll(outsider, true);
        licences.transferFrom(buyer, second, tokenId);
        vm.stopPrank();
        revoke(id);
        vm.prank(arbiter);
        licences.reinstate(id, REASON);
        LicenceId disputed = buy(plan);
        dispute(disputed);
        resolve(disputed, 1000);
        refund(buyByBank(plan, "ref"));
        withdraw(seller);
        uint16[] memory shares = new uint16[](2);
        (shares[0], shares[1]) = (100, 200);
        (PlanId derivedPlan,) = derived(makeAddr("maker"), planDraft(), shares);
        confirm(buy(derivedPlan));
    }

    function theRegistry() private {
        PlanId plan = listed();
        uint48 listing = plan.listing();
        address heir = makeAddr("heir");
        accredit(heir, SELLER);
        Classification memory class =
            Classification(Importance.Important, Sharing.Shared, Subject.Items, PersonalData.None);
        vm.startPrank(seller);
        listings.reclassify(listing, class, 0, REASON);
        listings.withdrawVersion(listing, 1, REASON);
        listings.closePlan(plan);
        listings.approve(outsider, listing);
        listings.setApprovalForAll(outsider, true);
        listings.transferFrom(seller, heir, listing);
        vm.stopPrank();
        vm.startPrank(supervisor);
        listings.freeze(listing, uint40(block.timestamp + 1 days), REASON);
        listings.unfreeze(listing, REASON);
        listings.approveTransfer(listing, buyer, uint40(block.timestamp + 1 days), "evidence");
        participants.suspend(outsider, uint40(block.timestamp + 1 days), REASON);
        participants.reinstate(outsider, REASON);
        vm.stopPrank();
        vm.prank(heir);
        listings.delist(listing, REASON);
        vm.prank(reviewer);
        reviews.refuse(listing, 1, LEGAL, REASON, 1);
        retire(heir);
        vm.startPrank(custodian);
        logAnchor.anchor(1, "root");
        logAnchor.anchor(2, "root of two");
        vm.stopPrank();
    }

    function theAdministration() private {
        address faulty = address(new FaultyPack(pack));
        vm.startPrank(governor);
        listings.setRulePack(faulty);
        exchange.setTerms(1, 2, CONFIRM, ARBITRATION);
        exchange.setRecipients(outsider, second);
        exchange.activateCurrency(exchange.addCurrency(faulty), false);
        vm.stopPrank();
        haltMarket();
        vm.prank(governor);
        exchange.resume();
        address next = address(new AccessManager(address(this)));
        authority.updateAuthority(address(exchange), next);
        authority.updateAuthority(address(listings), next);
        authority.updateAuthority(address(participants), next);
    }

    function useIt(LicenceId id) private {
        vm.prank(custodian);
        licences.countUses(id, 1);
    }

    // What is known

    function participantsEvents() private pure returns (bytes32[] memory e) {
        e = new bytes32[](5);
        e[0] = IParticipants.Accredited.selector;
        e[1] = IParticipants.Retired.selector;
        e[2] = IParticipants.Suspended.selector;
        e[3] = IParticipants.Reinstated.selector;
        e[4] = IAccessManaged.AuthorityUpdated.selector;
    }

    function listingsEvents() private pure returns (bytes32[] memory e) {
        e = new bytes32[](17);
        e[0] = IListings.Listed.selector;
        e[1] = IListings.UpstreamNamed.selector;
        e[2] = IListings.VersionPublished.selector;
        e[3] = IListings.VersionWithdrawn.selector;
        e[4] = IListings.PlanAdded.selector;
        e[5] = IListings.PlanClosed.selector;
        e[6] = IListings.Reclassified.selector;
        e[7] = IListings.Delisted.selector;
        e[8] = IListings.Frozen.selector;
        e[9] = IListings.Unfrozen.selector;
        e[10] = IListings.TransferApproved.selector;
        e[11] = IListings.RulePackSet.selector;
        e[12] = IERC721.Transfer.selector;
        e[13] = IERC721.Approval.selector;
        e[14] = IERC721.ApprovalForAll.selector;
        e[15] = IERC4906.MetadataUpdate.selector;
        e[16] = IAccessManaged.AuthorityUpdated.selector;
    }

    function reviewsEvents() private pure returns (bytes32[] memory e) {
        e = new bytes32[](2);
        e[0] = IReviews.Attested.selector;
        e[1] = IReviews.Refused.selector;
    }

    function licencesEvents() private pure returns (bytes32[] memory e) {
        e = new bytes32[](10);
        e[0] = ILicences.LicenceRevoked.selector;
        e[1] = ILicences.LicenceReinstated.selector;
        e[2] = ILicences.UsesCounted.selector;
        e[3] = ILicences.VersionChanged.selector;
        e[4] = ILicences.OrderChanged.selector;
        e[5] = IERC7858.TokenExpiryUpdated.selector;
        e[6] = IERC4906.MetadataUpdate.selector;
        e[7] = IERC721.Transfer.selector;
        e[8] = IERC721.Approval.selector;
        e[9] = IERC721.ApprovalForAll.selector;
    }

    function exchangeEvents() private pure returns (bytes32[] memory e) {
        e = new bytes32[](16);
        e[0] = IExchange.Purchased.selector;
        e[1] = IExchange.Renewed.selector;
        e[2] = IExchange.Settled.selector;
        e[3] = IExchange.Disputed.selector;
        e[4] = IExchange.Resolved.selector;
        e[5] = IExchange.Refunded.selector;
        e[6] = IExchange.Allocated.selector;
        e[7] = IExchange.Withdrawn.selector;
        e[8] = IExchange.TermsSet.selector;
        e[9] = IExchange.RecipientsSet.selector;
        e[10] = IExchange.CurrencyAdded.selector;
        e[11] = IExchange.CurrencyActivated.selector;
        e[12] = IExchange.Halted.selector;
        e[13] = IExchange.Resumed.selector;
        e[14] = IAccessManaged.AuthorityUpdated.selector;
        e[15] = IExchange.PaymentUsed.selector;
    }

    function anchorEvents() private pure returns (bytes32[] memory e) {
        e = new bytes32[](1);
        e[0] = ILogAnchor.Anchored.selector;
    }

    function assertKinds(address emitter, bytes32[] memory expected) private view {
        for (uint256 i; i < expected.length; ++i) {
            assertGt(seen[emitter][expected[i]], 0, vm.toString(expected[i]));
        }
        assertEq(kinds[emitter].length, expected.length, "an event that this test does not know");
    }

    // Damage

    function foldAll(Vm.Log[] memory logs) private pure returns (bytes32 head) {
        for (uint256 i; i < logs.length; ++i) {
            head = fold(head, logs[i]);
        }
    }

    function only(address emitter, Vm.Log[] memory logs) private pure returns (Vm.Log[] memory kept) {
        uint256 count;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter == emitter) ++count;
        }
        kept = new Vm.Log[](count);
        count = 0;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter == emitter) kept[count++] = logs[i];
        }
    }

    function cut(Vm.Log[] memory logs, uint256 length) private pure returns (Vm.Log[] memory kept) {
        kept = new Vm.Log[](length);
        for (uint256 i; i < length; ++i) {
            kept[i] = logs[i];
        }
    }

    function without(Vm.Log[] memory logs, uint256 index) private pure returns (Vm.Log[] memory kept) {
        kept = cut(logs, logs.length - 1);
        for (uint256 i = index; i < kept.length; ++i) {
            kept[i] = logs[i + 1];
        }
    }
}
