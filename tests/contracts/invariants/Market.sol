// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Address } from "@openzeppelin/contracts/utils/Address.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { BPS } from "contracts/libraries/Split.sol";
import { LicenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Licence, LicenceStatus, OrderStatus } from "contracts/types/Licence.sol";
import { Classification, Importance, LEGAL, SECURITY, Upstream } from "contracts/types/Listing.sol";
import { ARBITER, BUYER, MARKET_ROLES, Participant, SELLER, Standing } from "contracts/types/Participant.sol";
import {
    Currency,
    DERIVABLE,
    Plan,
    PlanDraft,
    PlanStatus,
    TRANSFERABLE,
    UPDATES
} from "contracts/types/Plan.sol";
import { SettlementToken } from "../Deployed.sol";
import { Witness } from "./Witness.sol";

/// @notice A market at random. Each act picks, by its seed, somebody and something that it can succeed with, or makes it so by
/// other acts first: none is ever in vain, and a revert is a finding.
contract Market is Witness {
    /// @dev How an act that must be refused is tried: the caller, the callee and the call.
    struct Attempt {
        address by;
        address to;
        bytes data;
    }

    Currency internal constant SECOND = Currency.wrap(2);
    Currency internal constant BANK_ONLY = Currency.wrap(0);

    address[] private _sellers;
    address[] private _buyers;
    mapping(address account => uint256) private _keys;
    address private _deriver;
    address[] private _drifters;
    uint256 private _refs;
    uint256 private _salt;

    PlanId private _free;
    PlanId private _subscription;
    PlanId private _metered;

    // The stage

    function setUp() public override {
        super.setUp();
        witness();
        _secondToken();
        _deriver = _person("deriver", SELLER | BUYER, "VN");
        _buyers = [buyer, _person("buyer B", BUYER, "SG"), _deriver];
        _sellers = [seller, _person("seller B", SELLER, "VN"), _deriver];
        _payees = [treasury, taxAuthority, seller, _sellers[1], buyer, _buyers[1], _deriver];
        _keys[buyer] = buyerKey;
        for (uint256 i; i < 2; ++i) {
            uint48 id = publish(_sellers[i], _draft(DERIVABLE | TRANSFERABLE), new Upstream[](0));
            _published(id);
        }
        PlanDraft memory draft = _draft(0);
        draft.price = 0;
        _free = _offer(1, draft);
        draft = _draft(UPDATES | TRANSFERABLE);
        (draft.duration, draft.currency) = (30 days, SECOND);
        _subscription = _offer(2, draft);
        draft = _draft(0);
        draft.quota = 100;
        _metered = _offer(2, draft);
        draft = _draft(UPDATES);
        draft.currency = BANK_ONLY;
        _offer(1, draft);
        draft = _draft(0);
        draft.onlyBuyer = _buyers[1];
        _offer(1, draft);
    }

    /// @notice The acts that a random history is made of.
    function acts() public pure returns (bytes4[] memory all) {
        all = new bytes4[](35);
        (all[0], all[1], all[2], all[3], all[4]) =
        (
            this.buy.selector,
            this.buyWithPermit.selector,
            this.buyWithBank.selector,
            this.buyFree.selector,
            this.renew.selector
        );
        (all[5], all[6], all[7], all[8], all[9]) =
        (
            this.renewWithBank.selector,
            this.confirm.selector,
            this.release.selector,
            this.dispute.selector,
            this.resolve.selector
        );
        (all[10], all[11], all[12], all[13], all[14]) =
        (
            this.refund.selector,
            this.lapse.selector,
            this.withdraw.selector,
            this.donate.selector,
            this.suspend.selector
        );
        (all[15], all[16], all[17], all[18], all[19]) =
        (
            this.reinstate.selector,
            this.revoke.selector,
            this.reinstateLicence.selector,
            this.freeze.selector,
            this.unfreeze.selector
        );
        (all[20], all[21], all[22], all[23], all[24]) =
        (
            this.approveTransfer.selector,
            this.transfer.selector,
            this.upgrade.selector,
            this.countUses.selector,
            this.addVersion.selector
        );
        (all[25], all[26], all[27], all[28], all[29]) =
        (
            this.addPlan.selector,
            this.closePlan.selector,
            this.derive.selector,
            this.reclassify.selector,
            this.transferListing.selector
        );
        (all[30], all[31], all[32], all[33], all[34]) =
        (
            this.admit.selector,
            this.govern.selector,
            this.pass.selector,
            this.meddle.selector,
            this.mixRoles.selector
        );
    }

    /// @notice Every act once.
    function complete() external {
        bytes4[] memory all = acts();
        for (uint256 i; i < all.length; ++i) {
            Address.functionCall(address(this), abi.encodeWithSelector(all[i], i));
        }
    }

    // Money

    function buy(uint256 seed) public {
        PlanId plan = _plan(seed, _payableByToken);
        _buyWithToken(plan, _buyerOf(plan, seed));
    }

    function buyWithPermit(uint256 seed) public {
        PlanId plan = _plan(seed, _payableByToken);
        address by = _buyerOf(plan, seed);
        uint24 version = _ready(plan, by);
        Plan memory p = listings.plan(plan);
        _fund(by, p.currency, p.price);
        SettlementToken t = _token(p.currency);
        vm.prank(by);
        t.approve(address(exchange), 0);
        IExchange.Permit memory permit = _permit(t, by, p.price);
        uint32 held = uint32(licences.balanceOf(by));
        vm.prank(by);
        exchange.buyWithPermit(plan, version, held, permit);
        done(Act.BuyWithPermit);
    }

    function buyWithBank(uint256 seed) public {
        PlanId plan = _plan(seed, _payableByBank);
        address by = _buyerOf(plan, seed);
        uint24 version = _ready(plan, by);
        uint32 held = uint32(licences.balanceOf(by));
        IExchange.BankPayment memory payment = _payment(by, plan, version, LicenceId.wrap(0));
        vm.prank(by);
        exchange.buyWithBank(plan, version, held, payment);
        done(Act.BuyWithBank);
    }

    function buyFree(uint256 seed) public {
        address by = _buyerOf(_free, seed);
        _buy(_free, by, Act.BuyFree);
    }

    function renew(uint256 seed) public {
        LicenceId licence = _renewable(seed);
        (address by, uint24 version, uint40 expiresAt) = _beforeRenewal(licence);
        Plan memory p = listings.plan(licence.plan());
        _fund(by, p.currency, p.price);
        vm.prank(by);
        exchange.renew(licence, version, expiresAt);
        done(Act.Renew);
    }

    function renewWithBank(uint256 seed) public {
        LicenceId licence = _renewable(seed);
        (address by, uint24 version, uint40 expiresAt) = _beforeRenewal(licence);
        IExchange.BankPayment memory payment = _payment(by, licence.plan(), version, licence);
        vm.prank(by);
        exchange.renewWithBank(licence, version, expiresAt, payment);
        done(Act.RenewWithBank);
    }

    function confirm(uint256 seed) public {
        _confirm(_some(seed, _isOpen));
    }

    function release(uint256 seed) public {
        LicenceId licence = _some(seed, _isOpen);
        _warpTo(licences.licence(licence).deadline);
        vm.prank(outsider);
        exchange.release(licence);
        done(Act.Release);
    }

    function dispute(uint256 seed) public {
        _dispute(seed);
    }

    function resolve(uint256 seed) public {
        LicenceId licence = _disputed(seed);
        uint96 refund_ = uint96(bound(seed >> 32, 0, listings.plan(licence.plan()).price));
        vm.prank(arbiter);
        exchange.resolve(licence, refund_, REASON);
        done(Act.Resolve);
    }

    function refund(uint256 seed) public {
        LicenceId licence = _some(seed, _isPending);
        vm.prank(listings.holderOf(licence.plan().listing()));
        exchange.refund(licence);
        done(Act.Refund);
    }

    function lapse(uint256 seed) public {
        LicenceId licence = _disputed(seed);
        _warpTo(licences.licence(licence).deadline);
        vm.prank(outsider);
        exchange.lapse(licence);
        done(Act.Lapse);
    }

    function withdraw(uint256 seed) public {
        (bool found, address payee, Currency currency) = _creditor(seed);
        if (!found) {
            _confirm(_buyWithToken(_metered, buyer));
            (, payee, currency) = _creditor(seed);
        }
        vm.prank(payee);
        exchange.withdraw(currency);
        done(Act.Withdraw);
    }

    function donate(uint256 seed) public {
        Currency currency = seed % 2 == 0 ? DONG : SECOND;
        uint256 amount = bound(seed, 1, 1e9);
        SettlementToken t = _token(currency);
        vm.prank(operator);
        t.mint(address(exchange), amount);
        donated[currency] += amount;
        done(Act.Donate);
    }

    // Measures

    function suspend(uint256 seed) public {
        _suspend(seed % 2 == 0 ? _buyers[seed % 3] : _sellers[seed % 3], seed);
    }

    function reinstate(uint256 seed) public {
        address account = _buyers[seed % 3];
        if (participants.participant(account).suspendedUntil <= block.timestamp) _suspend(account, seed);
        _reinstate(account);
    }

    function revoke(uint256 seed) public {
        _revoke(_some(seed, _isActive));
    }

    function reinstateLicence(uint256 seed) public {
        (bool found, LicenceId licence) = _find(seed, _isRevoked);
        if (!found) _revoke(licence = _some(seed, _isActive));
        vm.prank(arbiter);
        licences.reinstate(licence, REASON);
        done(Act.ReinstateLicence);
    }

    function freeze(uint256 seed) public {
        _freeze(_listing(seed), seed);
    }

    function unfreeze(uint256 seed) public {
        uint48 id = _listing(seed);
        if (listings.listing(id).frozenUntil <= block.timestamp) _freeze(id, seed);
        _unfreeze(id);
    }

    function approveTransfer(uint256 seed) public {
        _approveTransfer(_listing(seed), _buyers[seed % 3]);
    }

    function admit(uint256 seed) public {
        if (seed % 2 == 0) _appoint(_officers()[(seed >> 8) % 5]);
        else _accredit(_buyers[(seed >> 8) % 3]);
    }

    function mixRoles(uint256 seed) public {
        address drifter = makeAddr(string(abi.encode("drifter", ++_salt)));
        _drifters.push(drifter);
        bool market = seed % 2 == 0;
        if (market) accredit(drifter, uint16(bound(seed, SELLER, MARKET_ROLES)));
        else appoint(drifter, ARBITER);
        if (seed % 3 == 0) {
            vm.prank(governor);
            participants.retire(drifter, REASON);
        }
        done(Act.MixRoles);
        _changesSides(drifter, market);
        _changesSides(_buyers[seed % 3], true);
        _changesSides(_sellers[seed % 3], true);
        _changesSides(supervisor, false);
    }

    /// @dev Strangers try everything, and those entitled try what is past.
    function meddle(uint256 seed) public {
        LicenceId licence = _some(seed, _isAny);
        Licence memory l = licences.licence(licence);
        address holder = licences.holderOf(licence);
        _meddleWithMoney(licence, outsider);
        if (block.timestamp < l.deadline || l.order > OrderStatus.Open) {
            _refused(Attempt(outsider, address(exchange), abi.encodeCall(exchange.release, (licence))));
        }
        if (l.order > OrderStatus.Disputed) {
            _meddleWithMoney(licence, holder);
            _refused(
                Attempt(arbiter, address(exchange), abi.encodeCall(exchange.resolve, (licence, 0, REASON)))
            );
            _refused(
                Attempt(
                    listings.holderOf(licence.plan().listing()),
                    address(exchange),
                    abi.encodeCall(exchange.refund, (licence))
                )
            );
        }
        if (l.status != LicenceStatus.Active) {
            bytes memory renewal = abi.encodeCall(exchange.renew, (licence, l.version, l.expiresAt));
            _refused(Attempt(holder, address(exchange), renewal));
            bytes memory move = abi.encodeWithSignature(
                "transferFrom(address,address,uint256)", holder, _buyers[seed % 3], licence.tokenId()
            );
            _refused(Attempt(holder, address(licences), move));
        }
        done(Act.Meddle);
    }

    // Licences

    function transfer(uint256 seed) public {
        (bool found, LicenceId licence) = _find(seed, _isMovable);
        if (!found) {
            _confirm(licence = _buyWithToken(planId(1, 0), buyer));
        }
        address from = licences.holderOf(licence);
        address to = _buyers[seed % 3] == from ? _buyers[(seed % 3 + 1) % 3] : _buyers[seed % 3];
        _ready(licence.plan(), to, licences.licence(licence).version);
        vm.prank(from);
        licences.transferFrom(from, to, licence.tokenId());
        done(Act.Transfer);
    }

    function upgrade(uint256 seed) public {
        (bool found, LicenceId licence) = _find(seed, _isUpgradable);
        if (!found) licence = _buyWithToken(_subscription, _buyerOf(_subscription, seed));
        uint48 id = licence.plan().listing();
        uint24 version = listings.listing(id).versions;
        if (version == licences.licence(licence).version) version = _addVersion(id);
        address holder = licences.holderOf(licence);
        _ready(licence.plan(), holder, version);
        vm.prank(holder);
        licences.upgrade(licence, version);
        done(Act.Upgrade);
    }

    function countUses(uint256 seed) public {
        (bool found, LicenceId licence) = _find(seed, _isMetered);
        if (!found) licence = _buyWithToken(_metered, _buyerOf(_metered, seed));
        uint32 left = listings.plan(licence.plan()).quota - licences.licence(licence).used;
        vm.prank(custodian);
        licences.countUses(licence, uint32(bound(seed, 1, left)));
        done(Act.CountUses);
    }

    // Listings

    function addVersion(uint256 seed) public {
        _addVersion(_listing(seed));
    }

    function addPlan(uint256 seed) public {
        PlanDraft memory draft = _draft(uint16(seed) & (TRANSFERABLE | UPDATES));
        draft.price = uint96(seed % 5 == 0 ? seed % 7 : bound(seed, 0, 1e15));
        draft.currency = seed % 2 == 0 ? DONG : SECOND;
        draft.duration = uint32(seed % 3 == 0 ? 0 : bound(seed, 1 hours, 400 days));
        draft.cap = uint32(bound(seed, 1, 3));
        _offer(_listing(seed), draft);
    }

    function closePlan(uint256 seed) public {
        (bool found, PlanId plan) = _findPlan(seed, _isClosable);
        if (!found) plan = _offer(_listing(seed), _draft(0));
        vm.prank(listings.holderOf(plan.listing()));
        listings.closePlan(plan);
        done(Act.ClosePlan);
    }

    /// @dev A dataset made of the first two listings.
    function derive(uint256 seed) public {
        Upstream[] memory upstreams = new Upstream[](2);
        for (uint48 id = 1; id <= 2; ++id) {
            uint16 share = uint16(bound(uint256(keccak256(abi.encode(seed, id))), 500, BPS / 2));
            upstreams[id - 1] = Upstream({ licence: _derivable(id), shareBps: share });
        }
        _eligible(_deriver, SELLER);
        uint48 derived = publish(_deriver, _draft(0), upstreams);
        done(Act.Derive);
        _published(derived);
    }

    function reclassify(uint256 seed) public {
        uint48 id = _listing(seed);
        Classification memory class = ordinary();
        if (seed % 2 == 0) class.importance = Importance.Important;
        bool bySupervisor = seed % 3 == 0;
        if (!bySupervisor && listings.listing(id).imposed) class.importance = Importance.Important;
        vm.prank(bySupervisor ? supervisor : listings.holderOf(id));
        listings.reclassify(id, class, 0, REASON);
        done(Act.Reclassify);
    }

    function transferListing(uint256 seed) public {
        uint48 id = uint48(1 + seed % 2);
        address from = listings.holderOf(id);
        address to = from == seller ? _sellers[1] : seller;
        _eligible(from, SELLER);
        _eligible(to, SELLER);
        _unfreeze(id);
        vm.prank(from);
        listings.transferFrom(from, to, id);
        done(Act.TransferListing);
    }

    // Everything else

    function govern(uint256 seed) public {
        vm.startPrank(governor);
        exchange.setTerms(
            uint16(bound(seed, 0, 1000)),
            uint16(bound(seed >> 16, 0, 2000)),
            uint32(bound(seed >> 32, 1 hours, 90 days)),
            uint32(bound(seed >> 64, 1 hours, 90 days))
        );
        // the treasury may be anybody: also one who buys or sells
        exchange.setRecipients(
            _payees[(seed >> 96) % _payees.length], _payees[(seed >> 128) % _payees.length]
        );
        vm.stopPrank();
        done(Act.Govern);
    }

    /// @dev Time goes by, and the access log grows.
    function pass(uint256 seed) public {
        _warpTo(block.timestamp + bound(seed, 1, 20 days));
        uint256 count = logAnchor.count(custodian);
        vm.prank(custodian);
        logAnchor.anchor(uint64(count + 1), keccak256(abi.encode(count)));
        done(Act.Anchor);
    }

    // Single steps

    function _buyWithToken(PlanId plan, address by) private returns (LicenceId) {
        return _buy(plan, by, Act.Buy);
    }

    function _buy(PlanId plan, address by, Act a) private returns (LicenceId licence) {
        uint24 version = _ready(plan, by);
        Plan memory p = listings.plan(plan);
        _fund(by, p.currency, p.price);
        uint32 held = uint32(licences.balanceOf(by));
        vm.prank(by);
        licence = exchange.buy(plan, version, held);
        done(a);
    }

    function _confirm(LicenceId licence) private {
        vm.prank(licences.holderOf(licence));
        exchange.confirm(licence);
        done(Act.Confirm);
    }

    function _dispute(uint256 seed) private returns (LicenceId licence) {
        bool found;
        (found, licence) = _find(seed, _isDisputable);
        if (!found) licence = _buyWithToken(_metered, _buyerOf(_metered, seed));
        vm.prank(licences.holderOf(licence));
        exchange.dispute(licence, REASON);
        done(Act.Dispute);
    }

    function _revoke(LicenceId licence) private {
        vm.prank(supervisor);
        licences.revoke(licence, REASON);
        done(Act.Revoke);
    }

    function _suspend(address account, uint256 seed) private {
        vm.prank(supervisor);
        participants.suspend(account, uint40(block.timestamp + bound(seed, 1, 180 days)), REASON);
        done(Act.Suspend);
    }

    function _reinstate(address account) private {
        vm.prank(arbiter);
        participants.reinstate(account, REASON);
        done(Act.Reinstate);
    }

    function _addVersion(uint48 id) private returns (uint24 version) {
        address holder = listings.holderOf(id);
        _eligible(holder, SELLER);
        vm.startPrank(holder);
        version = listings.addVersion(id, versionDraft(holder));
        vm.stopPrank();
        done(Act.AddVersion);
    }

    function _offer(uint48 id, PlanDraft memory draft) private returns (PlanId plan) {
        address holder = listings.holderOf(id);
        _eligible(holder, SELLER);
        vm.prank(holder);
        plan = listings.addPlan(id, draft);
        plans.push(plan);
        done(Act.AddPlan);
    }

    function _published(uint48 id) private {
        plans.push(planId(id, 0));
    }

    function _approveTransfer(uint48 id, address account) private {
        vm.prank(supervisor);
        listings.approveTransfer(id, account, uint40(block.timestamp + 1 days), REASON);
        done(Act.ApproveTransfer);
    }

    function _freeze(uint48 id, uint256 seed) private {
        uint40 until = uint40(block.timestamp + bound(seed, 1, listings.MAX_FREEZE()));
        vm.prank(supervisor);
        listings.freeze(id, until, REASON);
        done(Act.Freeze);
    }

    function _unfreeze(uint48 id) private {
        if (listings.listing(id).frozenUntil <= block.timestamp) return;
        vm.prank(arbiter);
        listings.unfreeze(id, REASON);
        done(Act.Unfreeze);
    }

    // What an act needs

    /// @return version the newest
    function _ready(PlanId plan, address by) private returns (uint24 version) {
        version = listings.listing(plan.listing()).versions;
        _ready(plan, by, version);
    }

    /// @dev Nothing stands in the way of `by` taking `plan` in `version`.
    function _ready(PlanId plan, address by, uint24 version) private {
        uint48 id = plan.listing();
        _unfreeze(id);
        _eligible(by, BUYER);
        _eligible(listings.holderOf(id), SELLER);
        uint8 missing = listings.listing(id).required & ~listings.attestations(id, version);
        if (missing & LEGAL != 0) _attest(id, version, LEGAL);
        if (missing & SECURITY != 0) _attest(id, version, SECURITY);
        bool sensitive = listings.listing(id).class.importance >= Importance.Important;
        if (sensitive && participants.participant(by).jurisdiction != "VN") _approveTransfer(id, by);
    }

    function _attest(uint48 id, uint24 version, uint8 kind) private {
        attest(id, version, kind);
        done(Act.Attest);
    }

    function _eligible(address account, uint16 role) private {
        if (participants.participant(account).suspendedUntil > block.timestamp) _reinstate(account);
        if (participants.standing(account, role) == Standing.Expired) _accredit(account);
        assertEq(uint8(participants.standing(account, role)), uint8(Standing.Eligible), "stage: standing");
    }

    /// @dev Those who hold office are appointed anew before their term ends.
    function _warpTo(uint256 time) private {
        if (time > vm.getBlockTimestamp()) vm.warp(time);
        address[5] memory officers = _officers();
        for (uint256 i; i < officers.length; ++i) {
            if (participants.participant(officers[i]).validUntil < vm.getBlockTimestamp() + 1 days) {
                _appoint(officers[i]);
            }
        }
    }

    function _accredit(address account) private {
        Participant memory p = participants.participant(account);
        accredit(account, p.roles, p.jurisdiction);
        done(Act.Admit);
    }

    function _appoint(address officer) private {
        appoint(officer, participants.participant(officer).roles);
        done(Act.Admit);
    }

    function _beforeRenewal(LicenceId licence)
        private
        returns (address by, uint24 version, uint40 expiresAt)
    {
        by = licences.holderOf(licence);
        version = _ready(licence.plan(), by);
        expiresAt = licences.licence(licence).expiresAt;
    }

    function _fund(address account, Currency currency, uint256 price) private {
        if (price == 0) return;
        SettlementToken t = _token(currency);
        vm.prank(operator);
        t.mint(account, price);
        vm.prank(account);
        t.approve(address(exchange), type(uint256).max);
    }

    function _refused(Attempt memory a) private {
        read();
        vm.prank(a.by);
        (bool ok,) = a.to.call(a.data);
        assertFalse(ok, "an act that must be refused went through");
        vm.getRecordedLogs(); // forge records what was emitted before the revert
    }

    function _changesSides(address account, bool market) private {
        if (market) {
            bytes memory office =
                abi.encodeCall(participants.appoint, (account, ARBITER, "VN", inOneYear(), REASON));
            _refused(Attempt(governor, address(participants), office));
        } else {
            bytes memory trade =
                abi.encodeCall(participants.accredit, (account, BUYER, "VN", false, inOneYear(), REASON));
            _refused(Attempt(operator, address(participants), trade));
        }
    }

    function _meddleWithMoney(LicenceId licence, address by) private {
        address holder = licences.holderOf(licence);
        bytes[9] memory attempts = [
            abi.encodeCall(exchange.confirm, (licence)),
            abi.encodeCall(exchange.dispute, (licence, REASON)),
            abi.encodeCall(exchange.refund, (licence)),
            abi.encodeCall(exchange.resolve, (licence, 0, REASON)),
            abi.encodeCall(exchange.lapse, (licence)),
            abi.encodeCall(licences.setOrder, (licence, OrderStatus.Refunded, 0)),
            abi.encodeCall(licences.reinstate, (licence, REASON)),
            abi.encodeCall(licences.countUses, (licence, 1)),
            abi.encodeCall(licences.renew, (licence, type(uint40).max, 1, 1, false))
        ];
        bool lapsed = licences.licence(licence).order == OrderStatus.Disputed
            && licences.licence(licence).deadline <= block.timestamp;
        for (uint256 i; i < attempts.length; ++i) {
            if (i == 4 && lapsed) continue; // anybody's right
            _refused(Attempt(by, i < 5 ? address(exchange) : address(licences), attempts[i]));
        }
        if (by == holder) return;
        bytes memory theft =
            abi.encodeWithSignature("transferFrom(address,address,uint256)", holder, by, licence.tokenId());
        _refused(Attempt(by, address(licences), theft));
    }

    // Who and what

    function _renewable(uint256 seed) private returns (LicenceId licence) {
        bool found;
        (found, licence) = _find(seed, _isRenewable);
        if (!found) {
            _confirm(licence = _buyWithToken(_subscription, _buyerOf(_subscription, seed)));
        }
    }

    function _disputed(uint256 seed) private returns (LicenceId licence) {
        bool found;
        (found, licence) = _find(seed, _isResolvable);
        if (!found) licence = _dispute(seed);
    }

    function _derivable(uint48 id) private returns (LicenceId licence) {
        for (uint256 i; i < sold.length; ++i) {
            licence = sold[i];
            if (
                PlanId.unwrap(licence.plan()) == PlanId.unwrap(planId(id, 0))
                    && licences.holderOf(licence) == _deriver
                    && licences.licence(licence).status == LicenceStatus.Active
                    && licences.licence(licence).order == OrderStatus.Settled
            ) {
                _ready(licence.plan(), _deriver, licences.licence(licence).version);
                return licence;
            }
        }
        _confirm(licence = _buyWithToken(planId(id, 0), _deriver));
    }

    /// @dev One that fits, or a new one, just bought.
    function _some(uint256 seed, function(LicenceId) view returns (bool) fits)
        private
        returns (LicenceId licence)
    {
        bool found;
        (found, licence) = _find(seed, fits);
        if (!found) licence = _buyWithToken(_metered, _buyerOf(_metered, seed));
    }

    function _find(uint256 seed, function(LicenceId) view returns (bool) fits)
        private
        view
        returns (bool, LicenceId)
    {
        for (uint256 i; i < sold.length; ++i) {
            LicenceId licence = sold[addmod(seed, i, sold.length)];
            if (fits(licence)) return (true, licence);
        }
        return (false, LicenceId.wrap(0));
    }

    function _plan(uint256 seed, function(PlanId) view returns (bool) fits)
        private
        view
        returns (PlanId plan)
    {
        (, plan) = _findPlan(seed, fits);
    }

    function _findPlan(uint256 seed, function(PlanId) view returns (bool) fits)
        private
        view
        returns (bool, PlanId)
    {
        for (uint256 i; i < plans.length; ++i) {
            PlanId plan = plans[addmod(seed, i, plans.length)];
            if (fits(plan)) return (true, plan);
        }
        return (false, PlanId.wrap(0));
    }

    function _buyerOf(PlanId plan, uint256 seed) private view returns (address by) {
        by = listings.plan(plan).onlyBuyer;
        if (by != address(0)) return by;
        by = _buyers[(seed >> 8) % 3];
        if (by == listings.holderOf(plan.listing())) by = buyer;
    }

    function _officers() private view returns (address[5] memory) {
        return [reviewer, custodian, provider, arbiter, supervisor];
    }

    function _listing(uint256 seed) private view returns (uint48) {
        return plans[seed % plans.length].listing();
    }

    function _creditor(uint256 seed) private view returns (bool, address, Currency) {
        for (uint256 i; i < _payees.length * 2; ++i) {
            uint256 n = addmod(seed, i, _payees.length * 2);
            Currency currency = n % 2 == 0 ? DONG : SECOND;
            if (exchange.owed(currency, _payees[n / 2]) != 0) return (true, _payees[n / 2], currency);
        }
        return (false, address(0), DONG);
    }

    function _isAny(LicenceId) private pure returns (bool) {
        return true;
    }

    function _isOpen(LicenceId id) private view returns (bool) {
        return licences.licence(id).order == OrderStatus.Open;
    }

    function _isPending(LicenceId id) private view returns (bool) {
        return _isOpen(id) || licences.licence(id).order == OrderStatus.Disputed;
    }

    function _isDisputable(LicenceId id) private view returns (bool) {
        return _isOpen(id) && block.timestamp < licences.licence(id).deadline;
    }

    function _isResolvable(LicenceId id) private view returns (bool) {
        Licence memory l = licences.licence(id);
        return l.order == OrderStatus.Disputed && block.timestamp < l.deadline;
    }

    function _isActive(LicenceId id) private view returns (bool) {
        return licences.licence(id).status == LicenceStatus.Active;
    }

    function _isRevoked(LicenceId id) private view returns (bool) {
        return licences.licence(id).status == LicenceStatus.Revoked;
    }

    function _isSettled(LicenceId id) private view returns (bool) {
        return _isActive(id) && licences.licence(id).order == OrderStatus.Settled;
    }

    function _isMovable(LicenceId id) private view returns (bool) {
        return _isSettled(id) && listings.plan(id.plan()).flags & TRANSFERABLE != 0;
    }

    function _isUpgradable(LicenceId id) private view returns (bool) {
        return _isActive(id) && listings.plan(id.plan()).flags & UPDATES != 0
            && licences.licence(id).expiresAt > block.timestamp;
    }

    function _isMetered(LicenceId id) private view returns (bool) {
        return _isActive(id) && listings.plan(id.plan()).quota > licences.licence(id).used;
    }

    function _isRenewable(LicenceId id) private view returns (bool) {
        Plan memory p = listings.plan(id.plan());
        uint256 ahead = block.timestamp + exchange.MAX_AHEAD() - p.duration;
        return p.duration != 0 && p.status == PlanStatus.Open && p.price != 0 && _isSettled(id)
            && licences.licence(id).expiresAt <= ahead
            && licences.holderOf(id) != listings.holderOf(id.plan().listing());
    }

    function _isOnOffer(PlanId id) private view returns (bool) {
        Plan memory p = listings.plan(id);
        return (p.status == PlanStatus.Open || p.status == PlanStatus.Reserved) && p.sold < p.cap;
    }

    function _payableByToken(PlanId id) private view returns (bool) {
        return _isOnOffer(id) && Currency.unwrap(listings.plan(id).currency) != 0;
    }

    function _payableByBank(PlanId id) private view returns (bool) {
        return _isOnOffer(id) && listings.plan(id).price != 0;
    }

    /// @dev The plans of the stage stay open.
    function _isClosable(PlanId id) private view returns (bool) {
        return listings.plan(id).status == PlanStatus.Open && (id.listing() > 2 || id.index() > 4);
    }

    // Signatures and values

    function _draft(uint16 flags) private pure returns (PlanDraft memory draft) {
        draft = planDraft();
        (draft.flags, draft.royaltyBps) = (flags, flags & DERIVABLE == 0 ? 0 : 500);
    }

    function _token(Currency currency) private view returns (SettlementToken) {
        return SettlementToken(exchange.money(currency).token);
    }

    function _payment(address by, PlanId plan, uint24 version, LicenceId renewed)
        private
        returns (IExchange.BankPayment memory payment)
    {
        bytes32 ref = keccak256(abi.encode(++_refs));
        payment = IExchange.BankPayment(ref, provider, uint64(block.timestamp + 1 hours), "");
        payment.signature = signPayment(providerKey, payment, by, plan, version, renewed);
    }

    function _permit(SettlementToken t, address by, uint256 amount)
        private
        view
        returns (IExchange.Permit memory permit)
    {
        bytes32 typehash = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        permit.deadline = block.timestamp;
        bytes32 message =
            keccak256(abi.encode(typehash, by, address(exchange), amount, t.nonces(by), permit.deadline));
        (permit.v, permit.r, permit.s) =
            vm.sign(_keys[by], keccak256(abi.encodePacked(hex"1901", t.DOMAIN_SEPARATOR(), message)));
    }

    function _person(string memory name, uint16 roles, bytes2 jurisdiction)
        private
        returns (address account)
    {
        uint256 key;
        (account, key) = makeAddrAndKey(name);
        _keys[account] = key;
        accredit(account, roles, jurisdiction);
    }

    function _secondToken() private {
        SettlementToken second = SettlementToken(deploy("SettlementToken", abi.encode(address(authority))));
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = SettlementToken.mint.selector;
        authority.setTargetFunctionRole(address(second), selectors, MINTER_ROLE);
        vm.prank(governor);
        exchange.addCurrency(address(second));
    }

    /// @notice Everybody who ever had a role.
    function accounts() external view returns (address[] memory all) {
        (uint256 o, uint256 b, uint256 n) = (5, _buyers.length, _sellers.length);
        all = new address[](o + b + n + _drifters.length);
        for (uint256 i; i < all.length; ++i) {
            if (i < o) all[i] = _officers()[i];
            else if (i < o + b) all[i] = _buyers[i - o];
            else if (i < o + b + n) all[i] = _sellers[i - o - b];
            else all[i] = _drifters[i - o - b - n];
        }
    }
}
