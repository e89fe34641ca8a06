// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IAccessManaged } from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import { AccessManager } from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import { IAccessManager } from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import { SettlementToken } from "../Deployed.sol";
import { REVIEWER, SELLER, Standing } from "contracts/types/Participant.sol";
import { SetPack } from "../mocks/registry/Packs.sol";
import { Registry } from "./Registry.sol";

contract AdminTest is Registry {
    struct Restricted {
        address target;
        bytes call;
        address allowed;
    }

    uint32 internal constant DELAY = 2 days;

    address internal council = makeAddr("council");

    // Every restricted function × every role

    function test_threat_C21_everyRestrictedFunctionRefusesEveryOtherRole() public {
        Restricted[] memory list = restricted();
        address[19] memory callers = [
            operator,
            governor,
            guardian,
            seller,
            buyer,
            reviewer,
            custodian,
            provider,
            arbiter,
            supervisor,
            treasury,
            taxAuthority,
            outsider,
            address(this), // the administrator: grants roles, holds none
            address(listings),
            address(licences),
            address(exchange),
            address(reviews),
            address(participants)
        ];
        for (uint256 i; i < list.length; ++i) {
            for (uint256 j; j < callers.length; ++j) {
                if (callers[j] == list[i].allowed) continue;
                vm.prank(callers[j]);
                (bool done, bytes memory reason) = list[i].target.call(list[i].call);
                assertFalse(done);
                assertEq(
                    reason,
                    abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, callers[j])
                );
            }
        }
    }

    function test_threat_C21_everyRestrictedFunctionTakesItsRole() public {
        Restricted[] memory list = restricted();
        for (uint256 i; i < list.length; ++i) {
            vm.prank(list[i].allowed);
            (bool done,) = list[i].target.call(list[i].call);
            assertTrue(done);
        }
    }

    function test_threat_C21_aFunctionGrantedToNobodyIsTheAdministrators() public {
        SettlementToken fresh = SettlementToken(deploy("SettlementToken", abi.encode(address(authority))));
        address[4] memory callers = [operator, governor, guardian, outsider];
        for (uint256 i; i < 4; ++i) {
            vm.prank(callers[i]);
            expectUnauthorized(callers[i]);
            fresh.mint(callers[i], 1);
        }
        fresh.mint(outsider, 1);
        authority.renounceRole(0, address(this));
        expectUnauthorized(address(this));
        fresh.mint(outsider, 1);
    }

    function test_threat_C21_nobodyButTheAdministratorGrants() public {
        address[4] memory callers = [operator, governor, guardian, supervisor];
        for (uint256 i; i < 4; ++i) {
            vm.startPrank(callers[i]);
            expectNoAdmin(callers[i]);
            authority.grantRole(GOVERNOR_ROLE, callers[i], 0);
            expectNoAdmin(callers[i]);
            authority.setTargetFunctionRole(address(token), new bytes4[](1), OPERATOR_ROLE);
            expectNoAdmin(callers[i]);
            authority.setTargetClosed(address(exchange), true);
            expectNoAdmin(callers[i]);
            authority.updateAuthority(address(token), callers[i]);
            vm.stopPrank();
        }
    }

    // The delay

    function test_threat_C21_R20_aDelayedRoleWaits() public {
        govern();
        bytes memory call = retiring(seller);
        bytes32 operation = authority.hashOperation(council, address(participants), call);

        vm.startPrank(council);
        expectNotScheduled(operation);
        participants.retire(seller, REASON);
        expectNotScheduled(operation);
        authority.execute(address(participants), call);

        authority.schedule(address(participants), call, 0);
        skip(DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotReady.selector, operation));
        participants.retire(seller, REASON);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotReady.selector, operation));
        authority.execute(address(participants), call);
        assertStanding(seller, SELLER, Standing.Eligible);

        skip(1);
        participants.retire(seller, REASON);
        assertStanding(seller, SELLER, Standing.RoleMissing);
        expectNotScheduled(operation);
        participants.retire(seller, REASON);
    }

    function test_threat_C21_aDelayedRoleByExecute() public {
        govern();
        bytes memory call = retiring(seller);
        vm.startPrank(council);
        authority.schedule(address(participants), call, 0);
        skip(DELAY);
        authority.execute(address(participants), call);
        assertStanding(seller, SELLER, Standing.RoleMissing);
    }

    function test_threat_C21_aDelayedRoleDoesNotStoreUpPower() public {
        govern();
        bytes memory call = retiring(seller);
        bytes32 operation = authority.hashOperation(council, address(participants), call);
        vm.startPrank(council);
        authority.schedule(address(participants), call, 0);
        skip(DELAY + 1 weeks);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerExpired.selector, operation));
        participants.retire(seller, REASON);
    }

    function test_threat_C21_aDelayedRoleExecutesOnlyWhatItScheduled() public {
        govern();
        vm.startPrank(council);
        authority.schedule(address(participants), retiring(seller), 0);
        skip(DELAY);
        expectNotScheduled(authority.hashOperation(council, address(participants), retiring(buyer)));
        participants.retire(buyer, REASON);
        vm.stopPrank();
        // Nor may another member, delayed or not a member, use the schedule.
        address second = makeAddr("second");
        authority.grantRole(GOVERNOR_ROLE, second, DELAY);
        bytes32 operation = authority.hashOperation(second, address(participants), retiring(seller));
        vm.prank(second);
        expectNotScheduled(operation);
        participants.retire(seller, REASON);
        vm.prank(outsider);
        expectUnauthorized(outsider);
        participants.retire(seller, REASON);
        vm.prank(outsider);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerUnauthorizedCall.selector,
                outsider,
                address(participants),
                participants.retire.selector
            )
        );
        authority.execute(address(participants), retiring(seller));
    }

    function test_threat_C21_aDelayIsNotScheduledAway() public {
        govern();
        bytes memory call = retiring(seller);
        uint48 soon = uint48(time() + DELAY - 1);
        vm.prank(council);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerUnauthorizedCall.selector,
                council,
                address(participants),
                participants.retire.selector
            )
        );
        authority.schedule(address(participants), call, soon);
        vm.startPrank(council);
        expectNoAdmin(council);
        authority.grantRole(GOVERNOR_ROLE, council, 0);
        vm.stopPrank();
        // Even the administrator shortens a delay only after that delay.
        authority.grantRole(GOVERNOR_ROLE, council, 0);
        bytes32 operation = authority.hashOperation(council, address(participants), call);
        vm.prank(council);
        expectNotScheduled(operation);
        participants.retire(seller, REASON);
        skip(DELAY);
        vm.prank(council);
        participants.retire(seller, REASON);
    }

    function test_threat_C21_R19_theGuardianCancels() public {
        govern();
        authority.setRoleGuardian(GOVERNOR_ROLE, GUARDIAN_ROLE);
        bytes memory call = retiring(arbiter);
        vm.prank(council);
        authority.schedule(address(participants), call, 0);
        vm.prank(guardian);
        authority.cancel(council, address(participants), call);
        skip(DELAY);
        bytes32 operation = authority.hashOperation(council, address(participants), call);
        vm.prank(council);
        expectNotScheduled(operation);
        participants.retire(arbiter, REASON);
    }

    function test_threat_C21_R14_theRulePackWaitsToo() public {
        govern();
        SetPack next = new SetPack(2);
        bytes memory call = abi.encodeCall(listings.setRulePack, (address(next)));
        vm.startPrank(council);
        authority.schedule(address(listings), call, 0);
        skip(DELAY);
        listings.setRulePack(address(next));
        (, uint24 version) = listings.rulePack();
        assertEq(version, 2);
    }

    // The deployer

    function test_threat_C21_aDeployerThatRenouncesKeepsNothing() public {
        authority.renounceRole(0, address(this));
        (bool isMember,) = authority.hasRole(0, address(this));
        assertFalse(isMember);
        Restricted[] memory list = restricted();
        for (uint256 i; i < list.length; ++i) {
            (bool done, bytes memory reason) = list[i].target.call(list[i].call);
            assertFalse(done);
            assertEq(
                reason,
                abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this))
            );
        }
        expectNoAdmin(address(this));
        authority.grantRole(0, address(this), 0);
        expectNoAdmin(address(this));
        authority.grantRole(GOVERNOR_ROLE, address(this), 0);
        expectNoAdmin(address(this));
        authority.setRoleAdmin(GOVERNOR_ROLE, OPERATOR_ROLE);
        expectNoAdmin(address(this));
        authority.setTargetFunctionRole(address(token), new bytes4[](1), type(uint64).max);
        expectNoAdmin(address(this));
        authority.updateAuthority(address(listings), address(this));
        // The others go on without it.
        accredit(outsider, SELLER);
        appoint(makeAddr("another"), REVIEWER);
    }

    // The authority

    function test_threat_C21_theAuthorityChangesThroughItselfAlone() public {
        AccessManager next = new AccessManager(council);
        address[4] memory targets =
            [address(participants), address(listings), address(exchange), address(token)];
        for (uint256 i; i < 4; ++i) {
            assertEq(IAccessManaged(targets[i]).authority(), address(authority));
            address[4] memory callers = [address(this), governor, operator, outsider];
            for (uint256 j; j < 4; ++j) {
                vm.prank(callers[j]);
                expectUnauthorized(callers[j]);
                IAccessManaged(targets[i]).setAuthority(address(next));
            }
            vm.expectEmit(targets[i]);
            emit IAccessManaged.AuthorityUpdated(address(next));
            authority.updateAuthority(targets[i], address(next));
            assertEq(IAccessManaged(targets[i]).authority(), address(next));
        }
        vm.prank(governor);
        expectUnauthorized(governor);
        participants.retire(seller, REASON);
    }

    function test_threat_C21_theAuthorityIsAContract() public {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessManaged.AccessManagedInvalidAuthority.selector, outsider)
        );
        authority.updateAuthority(address(listings), outsider);
    }

    /// @dev The council governs with a delay, and nobody governs without.
    function govern() private {
        authority.revokeRole(GOVERNOR_ROLE, governor);
        authority.grantRole(GOVERNOR_ROLE, council, DELAY);
    }

    function restricted() private returns (Restricted[] memory list) {
        address fresh = makeAddr("fresh");
        address next = address(new SetPack(2));
        list = new Restricted[](11);
        bytes memory call =
            abi.encodeCall(participants.accredit, (fresh, SELLER, "VN", false, inOneYear(), REASON));
        list[0] = Restricted(address(participants), call, operator);
        call = abi.encodeCall(participants.appoint, (makeAddr("new"), REVIEWER, "VN", inOneYear(), REASON));
        list[1] = Restricted(address(participants), call, governor);
        list[2] = Restricted(address(participants), retiring(fresh), governor);
        list[3] = Restricted(address(listings), abi.encodeCall(listings.setRulePack, (next)), governor);
        call = abi.encodeCall(exchange.setTerms, (1, 2, 1 hours, 1 hours));
        list[4] = Restricted(address(exchange), call, governor);
        call = abi.encodeCall(exchange.setRecipients, (treasury, taxAuthority));
        list[5] = Restricted(address(exchange), call, governor);
        call = abi.encodeCall(exchange.addCurrency, (address(pack)));
        list[6] = Restricted(address(exchange), call, governor);
        call = abi.encodeCall(exchange.activateCurrency, (DONG, false));
        list[7] = Restricted(address(exchange), call, governor);
        list[8] = Restricted(address(exchange), abi.encodeCall(exchange.halt, (REASON)), guardian);
        list[9] = Restricted(address(exchange), abi.encodeCall(exchange.resume, ()), governor);
        list[10] = Restricted(address(token), abi.encodeCall(token.mint, (fresh, 1)), operator);
    }

    function retiring(address account) private view returns (bytes memory) {
        return abi.encodeCall(participants.retire, (account, REASON));
    }

    function expectNotScheduled(bytes32 operation) private {
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotScheduled.selector, operation));
    }

    function expectNoAdmin(address account) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessManager.AccessManagerUnauthorizedAccount.selector, account, uint64(0)
            )
        );
    }
}
