// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { MessageHashUtils } from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import { Reviews } from "../Deployed.sol";
import { IReviews } from "contracts/interfaces/IReviews.sol";
import { CUSTODY, VersionDraft } from "contracts/types/Listing.sol";
import { CUSTODIAN, SELLER, Standing } from "contracts/types/Participant.sol";
import { Wallet } from "../mocks/registry/Accounts.sol";
import { Registry } from "./Registry.sol";

contract CustodyTest is Registry {
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    VersionDraft internal draft;

    function setUp() public override {
        super.setUp();
        draft = versionDraft(seller);
    }

    function test_custody_passes() public view {
        reviews.checkCustody(seller, draft);
    }

    function test_custody_typehashIsThatOfItsSpelling() public view {
        assertEq(
            reviews.CUSTODY_TYPEHASH(),
            keccak256(
                "Custody(address seller,bytes32 root,uint64 size,bytes32 depositId,bytes2 region,uint64 deadline)"
            )
        );
        (, string memory name, string memory version, uint256 chainId, address verifier,,) =
            reviews.eip712Domain();
        assertEq(name, "Socai Reviews");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifier, address(reviews));
    }

    function testFuzz_threat_C11_custody_deadline(uint64 deadline) public {
        draft.deadline = deadline;
        draft.signature = signCustody(custodianKey, seller, draft);
        if (deadline < time()) expectExpired(deadline);
        reviews.checkCustody(seller, draft);
    }

    function test_threat_C11_custody_deadlineAtItsEdge() public {
        vm.warp(draft.deadline);
        reviews.checkCustody(seller, draft);
        vm.warp(draft.deadline + 1);
        expectExpired(draft.deadline);
        reviews.checkCustody(seller, draft);
        vm.prank(seller);
        expectExpired(draft.deadline);
        listings.publish(ordinary(), 0, draft, one(planDraft()), none());
    }

    function test_threat_C11_custody_onlyByACustodian() public {
        draft.custodian = supervisor;
        expectIneligible(supervisor, CUSTODIAN, Standing.RoleMissing);
        reviews.checkCustody(seller, draft);
    }

    function test_threat_C11_C13_custody_theCustodianLosesItsStandingAfterSigning() public {
        uint256 snapshot = vm.snapshotState();
        for (uint8 how = 1; how <= 3; ++how) {
            lose(custodian, Standing(how));
            vm.prank(seller);
            expectIneligible(custodian, CUSTODIAN, Standing(how));
            listings.publish(ordinary(), 0, draft, one(planDraft()), none());
            vm.revertToState(snapshot);
        }
    }

    function test_threat_C11_custody_ofAPublishedVersionOutlivesItsCustodian() public {
        uint48 id = publish(seller, planDraft(), none());
        retire(custodian);
        assertEq(listings.attestations(id, 1), CUSTODY);
    }

    function testFuzz_threat_C11_custody_replayedByAnotherSeller(address other) public {
        vm.assume(other != seller);
        expectInvalid();
        reviews.checkCustody(other, draft);
    }

    function test_threat_C11_custody_copiedFromThePoolByAnotherSeller() public {
        accredit(outsider, SELLER);
        vm.prank(outsider);
        expectInvalid();
        listings.publish(ordinary(), 0, draft, one(planDraft()), none());
        vm.prank(seller);
        listings.publish(ordinary(), 0, draft, one(planDraft()), none());
    }

    function testFuzz_threat_C11_custody_everySignedFieldCounts(uint8 field, uint256 other) public {
        bytes memory signature = draft.signature;
        bytes32 before = keccak256(abi.encode(draft));
        if (field % 5 == 0) draft.root = bytes32(other);
        if (field % 5 == 1) draft.size = uint64(other);
        if (field % 5 == 2) draft.depositId = bytes32(other);
        if (field % 5 == 3) draft.region = bytes2(uint16(other));
        if (field % 5 == 4) draft.deadline = uint64(bound(other, time(), type(uint64).max));
        vm.assume(keccak256(abi.encode(draft)) != before);
        draft.signature = signature;
        expectInvalid();
        reviews.checkCustody(seller, draft);
    }

    function test_threat_C11_custody_forAnotherDeposit() public {
        VersionDraft memory other = versionDraft(seller);
        other.signature = draft.signature;
        vm.prank(seller);
        expectInvalid();
        listings.publish(ordinary(), 0, other, one(planDraft()), none());
    }

    function test_threat_C11_custody_metadataAndStalenessAreTheSellersToState() public {
        (draft.metadata, draft.staleAt) = ("other", time() + 1);
        reviews.checkCustody(seller, draft);
    }

    function testFuzz_threat_C11_custody_otherChain(uint64 chainId) public {
        vm.assume(chainId != 0 && chainId != block.chainid);
        vm.chainId(chainId);
        expectInvalid();
        reviews.checkCustody(seller, draft);
        draft.signature = signCustody(custodianKey, seller, draft);
        reviews.checkCustody(seller, draft);
    }

    function test_threat_C11_custody_otherContract() public {
        bytes memory message = abi.encode(
            reviews.CUSTODY_TYPEHASH(),
            seller,
            draft.root,
            draft.size,
            draft.depositId,
            draft.region,
            draft.deadline
        );
        draft.signature = signTyped(custodianKey, address(exchange), "Socai Reviews", message);
        expectInvalid();
        reviews.checkCustody(seller, draft);
        draft.signature = signTyped(custodianKey, address(reviews), "Socai Exchange", message);
        expectInvalid();
        reviews.checkCustody(seller, draft);
        draft.signature = signTyped(custodianKey, address(reviews), "Socai Reviews", message);
        reviews.checkCustody(seller, draft);
    }

    function test_threat_C11_custody_redeployment() public {
        Reviews redeployed = Reviews(deploy("Reviews", abi.encode(participants, listings)));
        expectInvalid();
        redeployed.checkCustody(seller, draft);
    }

    function test_threat_C11_custody_otherMessageTypeOfTheSameSigner() public {
        bytes memory message = abi.encode(
            exchange.PAYMENT_TYPEHASH(),
            seller,
            draft.root,
            draft.size,
            draft.depositId,
            draft.region,
            draft.deadline
        );
        draft.signature = signTyped(custodianKey, address(reviews), "Socai Reviews", message);
        expectInvalid();
        reviews.checkCustody(seller, draft);
    }

    function testFuzz_threat_C11_custody_byAnotherKey(uint256 key) public {
        key = bound(key, 1, ORDER - 1);
        vm.assume(key != custodianKey);
        draft.signature = signCustody(key, seller, draft);
        expectInvalid();
        reviews.checkCustody(seller, draft);
    }

    function test_threat_C11_custody_underAnotherCustodiansName() public {
        address second = makeAddr("second custodian");
        appoint(second, CUSTODIAN);
        draft.custodian = second;
        vm.expectRevert(abi.encodeWithSelector(IReviews.Reviews_InvalidCustody.selector, second));
        reviews.checkCustody(seller, draft);
    }

    function test_threat_C11_custody_malleatedSignature() public {
        (bytes32 r, bytes32 s, uint8 v) = parts();
        bytes[7] memory spellings = [
            abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27)),
            abi.encodePacked(r, bytes32(ORDER - uint256(s)), v),
            abi.encodePacked(r, s, v - 27),
            abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255)),
            abi.encodePacked(r, s),
            abi.encodePacked(r, s, v, uint8(0)),
            bytes("")
        ];
        for (uint256 i; i < 7; ++i) {
            draft.signature = spellings[i];
            expectInvalid();
            reviews.checkCustody(seller, draft);
        }
    }

    function testFuzz_threat_C11_custody_anyFlippedBit(uint256 bit) public {
        bit %= 65 * 8;
        bytes memory signature = draft.signature;
        signature[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        draft.signature = signature;
        expectInvalid();
        reviews.checkCustody(seller, draft);
    }

    function testFuzz_threat_C11_custody_zeroAddressRecovery(bytes memory garbage) public {
        // Even a register that took the zero address for a custodian.
        appoint(address(0), CUSTODIAN);
        draft.custodian = address(0);
        bytes[4] memory signatures =
            [garbage, new bytes(65), abi.encodePacked(bytes32(0), bytes32(0), uint8(27)), bytes("")];
        for (uint256 i; i < 4; ++i) {
            draft.signature = signatures[i];
            vm.expectRevert(abi.encodeWithSelector(IReviews.Reviews_InvalidCustody.selector, address(0)));
            reviews.checkCustody(seller, draft);
        }
    }

    function test_threat_C11_custody_byAContract() public {
        Wallet wallet = contractCustodian();
        expectInvalid(address(wallet));
        reviews.checkCustody(seller, draft);
        wallet.accept(digest());
        reviews.checkCustody(seller, draft);
        wallet.set(Wallet.Mode.WrongMagic);
        expectInvalid(address(wallet));
        reviews.checkCustody(seller, draft);
        wallet.set(Wallet.Mode.Reverts);
        expectInvalid(address(wallet));
        reviews.checkCustody(seller, draft);
    }

    function test_threat_C11_custody_aContractThatChangesItsAnswer() public {
        Wallet wallet = contractCustodian();
        wallet.accept(digest());
        vm.prank(seller);
        uint48 id = listings.publish(ordinary(), 0, draft, one(planDraft()), none());
        wallet.set(Wallet.Mode.Reverts);
        assertEq(listings.attestations(id, 1), CUSTODY);
        VersionDraft memory next = versionDraft(seller);
        next.custodian = address(wallet);
        vm.prank(seller);
        expectInvalid(address(wallet));
        listings.addVersion(id, next);
    }

    function test_threat_C11_C23_custody_aContractThatEatsTheGas() public {
        Wallet wallet = contractCustodian();
        wallet.set(Wallet.Mode.EatsGas);
        vm.expectRevert();
        reviews.checkCustody{ gas: 3_000_000 }(seller, draft);
    }

    function contractCustodian() private returns (Wallet wallet) {
        wallet = new Wallet();
        appoint(address(wallet), CUSTODIAN);
        draft.custodian = address(wallet);
    }

    function digest() private view returns (bytes32) {
        (, string memory name, string memory version, uint256 chainId, address verifier,,) =
            reviews.eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                verifier
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                reviews.CUSTODY_TYPEHASH(),
                seller,
                draft.root,
                draft.size,
                draft.depositId,
                draft.region,
                draft.deadline
            )
        );
        return MessageHashUtils.toTypedDataHash(domain, message);
    }

    function parts() private view returns (bytes32 r, bytes32 s, uint8 v) {
        bytes memory signature = draft.signature;
        assembly {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
            v := byte(0, mload(add(signature, 96)))
        }
    }

    function expectInvalid() private {
        expectInvalid(custodian);
    }

    function expectInvalid(address signer) private {
        vm.expectRevert(abi.encodeWithSelector(IReviews.Reviews_InvalidCustody.selector, signer));
    }

    function expectExpired(uint64 deadline) private {
        vm.expectRevert(abi.encodeWithSelector(IReviews.Reviews_CustodyExpired.selector, deadline));
    }
}
