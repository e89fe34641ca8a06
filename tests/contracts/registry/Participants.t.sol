// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IParticipants } from "contracts/interfaces/IParticipants.sol";
import {
    ALL_ROLES,
    ARBITER,
    BUYER,
    CUSTODIAN,
    isAlpha2,
    MARKET_ROLES,
    Participant,
    PAYMENT_PROVIDER,
    REVIEWER,
    SELLER,
    Standing,
    SUPERVISOR
} from "contracts/types/Participant.sol";
import { Registry } from "./Registry.sol";

contract ParticipantsTest is Registry {
    address internal someone = makeAddr("someone");
    bytes32 internal constant CREDENTIAL = "credential";

    // accredit

    function testFuzz_R02_accredit_onlyOperator(address caller) public {
        vm.assume(caller != operator && caller != address(authority));
        vm.prank(caller);
        expectUnauthorized(caller);
        participants.accredit(someone, SELLER, "VN", false, inOneYear(), CREDENTIAL);
    }

    function testFuzz_R20_accredit_grantsMarketRolesOnly(uint16 roles) public {
        vm.prank(operator);
        if (roles == 0 || roles > 3) expectInvalidRoles(roles);
        participants.accredit(someone, roles, "VN", false, inOneYear(), CREDENTIAL);
    }

    function test_R20_accredit_neverTouchesOversight() public {
        address[5] memory overseers = [reviewer, custodian, provider, arbiter, supervisor];
        for (uint256 i; i < 5; ++i) {
            for (uint16 roles = 1; roles < 4; ++roles) {
                vm.prank(operator);
                expectInvalidRoles(roles);
                participants.accredit(overseers[i], roles, "VN", false, inOneYear(), CREDENTIAL);
            }
        }
    }

    function test_R20_accredit_overseerStaysBarredAfterRetirement() public {
        address[5] memory overseers = [reviewer, custodian, provider, arbiter, supervisor];
        for (uint256 i; i < 5; ++i) {
            retire(overseers[i]);
            vm.prank(operator);
            expectInvalidRoles(SELLER);
            participants.accredit(overseers[i], SELLER, "VN", false, inOneYear(), CREDENTIAL);
        }
    }

    function testFuzz_accredit_jurisdictionIsTwoCapitalLetters(bytes2 code) public {
        bool valid = code[0] >= 0x41 && code[0] <= 0x5a && code[1] >= 0x41 && code[1] <= 0x5a;
        assertEq(isAlpha2(code), valid);
        vm.prank(operator);
        if (!valid) expectInvalidJurisdiction(code);
        participants.accredit(someone, SELLER, code, false, inOneYear(), CREDENTIAL);
    }

    function test_accredit_jurisdictionAtTheEdges() public {
        bytes2[9] memory wrong = [bytes2("vn"), "V", "Vn", "vN", "@A", "A@", "[A", "A[", bytes2(0)];
        for (uint256 i; i < 9; ++i) {
            vm.prank(operator);
            expectInvalidJurisdiction(wrong[i]);
            participants.accredit(someone, SELLER, wrong[i], false, inOneYear(), CREDENTIAL);
        }
        accredit(someone, SELLER, "AA");
        accredit(someone, SELLER, "ZZ");
        accredit(someone, SELLER, "AZ");
    }

    function testFuzz_accredit_endsInTheFuture(uint40 validUntil) public {
        vm.prank(operator);
        if (validUntil <= time()) expectInvalidPeriod(validUntil);
        participants.accredit(someone, SELLER, "VN", false, validUntil, CREDENTIAL);
    }

    function test_accredit_needsACredential() public {
        vm.prank(operator);
        expectError(IParticipants.Participants_NoCredential.selector);
        participants.accredit(someone, SELLER, "VN", false, inOneYear(), 0);
    }

    function testFuzz_R02_accredit_recordsAndEmits(
        address account,
        uint16 roles,
        bool isPublicBody,
        uint40 validUntil,
        bytes32 credential
    ) public {
        vm.assume(participants.participant(account).roles == 0 && credential != 0);
        roles = uint16(bound(roles, 1, 3));
        validUntil = uint40(bound(validUntil, time() + 1, type(uint40).max));
        vm.expectEmit(address(participants));
        emit IParticipants.Accredited(account, roles, "SG", isPublicBody, validUntil, credential);
        vm.prank(operator);
        participants.accredit(account, roles, "SG", isPublicBody, validUntil, credential);
        assertParticipant(account, Participant(roles, "SG", isPublicBody, validUntil, 0));
        assertEq(participants.credentialOf(account), credential);
        assertStanding(account, roles, Standing.Eligible);
    }

    function test_R02_accredit_renewsAndChanges() public {
        vm.prank(operator);
        participants.accredit(seller, BUYER, "SG", true, type(uint40).max, CREDENTIAL);
        assertParticipant(seller, Participant(BUYER, "SG", true, type(uint40).max, 0));
        assertEq(participants.credentialOf(seller), CREDENTIAL);
        assertStanding(seller, SELLER, Standing.RoleMissing);
        accredit(seller, MARKET_ROLES);
        assertStanding(seller, SELLER, Standing.Eligible);
    }

    function test_R19_accredit_doesNotLiftASuspension() public {
        suspend(seller);
        accredit(seller, MARKET_ROLES);
        assertStanding(seller, SELLER, Standing.Suspended);
        assertEq(participants.participant(seller).suspendedUntil, time() + 30 days);
    }

    function test_R19_accredit_doesNotLiftASuspensionAfterRetirement() public {
        suspend(seller);
        retire(seller);
        accredit(seller, SELLER);
        assertStanding(seller, SELLER, Standing.Suspended);
    }

    // appoint

    function testFuzz_R20_appoint_onlyGovernor(address caller) public {
        vm.assume(caller != governor && caller != address(authority));
        vm.prank(caller);
        expectUnauthorized(caller);
        participants.appoint(someone, REVIEWER, "VN", inOneYear(), CREDENTIAL);
    }

    function testFuzz_R20_appoint_exactlyOneOversightRole(uint16 role) public {
        bool valid = role == REVIEWER || role == CUSTODIAN || role == PAYMENT_PROVIDER || role == ARBITER
            || role == SUPERVISOR;
        vm.prank(governor);
        if (!valid) expectInvalidRoles(role);
        participants.appoint(someone, role, "VN", inOneYear(), CREDENTIAL);
    }

    function test_R20_appoint_everyMaskOfKnownRoles() public {
        for (uint16 role; role <= ALL_ROLES + 1; ++role) {
            bool single = role >= REVIEWER && role <= SUPERVISOR && role & (role - 1) == 0;
            vm.prank(governor);
            if (!single) expectInvalidRoles(role);
            participants.appoint(address(uint160(1000 + role)), role, "VN", inOneYear(), CREDENTIAL);
        }
    }

    function test_R20_appoint_neverTouchesMarketAccounts() public {
        for (uint16 role = REVIEWER; role <= SUPERVISOR; role <<= 1) {
            vm.startPrank(governor);
            expectInvalidRoles(role);
            participants.appoint(seller, role, "VN", inOneYear(), CREDENTIAL);
            expectInvalidRoles(role);
            participants.appoint(buyer, role, "VN", inOneYear(), CREDENTIAL);
            vm.stopPrank();
        }
    }

    function test_R20_appoint_sellerStaysBarredAfterRetirement() public {
        retire(seller);
        retire(buyer);
        for (uint16 role = REVIEWER; role <= SUPERVISOR; role <<= 1) {
            vm.startPrank(governor);
            expectInvalidRoles(role);
            participants.appoint(seller, role, "VN", inOneYear(), CREDENTIAL);
            expectInvalidRoles(role);
            participants.appoint(buyer, role, "VN", inOneYear(), CREDENTIAL);
            vm.stopPrank();
        }
    }

    function test_R20_appoint_anAccuserNeverBecomesTheJudge() public {
        vm.prank(governor);
        expectInvalidRoles(ARBITER);
        participants.appoint(supervisor, ARBITER, "VN", inOneYear(), CREDENTIAL);
        retire(supervisor);
        vm.prank(governor);
        expectInvalidRoles(ARBITER);
        participants.appoint(supervisor, ARBITER, "VN", inOneYear(), CREDENTIAL);
    }

    function testFuzz_R20_noHistoryMixesSides(uint256 seed) public {
        uint16 ever;
        for (uint256 i; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint16 roles = uint16(seed % (ALL_ROLES + 1));
            uint256 act = (seed >> 32) % 3;
            if (act == 0) {
                vm.prank(operator);
                try participants.accredit(someone, roles, "VN", false, inOneYear(), CREDENTIAL) {
                    ever |= roles;
                } catch { }
            } else if (act == 1) {
                roles = uint16(1 << (roles % 7));
                vm.prank(governor);
                try participants.appoint(someone, roles, "VN", inOneYear(), CREDENTIAL) {
                    ever |= roles;
                } catch { }
            } else {
                retire(someone);
            }
            assertTrue(ever & ~MARKET_ROLES == 0 || ever & (ever - 1) == 0, "one side, or one oversight role");
        }
    }

    function test_appoint_checksWhatAccreditChecks() public {
        vm.startPrank(governor);
        expectInvalidJurisdiction("vn");
        participants.appoint(someone, REVIEWER, "vn", inOneYear(), CREDENTIAL);
        expectInvalidPeriod(time());
        participants.appoint(someone, REVIEWER, "VN", time(), CREDENTIAL);
        expectError(IParticipants.Participants_NoCredential.selector);
        participants.appoint(someone, REVIEWER, "VN", inOneYear(), 0);
    }

    function test_R20_appoint_recordsAndEmits() public {
        uint16[5] memory roles = [REVIEWER, CUSTODIAN, PAYMENT_PROVIDER, ARBITER, SUPERVISOR];
        for (uint256 i; i < 5; ++i) {
            address account = address(uint160(5000 + i));
            vm.expectEmit(address(participants));
            emit IParticipants.Accredited(account, roles[i], "LA", false, inOneYear(), CREDENTIAL);
            vm.prank(governor);
            participants.appoint(account, roles[i], "LA", inOneYear(), CREDENTIAL);
            assertParticipant(account, Participant(roles[i], "LA", false, inOneYear(), 0));
            assertEq(participants.check(account, roles[i]), bytes2("LA"));
        }
    }

    function test_R20_appoint_renewsTheSameRoleAlsoAfterRetirement() public {
        expire(reviewer);
        appoint(reviewer, REVIEWER);
        assertStanding(reviewer, REVIEWER, Standing.Eligible);
        retire(reviewer);
        appoint(reviewer, REVIEWER);
        assertStanding(reviewer, REVIEWER, Standing.Eligible);
    }

    // retire

    function testFuzz_retire_onlyGovernor(address caller) public {
        vm.assume(caller != governor && caller != address(authority));
        vm.prank(caller);
        expectUnauthorized(caller);
        participants.retire(seller, REASON);
    }

    function test_R19_retire_needsAReason() public {
        vm.prank(governor);
        expectError(IParticipants.Participants_NoReason.selector);
        participants.retire(seller, 0);
    }

    function test_R19_retire_takesRolesAndKeepsTheRecord() public {
        suspend(seller);
        Participant memory before = participants.participant(seller);
        bytes32 credential = participants.credentialOf(seller);
        vm.expectEmit(address(participants));
        emit IParticipants.Retired(seller, REASON);
        vm.prank(governor);
        participants.retire(seller, REASON);
        before.roles = 0;
        assertParticipant(seller, before);
        assertEq(participants.credentialOf(seller), credential);
        assertStanding(seller, SELLER, Standing.RoleMissing);
    }

    function test_retire_endsOversightToo() public {
        address[5] memory overseers = [reviewer, custodian, provider, arbiter, supervisor];
        for (uint256 i; i < 5; ++i) {
            retire(overseers[i]);
            assertStanding(overseers[i], ALL_ROLES, Standing.RoleMissing);
        }
    }

    // suspend

    function test_R20_suspend_onlyASupervisorInGoodStanding() public {
        address[8] memory callers =
            [seller, buyer, reviewer, custodian, provider, arbiter, operator, governor];
        for (uint256 i; i < 8; ++i) {
            vm.prank(callers[i]);
            expectIneligible(callers[i], SUPERVISOR, Standing.RoleMissing);
            participants.suspend(buyer, time() + 1, REASON);
        }
        expire(supervisor);
        vm.prank(supervisor);
        expectIneligible(supervisor, SUPERVISOR, Standing.Expired);
        participants.suspend(buyer, time() + 1, REASON);
        retire(supervisor);
        vm.prank(supervisor);
        expectIneligible(supervisor, SUPERVISOR, Standing.RoleMissing);
        participants.suspend(buyer, time() + 1, REASON);
    }

    function test_R20_suspend_neverTheJudgeNorASupervisor() public {
        vm.startPrank(supervisor);
        expectInvalidRoles(ARBITER);
        participants.suspend(arbiter, time() + 1, REASON);
        expectInvalidRoles(SUPERVISOR);
        participants.suspend(supervisor, time() + 1, REASON);
    }

    function testFuzz_R19_suspend_expires(uint40 until) public {
        bool valid = until > time() && until <= time() + 180 days;
        vm.prank(supervisor);
        if (!valid) expectInvalidPeriod(until);
        participants.suspend(seller, until, REASON);
    }

    function test_R19_suspend_periodAtTheEdges() public {
        assertEq(participants.MAX_SUSPENSION(), 180 days);
        vm.startPrank(supervisor);
        expectInvalidPeriod(time());
        participants.suspend(seller, time(), REASON);
        expectInvalidPeriod(time() + 180 days + 1);
        participants.suspend(seller, time() + 180 days + 1, REASON);
        participants.suspend(seller, time() + 1, REASON);
        participants.suspend(seller, time() + 180 days, REASON);
    }

    function test_R19_suspend_needsAReason() public {
        vm.prank(supervisor);
        expectError(IParticipants.Participants_NoReason.selector);
        participants.suspend(seller, time() + 1, 0);
    }

    function test_R02_suspend_bitesAtOnceAndEndsOnItsSecond() public {
        uint40 until = time() + 10 days;
        vm.expectEmit(address(participants));
        emit IParticipants.Suspended(seller, supervisor, until, REASON);
        vm.prank(supervisor);
        participants.suspend(seller, until, REASON);
        assertStanding(seller, SELLER, Standing.Suspended);
        vm.warp(until - 1);
        assertStanding(seller, SELLER, Standing.Suspended);
        vm.warp(until);
        assertStanding(seller, SELLER, Standing.Eligible);
    }

    function test_R02_suspend_everyRoleThatCanBeSuspended() public {
        address[5] memory accounts = [seller, buyer, reviewer, custodian, provider];
        for (uint256 i; i < 5; ++i) {
            suspend(accounts[i]);
            assertStanding(accounts[i], ALL_ROLES, Standing.Suspended);
        }
    }

    function test_R19_suspend_mayBeProlongedAndShortened() public {
        vm.startPrank(supervisor);
        participants.suspend(seller, time() + 10 days, REASON);
        participants.suspend(seller, time() + 20 days, REASON);
        assertEq(participants.participant(seller).suspendedUntil, time() + 20 days);
        participants.suspend(seller, time() + 1 days, REASON);
        assertEq(participants.participant(seller).suspendedUntil, time() + 1 days);
    }

    function test_R02_suspend_outlastsALaterAccreditation() public {
        suspend(someone);
        accredit(someone, SELLER);
        assertStanding(someone, SELLER, Standing.Suspended);
    }

    // reinstate

    function test_R20_reinstate_onlyArbiterOrSupervisorInGoodStanding() public {
        suspend(seller);
        address[7] memory callers = [seller, buyer, reviewer, custodian, provider, operator, governor];
        for (uint256 i; i < 7; ++i) {
            vm.prank(callers[i]);
            expectIneligible(callers[i], SUPERVISOR, Standing.RoleMissing);
            participants.reinstate(seller, REASON);
        }
        expire(supervisor);
        vm.prank(supervisor);
        expectIneligible(supervisor, SUPERVISOR, Standing.Expired);
        participants.reinstate(seller, REASON);
        expire(arbiter);
        vm.prank(arbiter);
        expectIneligible(arbiter, SUPERVISOR, Standing.RoleMissing);
        participants.reinstate(seller, REASON);
    }

    function test_R19_reinstate_byArbiterOnReviewOrBySupervisor() public {
        address[2] memory callers = [arbiter, supervisor];
        for (uint256 i; i < 2; ++i) {
            suspend(seller);
            vm.expectEmit(address(participants));
            emit IParticipants.Reinstated(seller, callers[i], REASON);
            vm.prank(callers[i]);
            participants.reinstate(seller, REASON);
            assertStanding(seller, SELLER, Standing.Eligible);
            assertEq(participants.participant(seller).suspendedUntil, 0);
        }
    }

    function test_reinstate_onlyTheSuspended() public {
        vm.startPrank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IParticipants.Participants_NotSuspended.selector, seller));
        participants.reinstate(seller, REASON);
        vm.stopPrank();
        suspend(seller);
        skip(30 days);
        vm.prank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IParticipants.Participants_NotSuspended.selector, seller));
        participants.reinstate(seller, REASON);
    }

    function test_R19_reinstate_needsAReason() public {
        suspend(seller);
        vm.prank(arbiter);
        expectError(IParticipants.Participants_NoReason.selector);
        participants.reinstate(seller, 0);
    }

    // check, standing

    function test_R02_check_givesTheJurisdiction() public {
        accredit(someone, SELLER, "KH");
        assertEq(participants.check(someone, SELLER), bytes2("KH"));
    }

    function test_R02_check_reasonsInOrder() public {
        accredit(someone, SELLER);
        suspend(someone);
        expectIneligible(someone, SELLER, Standing.Suspended);
        participants.check(someone, SELLER);
        expire(someone);
        expectIneligible(someone, SELLER, Standing.Expired);
        participants.check(someone, SELLER);
        expectIneligible(someone, BUYER, Standing.RoleMissing);
        participants.check(someone, BUYER);
        retire(someone);
        expectIneligible(someone, SELLER, Standing.RoleMissing);
        participants.check(someone, SELLER);
    }

    function testFuzz_threat_C15_accreditationEndsOnItsSecond(uint40 validUntil, uint40 when) public {
        validUntil = uint40(bound(validUntil, time() + 1, type(uint40).max));
        when = uint40(bound(when, time(), type(uint40).max));
        vm.prank(operator);
        participants.accredit(someone, SELLER, "VN", false, validUntil, CREDENTIAL);
        vm.warp(when);
        assertStanding(someone, SELLER, when < validUntil ? Standing.Eligible : Standing.Expired);
    }

    function test_threat_C15_suspensionNearTheEndOfTime() public {
        vm.prank(operator);
        participants.accredit(seller, SELLER, "VN", false, type(uint40).max, CREDENTIAL);
        vm.prank(governor);
        participants.appoint(supervisor, SUPERVISOR, "VN", type(uint40).max, CREDENTIAL);
        vm.warp(type(uint40).max - 1);
        vm.prank(supervisor);
        participants.suspend(seller, type(uint40).max, REASON);
        assertStanding(seller, SELLER, Standing.Suspended);
    }

    function test_standing_ofRoleMasks() public view {
        assertStanding(seller, MARKET_ROLES, Standing.Eligible);
        assertStanding(seller, 0, Standing.RoleMissing);
        assertStanding(seller, ~SELLER, Standing.RoleMissing);
        assertStanding(address(0), ALL_ROLES, Standing.RoleMissing);
    }

    function expectInvalidRoles(uint16 roles) private {
        vm.expectRevert(abi.encodeWithSelector(IParticipants.Participants_InvalidRoles.selector, roles));
    }

    function expectInvalidPeriod(uint40 until) private {
        vm.expectRevert(abi.encodeWithSelector(IParticipants.Participants_InvalidPeriod.selector, until));
    }

    function expectInvalidJurisdiction(bytes2 code) private {
        vm.expectRevert(abi.encodeWithSelector(IParticipants.Participants_InvalidJurisdiction.selector, code));
    }

    function assertParticipant(address account, Participant memory expected) private view {
        assertSame(abi.encode(participants.participant(account)), abi.encode(expected));
    }
}
