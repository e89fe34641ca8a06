// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IAccessManaged } from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { IParticipants } from "contracts/interfaces/IParticipants.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial } from "contracts/types/Licence.sol";
import {
    Classification,
    Importance,
    PersonalData,
    Sharing,
    Subject,
    Upstream,
    VersionDraft
} from "contracts/types/Listing.sol";
import { MARKET_ROLES, Participant, Standing } from "contracts/types/Participant.sol";
import { PlanDraft } from "contracts/types/Plan.sol";
import { Base } from "../Base.t.sol";

/// @notice What the tests of the register have in common: the refusals that recur, and the ways to lose standing.
/// @dev Time is read with a cheat call: via-IR may keep a `block.timestamp` across a warp.
abstract contract Registry is Base {
    uint24 internal constant PACK = 1;
    bytes32 internal constant BASIS = "legal basis";
    bytes32 internal constant EVIDENCE = keccak256("evidence");

    // Refusals

    function expectError(bytes4 selector) internal {
        vm.expectRevert(abi.encodeWithSelector(selector));
    }

    function expectIneligible(address account, uint16 role, Standing standing) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IParticipants.Participants_Ineligible.selector, account, role, uint8(standing)
            )
        );
    }

    function expectUnauthorized(address account) internal {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, account));
    }

    function expectRefused(uint16 rule) internal {
        expectRefused(PACK, rule);
    }

    function expectRefused(uint24 pack_, uint16 rule) internal {
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_Refused.selector, pack_, rule));
    }

    // Standing

    /// @dev Takes the standing that `account` has, in the way named; a second may pass.
    function lose(address account, Standing how) internal {
        if (how == Standing.Suspended) suspend(account);
        if (how == Standing.Expired) expire(account);
        if (how == Standing.RoleMissing) retire(account);
    }

    function expire(address account) internal {
        Participant memory p = participants.participant(account);
        uint40 soon = time() + 1;
        if (p.roles & MARKET_ROLES != 0) {
            vm.prank(operator);
            participants.accredit(account, p.roles, p.jurisdiction, p.publicBody, soon, "credential");
        } else {
            vm.prank(governor);
            participants.appoint(account, p.roles, p.jurisdiction, soon, "credential");
        }
        skip(1);
    }

    function retire(address account) internal {
        vm.prank(governor);
        participants.retire(account, REASON);
    }

    function publicBody(address account, uint16 roles) internal {
        vm.prank(operator);
        participants.accredit(account, roles, "VN", true, type(uint40).max, "credential");
    }

    // Acts

    function publishClass(address by, Classification memory class, bytes32 basis) internal returns (uint48) {
        VersionDraft memory draft = versionDraft(by);
        vm.prank(by);
        return listings.publish(class, basis, draft, one(planDraft()), none());
    }

    function addVersion(uint48 listing) internal returns (uint24) {
        return addVersion(listing, versionDraft(listings.holderOf(listing)));
    }

    function addVersion(uint48 listing, VersionDraft memory draft) internal returns (uint24) {
        vm.prank(listings.holderOf(listing));
        return listings.addVersion(listing, draft);
    }

    function addPlan(uint48 listing, PlanDraft memory draft) internal returns (PlanId) {
        vm.prank(listings.holderOf(listing));
        return listings.addPlan(listing, draft);
    }

    function withdrawVersion(uint48 listing, uint24 version) internal {
        vm.prank(listings.holderOf(listing));
        listings.withdrawVersion(listing, version, REASON);
    }

    function freeze(uint48 listing) internal returns (uint40 until) {
        until = time() + 30 days;
        vm.prank(supervisor);
        listings.freeze(listing, until, REASON);
    }

    function delist(uint48 listing) internal {
        vm.prank(listings.holderOf(listing));
        listings.delist(listing, REASON);
    }

    function reclassify(address by, uint48 listing, Classification memory class, bytes32 basis) internal {
        vm.prank(by);
        listings.reclassify(listing, class, basis, REASON);
    }

    // Values

    function time() internal view returns (uint40) {
        return uint40(vm.getBlockTimestamp());
    }

    function classOf(Importance importance, Sharing sharing, PersonalData personal)
        internal
        pure
        returns (Classification memory)
    {
        return Classification(importance, sharing, Subject.Items, personal);
    }

    function core() internal pure returns (Classification memory) {
        return classOf(Importance.Core, Sharing.Private, PersonalData.None);
    }

    function one(PlanDraft memory draft) internal pure returns (PlanDraft[] memory drafts) {
        drafts = new PlanDraft[](1);
        drafts[0] = draft;
    }

    function none() internal pure returns (Upstream[] memory) {
        return new Upstream[](0);
    }

    function denial(LicenceId licence) internal view returns (Denial) {
        return licences.entitlement(licence, licences.holderOf(licence)).denial;
    }

    // Comparisons

    function assertSame(bytes memory a, bytes memory b) internal pure {
        assertEq(keccak256(a), keccak256(b));
    }

    function assertDenial(LicenceId licence, Denial expected) internal view {
        assertEq(uint8(denial(licence)), uint8(expected));
    }

    function assertStanding(address account, uint16 role, Standing expected) internal view {
        assertEq(uint8(participants.standing(account, role)), uint8(expected));
    }
}
