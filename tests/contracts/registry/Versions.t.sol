// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial } from "contracts/types/Licence.sol";
import { CUSTODY, LEGAL, Version, VersionDraft } from "contracts/types/Listing.sol";
import { SELLER, Standing, SUPERVISOR } from "contracts/types/Participant.sol";
import { Registry } from "./Registry.sol";

contract VersionsTest is Registry {
    uint48 internal id;
    PlanId internal plan;

    function setUp() public override {
        super.setUp();
        plan = listed();
        id = plan.listing();
    }

    // addVersion

    function test_addVersion_onlyTheHolder() public {
        vm.startPrank(seller);
        listings.approve(outsider, id);
        listings.setApprovalForAll(associateOperator(), true);
        vm.stopPrank();
        address[5] memory callers = [outsider, associateOperator(), buyer, supervisor, governor];
        for (uint256 i; i < 5; ++i) {
            VersionDraft memory draft = versionDraft(callers[i]);
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotHolder.selector, id, callers[i]));
            listings.addVersion(id, draft);
        }
    }

    function test_addVersion_ofAnUnknownListing() public {
        VersionDraft memory draft = versionDraft(seller);
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_NotHolder.selector, 99, seller));
        listings.addVersion(99, draft);
    }

    function test_threat_C13_addVersion_notWithoutStanding() public {
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(seller, Standing(how));
            VersionDraft memory draft = versionDraft(seller);
            vm.prank(seller);
            expectIneligible(seller, SELLER, Standing(how));
            listings.addVersion(id, draft);
            vm.revertToState(snapshot);
        }
    }

    function test_addVersion_notOfADelisted() public {
        delist(id);
        VersionDraft memory draft = versionDraft(seller);
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsDelisted.selector, id));
        listings.addVersion(id, draft);
    }

    function test_addVersion_mustBeComplete() public {
        for (uint256 missing; missing < 5; ++missing) {
            VersionDraft memory draft = versionDraft(seller);
            if (missing == 0) draft.root = 0;
            if (missing == 1) draft.metadata = 0;
            if (missing == 2) draft.size = 0;
            if (missing == 3) draft.depositId = 0;
            if (missing == 4) draft.region = 0;
            draft.signature = signCustody(custodianKey, seller, draft);
            vm.prank(seller);
            expectError(IListings.Listings_InvalidVersion.selector);
            listings.addVersion(id, draft);
        }
    }

    function testFuzz_R07_addVersion_recordsTheStorageRegion(bytes2 region) public {
        VersionDraft memory draft = versionDraft(seller);
        draft.region = region;
        draft.signature = signCustody(custodianKey, seller, draft);
        bool valid = region[0] >= 0x41 && region[0] <= 0x5a && region[1] >= 0x41 && region[1] <= 0x5a;
        vm.prank(seller);
        if (!valid) expectError(IListings.Listings_InvalidVersion.selector);
        uint24 number = listings.addVersion(id, draft);
        if (valid) assertEq(listings.version(id, number).region, region);
    }

    function testFuzz_R15_addVersion_staleAtIsNeverOrInTheFuture(uint40 staleAt) public {
        VersionDraft memory draft = versionDraft(seller);
        draft.staleAt = staleAt;
        bool valid = staleAt == 0 || staleAt > time();
        vm.prank(seller);
        if (!valid) {
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_InvalidPeriod.selector, staleAt));
        }
        uint24 number = listings.addVersion(id, draft);
        if (valid) assertEq(listings.version(id, number).staleAt, staleAt);
    }

    function test_threat_C15_addVersion_staleNowIsTooEarly() public {
        VersionDraft memory draft = versionDraft(seller);
        draft.staleAt = time();
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_InvalidPeriod.selector, time()));
        listings.addVersion(id, draft);
        draft.staleAt = time() + 1;
        addVersion(id, draft);
    }

    function test_R15_aStaleVersionIsFlaggedNotBarred() public {
        VersionDraft memory draft = versionDraft(seller);
        draft.staleAt = time() + 1;
        uint24 number = addVersion(id, draft);
        attest(id, number, LEGAL);
        skip(1 days);
        assertLt(listings.version(id, number).staleAt, time());
        listings.gate(plan, number, buyer);
    }

    function test_threat_C11_addVersion_aDepositServesOnce() public {
        VersionDraft memory draft = versionDraft(seller);
        addVersion(id, draft);
        vm.startPrank(seller);
        expectDepositUsed(draft.depositId);
        listings.addVersion(id, draft);
        expectDepositUsed(draft.depositId);
        listings.publish(ordinary(), 0, draft, one(planDraft()), none());
        vm.stopPrank();
        // Not under another receipt, for other content, or by another seller either.
        accredit(outsider, SELLER);
        VersionDraft memory other = versionDraft(outsider);
        other.depositId = draft.depositId;
        other.signature = signCustody(custodianKey, outsider, other);
        vm.prank(outsider);
        expectDepositUsed(draft.depositId);
        listings.publish(ordinary(), 0, other, one(planDraft()), none());
    }

    function test_addVersion_recordsAndEmits() public {
        skip(5 days);
        reclassify(seller, id, ordinary(), 0);
        VersionDraft memory d = versionDraft(seller);
        vm.expectEmit(address(listings));
        emit IListings.VersionPublished(
            id, 2, d.root, d.metadata, d.depositId, d.size, "VN", time(), 0, 1, custodian
        );
        vm.expectEmit(address(listings));
        emit IERC4906.MetadataUpdate(id);
        assertEq(addVersion(id, d), 2);
        assertSame(
            abi.encode(listings.version(id, 2)),
            abi.encode(Version(d.root, d.metadata, d.depositId, d.size, "VN", time(), 0, CUSTODY, 1, false))
        );
        assertEq(listings.listing(id).versions, 2);
    }

    function test_R01_addVersion_isNotForSaleBeforeItIsAttested() public {
        uint24 number = addVersion(id);
        expectRefused(5);
        listings.gate(plan, number, buyer);
        listings.gate(plan, 1, buyer);
        attest(id, number, LEGAL);
        listings.gate(plan, number, buyer);
    }

    function testFuzz_addVersion_earlierVersionsNeverChange(uint8 count, uint256 seed) public {
        count = uint8(bound(count, 1, 12));
        bytes32[] memory seen = new bytes32[](count + 2);
        seen[1] = keccak256(abi.encode(listings.version(id, 1)));
        for (uint24 i = 2; i < count + 2; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            VersionDraft memory draft = versionDraft(seller);
            draft.root = bytes32(seed);
            draft.size = uint64(seed >> 64) | 1;
            draft.signature = signCustody(custodianKey, seller, draft);
            assertEq(addVersion(id, draft), i);
            seen[i] = keccak256(abi.encode(listings.version(id, i)));
            for (uint24 j = 1; j < i; ++j) {
                assertEq(keccak256(abi.encode(listings.version(id, j))), seen[j]);
            }
        }
    }

    function test_addVersion_largestValues() public {
        VersionDraft memory draft = versionDraft(seller);
        (draft.size, draft.staleAt, draft.deadline) = (type(uint64).max, type(uint40).max, type(uint64).max);
        draft.signature = signCustody(custodianKey, seller, draft);
        Version memory v = listings.version(id, addVersion(id, draft));
        assertEq(v.size, type(uint64).max);
        assertEq(v.staleAt, type(uint40).max);
    }

    // withdrawVersion

    function test_R20_withdrawVersion_onlyHolderOrSupervisor() public {
        address[6] memory callers = [outsider, buyer, reviewer, custodian, arbiter, governor];
        for (uint256 i; i < 6; ++i) {
            vm.prank(callers[i]);
            expectIneligible(callers[i], SUPERVISOR, Standing.RoleMissing);
            listings.withdrawVersion(id, 1, REASON);
        }
        expire(supervisor);
        vm.prank(supervisor);
        expectIneligible(supervisor, SUPERVISOR, Standing.Expired);
        listings.withdrawVersion(id, 1, REASON);
    }

    function test_withdrawVersion_ofAnUnknownVersion() public {
        uint24[2] memory numbers = [uint24(0), 2];
        for (uint256 i; i < 2; ++i) {
            vm.prank(seller);
            vm.expectRevert(
                abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, id, numbers[i])
            );
            listings.withdrawVersion(id, numbers[i], REASON);
        }
        vm.prank(supervisor);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_UnknownVersion.selector, 99, 1));
        listings.withdrawVersion(99, 1, REASON);
        vm.prank(seller);
        expectIneligible(seller, SUPERVISOR, Standing.RoleMissing);
        listings.withdrawVersion(99, 1, REASON);
    }

    function test_withdrawVersion_isForGood() public {
        withdrawVersion(id, 1);
        address[2] memory callers = [seller, supervisor];
        for (uint256 i; i < 2; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsWithdrawn.selector, id, 1));
            listings.withdrawVersion(id, 1, REASON);
        }
    }

    function test_R19_withdrawVersion_needsAReason() public {
        vm.prank(supervisor);
        expectError(IListings.Listings_NoReason.selector);
        listings.withdrawVersion(id, 1, 0);
    }

    function test_R22_withdrawVersion_endsSalesAndKeysOfThisVersionAlone() public {
        uint24 second = addVersion(id);
        attest(id, second, LEGAL);
        LicenceId licence = owned(plan);
        address[2] memory callers = [seller, supervisor];
        uint256 snapshot = vm.snapshotState();
        for (uint256 i; i < 2; ++i) {
            Version memory before = listings.version(id, 1);
            vm.expectEmit(address(listings));
            emit IListings.VersionWithdrawn(id, 1, callers[i], REASON);
            vm.expectEmit(address(listings));
            emit IERC4906.MetadataUpdate(id);
            vm.prank(callers[i]);
            listings.withdrawVersion(id, 1, REASON);

            before.withdrawn = true;
            assertSame(abi.encode(listings.version(id, 1)), abi.encode(before));
            assertDenial(licence, Denial.VersionWithdrawn);
            vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsWithdrawn.selector, id, 1));
            listings.gate(plan, 1, buyer);
            listings.gate(plan, second, buyer);
            vm.revertToState(snapshot);
        }
    }

    function test_R19_withdrawVersion_alsoBySuspendedOrRetiredHolder() public {
        uint24 second = addVersion(id);
        suspend(seller);
        withdrawVersion(id, 1);
        retire(seller);
        withdrawVersion(id, second);
    }

    function test_withdrawVersion_noAttestationBringsItBack() public {
        LicenceId licence = owned(plan);
        withdrawVersion(id, 1);
        attest(id, 1, LEGAL);
        assertEq(listings.attestations(id, 1), CUSTODY | LEGAL);
        assertDenial(licence, Denial.VersionWithdrawn);
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_IsWithdrawn.selector, id, 1));
        listings.checkHolder(id, 1, buyer);
        vm.prank(seller);
        listings.reclassify(id, ordinary(), 0, REASON);
        attest(id, 1, LEGAL);
        assertDenial(licence, Denial.VersionWithdrawn);
    }

    function expectDepositUsed(bytes32 depositId) private {
        vm.expectRevert(abi.encodeWithSelector(IListings.Listings_DepositUsed.selector, depositId));
    }

    function associateOperator() private returns (address) {
        return makeAddr("associate");
    }
}
