// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IParticipants } from "contracts/interfaces/IParticipants.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { AccessManager } from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import { MessageHashUtils } from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import { CommonBase } from "forge-std/Base.sol";
import { StdAssertions } from "forge-std/StdAssertions.sol";
import { StdCheats } from "forge-std/StdCheats.sol";
import { StdInvariant } from "forge-std/StdInvariant.sol";
import { StdUtils } from "forge-std/StdUtils.sol";
import { Exchange } from "./Deployed.sol";
import { Licences } from "./Deployed.sol";
import { Listings } from "./Deployed.sol";
import { LogAnchor } from "./Deployed.sol";
import { Participants } from "./Deployed.sol";
import { Reviews } from "./Deployed.sol";
import { RulePack } from "./Deployed.sol";
import { SettlementToken } from "./Deployed.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { LicenceId, PlanId, planId } from "contracts/types/Ids.sol";
import {
    Classification,
    Importance,
    LEGAL,
    PersonalData,
    Sharing,
    Subject,
    Upstream,
    VersionDraft
} from "contracts/types/Listing.sol";
import {
    ARBITER,
    BUYER,
    CUSTODIAN,
    PAYMENT_PROVIDER,
    REVIEWER,
    SELLER,
    SUPERVISOR
} from "contracts/types/Participant.sol";
import { Currency, PlanDraft } from "contracts/types/Plan.sol";

/// @notice A whole exchange with one participant of every kind, and the shortest way to each act.
/// @dev Takes the parts of forge-std's Test that it needs: Test.sol imports a console with hundreds of compiler warnings, which
/// hide our own.
abstract contract Base is CommonBase, StdAssertions, StdCheats, StdInvariant, StdUtils {
    bool public constant IS_TEST = true;

    uint64 internal constant OPERATOR_ROLE = 1;
    uint64 internal constant GOVERNOR_ROLE = 2;
    uint64 internal constant GUARDIAN_ROLE = 3;
    uint64 internal constant MINTER_ROLE = 4;

    uint96 internal constant PRICE = 1_000_003;
    Currency internal constant DONG = Currency.wrap(1);
    bytes32 internal constant REASON = "reason";

    address internal operator = makeAddr("operator");
    address internal governor = makeAddr("governor");
    address internal guardian = makeAddr("guardian");
    address internal seller = makeAddr("seller");
    address internal buyer;
    uint256 internal buyerKey;
    address internal outsider = makeAddr("outsider");
    address internal reviewer = makeAddr("reviewer");
    address internal custodian;
    uint256 internal custodianKey;
    address internal provider;
    uint256 internal providerKey;
    address internal arbiter = makeAddr("arbiter");
    address internal supervisor = makeAddr("supervisor");
    address internal treasury = makeAddr("treasury");
    address internal taxAuthority = makeAddr("taxAuthority");

    AccessManager internal authority;
    Participants internal participants;
    RulePack internal pack;
    Listings internal listings;
    Reviews internal reviews;
    Licences internal licences;
    Exchange internal exchange;
    LogAnchor internal logAnchor;
    SettlementToken internal token;

    uint256 private _deposits;

    function setUp() public virtual {
        vm.warp(1_750_000_000);
        (buyer, buyerKey) = makeAddrAndKey("buyer");
        (custodian, custodianKey) = makeAddrAndKey("custodian");
        (provider, providerKey) = makeAddrAndKey("provider");
        _deploy();
        _grant();
        _admit();
    }

    function _deploy() private {
        authority = new AccessManager(address(this));
        participants = Participants(deploy("Participants", abi.encode(address(authority))));
        pack = RulePack(deploy("RulePack", ""));
        token = SettlementToken(deploy("SettlementToken", abi.encode(address(authority))));
        logAnchor = LogAnchor(deploy("LogAnchor", abi.encode(participants)));
        uint256 nonce = vm.getNonce(address(this));
        listings = Listings(vm.computeCreateAddress(address(this), nonce));
        licences = Licences(vm.computeCreateAddress(address(this), nonce + 1));
        exchange = Exchange(vm.computeCreateAddress(address(this), nonce + 2));
        reviews = Reviews(vm.computeCreateAddress(address(this), nonce + 3));
        Listings(
            deploy(
                "Listings", abi.encode(address(authority), participants, reviews, licences, exchange, pack)
            )
        );
        Licences(deploy("Licences", abi.encode(participants, listings, address(exchange))));
        IExchange.Terms memory terms = IExchange.Terms({
            feeBps: 250, taxBps: 1000, confirmWindow: 7 days, arbitrationWindow: 14 days, halted: false
        });
        Exchange(
            deploy(
                "Exchange",
                abi.encode(
                    address(authority), participants, listings, licences, terms, treasury, taxAuthority
                )
            )
        );
        Reviews(deploy("Reviews", abi.encode(participants, listings)));
    }

    function _grant() private {
        _allow(address(participants), OPERATOR_ROLE, IParticipants.accredit.selector);
        _allow(address(participants), GOVERNOR_ROLE, IParticipants.appoint.selector);
        _allow(address(participants), GOVERNOR_ROLE, IParticipants.retire.selector);
        _allow(address(listings), GOVERNOR_ROLE, IListings.setRulePack.selector);
        _allow(address(exchange), GOVERNOR_ROLE, IExchange.setTerms.selector);
        _allow(address(exchange), GOVERNOR_ROLE, IExchange.setRecipients.selector);
        _allow(address(exchange), GOVERNOR_ROLE, IExchange.addCurrency.selector);
        _allow(address(exchange), GOVERNOR_ROLE, IExchange.activateCurrency.selector);
        _allow(address(exchange), GUARDIAN_ROLE, IExchange.halt.selector);
        _allow(address(exchange), GOVERNOR_ROLE, IExchange.resume.selector);
        _allow(address(token), MINTER_ROLE, SettlementToken.mint.selector);
        authority.grantRole(OPERATOR_ROLE, operator, 0);
        authority.grantRole(GOVERNOR_ROLE, governor, 0);
        authority.grantRole(GUARDIAN_ROLE, guardian, 0);
        authority.grantRole(MINTER_ROLE, operator, 0);
    }

    function _allow(address target, uint64 role, bytes4 selector) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        authority.setTargetFunctionRole(target, selectors, role);
    }

    function _admit() private {
        vm.prank(governor);
        exchange.addCurrency(address(token));
        accredit(seller, SELLER);
        accredit(buyer, BUYER);
        appoint(reviewer, REVIEWER);
        appoint(custodian, CUSTODIAN);
        appoint(provider, PAYMENT_PROVIDER);
        appoint(arbiter, ARBITER);
        appoint(supervisor, SUPERVISOR);
        fund(buyer, 1_000_000_000);
    }

    /// @dev What production deploys, as `forge build` left it in `out/`; a revert in the constructor is passed on.
    function deploy(string memory name, bytes memory arguments) internal returns (address at_) {
        string memory artifact = string.concat("out/", name, ".sol/", name, ".json");
        bytes memory creation = bytes.concat(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            at_ := create(0, add(creation, 32), mload(creation))
            if iszero(at_) {
                let size := returndatasize()
                returndatacopy(creation, 0, size)
                revert(creation, size)
            }
        }
    }

    // Acts

    function accredit(address account, uint16 roles) internal {
        accredit(account, roles, "VN");
    }

    function accredit(address account, uint16 roles, bytes2 jurisdiction) internal {
        vm.prank(operator);
        participants.accredit(
            account, roles, jurisdiction, false, inOneYear(), keccak256(abi.encode(account))
        );
    }

    function appoint(address account, uint16 role) internal {
        vm.prank(governor);
        participants.appoint(account, role, "VN", inOneYear(), keccak256(abi.encode(account)));
    }

    function suspend(address account) internal {
        vm.prank(supervisor);
        participants.suspend(account, uint40(block.timestamp + 30 days), REASON);
    }

    /// @dev Gives money and an unlimited allowance to the Exchange.
    function fund(address account, uint256 amount) internal {
        vm.prank(operator);
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(exchange), type(uint256).max);
    }

    /// @dev A listing of `seller` with one version and one plan, legally attested: for sale.
    function listed(PlanDraft memory draft) internal returns (PlanId plan) {
        plan = unattested(draft);
        attest(plan.listing(), 1, LEGAL);
    }

    function listed() internal returns (PlanId) {
        return listed(planDraft());
    }

    function unattested(PlanDraft memory draft) internal returns (PlanId) {
        return planId(publish(seller, draft, new Upstream[](0)), 0);
    }

    function publish(address by, PlanDraft memory draft, Upstream[] memory upstreams)
        internal
        returns (uint48)
    {
        PlanDraft[] memory plans = new PlanDraft[](1);
        plans[0] = draft;
        VersionDraft memory version = versionDraft(by);
        vm.prank(by);
        return listings.publish(ordinary(), 0, version, plans, upstreams);
    }

    function attest(uint48 listing, uint24 version, uint8 kind) internal {
        uint16 epoch = listings.listing(listing).epoch;
        vm.prank(reviewer);
        reviews.attest(listing, version, kind, keccak256("evidence"), epoch);
    }

    function buy(PlanId plan) internal returns (LicenceId) {
        return buy(plan, buyer);
    }

    function buy(PlanId plan, address by) internal returns (LicenceId) {
        uint32 held = uint32(licences.balanceOf(by));
        vm.prank(by);
        return exchange.buy(plan, 1, held);
    }

    /// @dev Bought and confirmed.
    function owned(PlanId plan) internal returns (LicenceId licence) {
        licence = buy(plan);
        if (listings.plan(plan).price != 0) confirm(licence);
    }

    function confirm(LicenceId licence) internal {
        vm.prank(licences.holderOf(licence));
        exchange.confirm(licence);
    }

    function dispute(LicenceId licence) internal {
        vm.prank(licences.holderOf(licence));
        exchange.dispute(licence, REASON);
    }

    function resolve(LicenceId licence, uint96 refund) internal {
        vm.prank(arbiter);
        exchange.resolve(licence, refund, REASON);
    }

    // Values

    function inOneYear() internal view returns (uint40) {
        return uint40(block.timestamp + 365 days);
    }

    function ordinary() internal pure returns (Classification memory) {
        return Classification(Importance.Other, Sharing.Shared, Subject.Locations, PersonalData.None);
    }

    /// @dev Fixed price, no expiry, no restriction.
    function planDraft() internal pure returns (PlanDraft memory) {
        return PlanDraft({
            price: PRICE,
            currency: DONG,
            duration: 0,
            cap: type(uint32).max,
            quota: 0,
            flags: 0,
            royaltyBps: 0,
            onlyBuyer: address(0),
            terms: keccak256("terms")
        });
    }

    function versionDraft(address by) internal returns (VersionDraft memory draft) {
        bytes32 depositId = keccak256(abi.encode("deposit", ++_deposits));
        draft = VersionDraft({
            root: keccak256(abi.encode("root", _deposits)),
            metadata: keccak256("metadata"),
            depositId: depositId,
            size: 1 << 20,
            region: "VN",
            staleAt: 0,
            custodian: custodian,
            deadline: uint64(block.timestamp + 1 days),
            signature: ""
        });
        draft.signature = signCustody(custodianKey, by, draft);
    }

    function signCustody(uint256 key, address by, VersionDraft memory d)
        internal
        view
        returns (bytes memory)
    {
        return signTyped(
            key,
            address(reviews),
            "Socai Reviews",
            abi.encode(reviews.CUSTODY_TYPEHASH(), by, d.root, d.size, d.depositId, d.region, d.deadline)
        );
    }

    function bankPayment(bytes32 ref, address by, PlanId plan, LicenceId renewed)
        internal
        view
        returns (IExchange.BankPayment memory payment)
    {
        payment = IExchange.BankPayment(ref, provider, uint64(block.timestamp + 1 hours), "");
        payment.signature = signPayment(providerKey, payment, by, plan, 1, renewed);
    }

    function signPayment(
        uint256 key,
        IExchange.BankPayment memory p,
        address by,
        PlanId plan,
        uint24 version,
        LicenceId renewed
    ) internal view returns (bytes memory) {
        (Currency currency, uint96 price) = (listings.plan(plan).currency, listings.plan(plan).price);
        bytes32 typehash = exchange.PAYMENT_TYPEHASH();
        return signTyped(
            key,
            address(exchange),
            "Socai Exchange",
            bytes.concat(
                abi.encode(typehash, p.paymentRef, by, plan, version, renewed),
                abi.encode(currency, price, p.deadline)
            )
        );
    }

    function signTyped(uint256 key, address verifier, string memory name, bytes memory message)
        internal
        view
        returns (bytes memory)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, MessageHashUtils.toTypedDataHash(domain, keccak256(message)));
        return abi.encodePacked(r, s, v);
    }
}
