// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SignatureChecker } from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import { JournalledAccess } from "./Journal.sol";
import { IExchange } from "./interfaces/IExchange.sol";
import { ILicences } from "./interfaces/ILicences.sol";
import { IListings } from "./interfaces/IListings.sol";
import { IParticipants } from "./interfaces/IParticipants.sol";
import { Split } from "./libraries/Split.sol";
import { LicenceId, PlanId } from "./types/Ids.sol";
import { Licence, LicenceStatus, NEVER, OrderStatus, PackedLicence } from "./types/Licence.sol";
import { Upstream } from "./types/Listing.sol";
import { ARBITER, PAYMENT_PROVIDER } from "./types/Participant.sol";
import { Currency, Plan, Sale } from "./types/Plan.sol";

/// @notice See {IExchange}.
contract Exchange is IExchange, JournalledAccess, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint16 public constant MAX_FEE_BPS = 1000;
    uint16 public constant MAX_TAX_BPS = 2000;
    uint32 public constant MIN_WINDOW = 1 hours;
    uint32 public constant MAX_WINDOW = 90 days;
    /// @notice How far ahead of now renewals may stack.
    uint40 public constant MAX_AHEAD = 10 * 365 days;
    bytes32 public constant PAYMENT_TYPEHASH = keccak256(
        "Payment(bytes32 paymentRef,address buyer,uint64 plan,uint24 version,uint96 licence,uint8 currency,uint96 amount,uint64 deadline)"
    );

    IParticipants public immutable PARTICIPANTS;
    IListings public immutable LISTINGS;
    ILicences public immutable LICENCES;

    Terms private _terms;
    uint8 public currencies;
    address public treasury;
    address public taxAuthority;
    mapping(Currency currency => Money) private _money;
    mapping(Currency currency => mapping(address account => uint256)) public owed;
    mapping(bytes32 paymentRef => bool) public paymentUsed;

    constructor(
        address authority,
        IParticipants participants,
        IListings listings,
        ILicences licences,
        Terms memory terms_,
        address treasury_,
        address taxAuthority_
    ) AccessManaged(authority) EIP712("Socai Exchange", "1") {
        (PARTICIPANTS, LISTINGS, LICENCES) = (participants, listings, licences);
        _addCurrency(address(0));
        _setTerms(terms_.feeBps, terms_.taxBps, terms_.confirmWindow, terms_.arbitrationWindow);
        _setRecipients(treasury_, taxAuthority_);
    }

    /// @inheritdoc IExchange
    function buy(PlanId plan, uint24 version, uint32 held) external nonReentrant returns (LicenceId) {
        return _buyWithToken(plan, version, held);
    }

    /// @inheritdoc IExchange
    function buyWithPermit(PlanId plan, uint24 version, uint32 held, Permit calldata permit)
        external
        nonReentrant
        returns (LicenceId)
    {
        Plan memory p = LISTINGS.plan(plan);
        IERC20Permit token = IERC20Permit(_activeToken(p.currency));
        // A permit that fails may have been spent by somebody else already; the allowance decides.
        // forge-lint: disable-next-line(unchecked-call)
        try token.permit(
            msg.sender, address(this), p.price, permit.deadline, permit.v, permit.r, permit.s
        ) { }
            catch { }
        return _buyWithToken(plan, version, held);
    }

    /// @inheritdoc IExchange
    // Guarded; LISTINGS and LICENCES are our own contracts and call nobody back.
    // slither-disable-next-line reentrancy-no-eth
    function buyWithBank(PlanId plan, uint24 version, uint32 held, BankPayment calldata payment)
        external
        nonReentrant
        returns (LicenceId licence)
    {
        Sale memory sale = LISTINGS.sell(plan, version, msg.sender);
        _checkPayment(payment, plan, version, LicenceId.wrap(0), sale);
        licence = _issue(sale, version, held, true);
        _usePayment(payment, sale);
    }

    /// @inheritdoc IExchange
    function renew(LicenceId licence, uint24 version, uint40 expiresAt) external nonReentrant {
        Sale memory sale = _extend(licence, version, expiresAt, false);
        _pull(sale.currency, sale.price);
    }

    /// @inheritdoc IExchange
    // Guarded; LISTINGS and LICENCES are our own contracts and call nobody back.
    // slither-disable-next-line reentrancy-no-eth
    function renewWithBank(LicenceId licence, uint24 version, uint40 expiresAt, BankPayment calldata payment)
        external
        nonReentrant
    {
        Sale memory sale = _extend(licence, version, expiresAt, true);
        _checkPayment(payment, licence.plan(), version, licence, sale);
        sale.licence = licence;
        _usePayment(payment, sale);
    }

    /// @inheritdoc IExchange
    function confirm(LicenceId licence) external {
        Licence memory l = _orderOf(licence, OrderStatus.Open);
        _checkHolder(licence);

        _settle(licence, l, 0);
    }

    /// @inheritdoc IExchange
    function release(LicenceId licence) external {
        Licence memory l = _orderOf(licence, OrderStatus.Open);
        require(block.timestamp >= l.deadline, Exchange_TooEarly(licence, l.deadline));

        _settle(licence, l, 0);
    }

    /// @inheritdoc IExchange
    function dispute(LicenceId licence, bytes32 reason) external {
        Licence memory l = _orderOf(licence, OrderStatus.Open);
        _checkHolder(licence);
        require(block.timestamp < l.deadline, Exchange_TooLate(licence, l.deadline));
        require(reason != 0, Exchange_NoReason());

        uint40 deadline = uint40(block.timestamp) + _terms.arbitrationWindow;
        emit Disputed(licence, msg.sender, deadline, reason);
        _journal(Disputed.selector, abi.encode(licence, msg.sender, deadline, reason));
        LICENCES.setOrder(licence, OrderStatus.Disputed, deadline);
    }

    /// @inheritdoc IExchange
    function resolve(LicenceId licence, uint96 refund_, bytes32 reason) external {
        PARTICIPANTS.check(msg.sender, ARBITER);
        Licence memory l = _orderOf(licence, OrderStatus.Disputed);
        require(block.timestamp < l.deadline, Exchange_TooLate(licence, l.deadline));
        require(reason != 0, Exchange_NoReason());

        emit Resolved(licence, msg.sender, refund_, reason);
        _journal(Resolved.selector, abi.encode(licence, msg.sender, refund_, reason));
        _settle(licence, l, refund_);
    }

    /// @inheritdoc IExchange
    function refund(LicenceId licence) external {
        Licence memory l = LICENCES.licence(licence);
        require(
            l.order == OrderStatus.Open || l.order == OrderStatus.Disputed, Exchange_OrderNotOpen(licence)
        );
        require(_sellerOf(licence) == msg.sender, Exchange_NotSeller(licence, msg.sender));

        _settle(licence, l, LISTINGS.plan(licence.plan()).price);
    }

    /// @inheritdoc IExchange
    function lapse(LicenceId licence) external {
        Licence memory l = _orderOf(licence, OrderStatus.Disputed);
        require(block.timestamp >= l.deadline, Exchange_TooEarly(licence, l.deadline));

        _settle(licence, l, LISTINGS.plan(licence.plan()).price);
    }

    /// @inheritdoc IExchange
    function withdraw(Currency currency) external nonReentrant returns (uint256 amount) {
        amount = owed[currency][msg.sender];
        require(amount != 0, Exchange_NothingOwed(msg.sender, currency));

        owed[currency][msg.sender] = 0;
        emit Withdrawn(msg.sender, currency, amount);
        _journal(Withdrawn.selector, abi.encode(msg.sender, currency, amount));

        IERC20(_money[currency].token).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IExchange
    function setTerms(uint16 feeBps, uint16 taxBps, uint32 confirmWindow, uint32 arbitrationWindow)
        external
        restricted
    {
        _setTerms(feeBps, taxBps, confirmWindow, arbitrationWindow);
    }

    /// @inheritdoc IExchange
    function setRecipients(address treasury_, address taxAuthority_) external restricted {
        _setRecipients(treasury_, taxAuthority_);
    }

    /// @inheritdoc IExchange
    function addCurrency(address token) external restricted returns (Currency) {
        require(token.code.length != 0, Exchange_InvalidToken(token));
        for (uint8 i; i < currencies; ++i) {
            require(_money[Currency.wrap(i)].token != token, Exchange_InvalidToken(token));
        }
        return _addCurrency(token);
    }

    /// @inheritdoc IExchange
    function activateCurrency(Currency currency, bool active) external restricted {
        require(_money[currency].token != address(0), Exchange_UnknownCurrency(currency));

        _money[currency].active = active;

        emit CurrencyActivated(currency, active);
        _journal(CurrencyActivated.selector, abi.encode(currency, active));
    }

    /// @inheritdoc IExchange
    function halt(bytes32 reason) external restricted {
        require(reason != 0, Exchange_NoReason());

        _terms.halted = true;

        emit Halted(msg.sender, reason);
        _journal(Halted.selector, abi.encode(msg.sender, reason));
    }

    /// @inheritdoc IExchange
    function resume() external restricted {
        _terms.halted = false;

        emit Resumed(msg.sender);
        _journal(Resumed.selector, abi.encode(msg.sender));
    }

    /// @inheritdoc IExchange
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @inheritdoc IExchange
    function money(Currency currency) external view returns (Money memory) {
        return _money[currency];
    }

    function _buyWithToken(PlanId plan, uint24 version, uint32 held) private returns (LicenceId licence) {
        Sale memory sale = LISTINGS.sell(plan, version, msg.sender);
        licence = _issue(sale, version, held, false);
        _pull(sale.currency, sale.price);
    }

    /// @dev A free licence has no money to hold: its order is settled at once.
    function _issue(Sale memory sale, uint24 version, uint32 held, bool byBank)
        private
        returns (LicenceId licence)
    {
        (uint16 feeBps, uint16 taxBps, uint32 confirmWindow) = _currentTerms();

        licence = sale.licence;
        (uint24 pack, uint96 price) = (sale.pack, sale.price);
        uint40 issuedAt = uint40(block.timestamp);
        uint40 deadline = issuedAt + confirmWindow;
        emit Purchased(licence, msg.sender, version, pack, price, feeBps, taxBps, deadline);
        _journal(
            Purchased.selector,
            abi.encode(licence, msg.sender, version, pack, price, feeBps, taxBps, deadline)
        );
        PackedLicence packed = Licence({
            version: version,
            issuedAt: issuedAt,
            expiresAt: sale.duration == 0 ? NEVER : issuedAt + sale.duration,
            used: 0,
            pack: pack,
            byBank: byBank,
            status: LicenceStatus.Active,
            order: price == 0 ? OrderStatus.Settled : OrderStatus.Open,
            feeBps: feeBps,
            taxBps: taxBps,
            deadline: deadline
        }).packed();
        LICENCES.issue(licence, msg.sender, held, packed);
    }

    /// @dev Renews and splits under today's rates.
    // Guarded by both callers; LICENCES is our own contract and calls nobody back.
    // slither-disable-next-line reentrancy-no-eth
    function _extend(LicenceId licence, uint24 version, uint40 expected, bool byBank)
        private
        returns (Sale memory sale)
    {
        (uint16 feeBps, uint16 taxBps,) = _currentTerms();
        _checkHolder(licence);
        Licence memory l = LICENCES.licence(licence);
        require(l.expiresAt == expected, Exchange_StaleExpiry(licence, expected, l.expiresAt));
        sale = LISTINGS.gate(licence.plan(), version, msg.sender);
        require(sale.duration != 0, Exchange_NotRenewable(licence));
        uint256 from = l.expiresAt > block.timestamp ? l.expiresAt : block.timestamp;
        uint256 until = from + sale.duration;
        require(until <= block.timestamp + MAX_AHEAD, Exchange_TooFarAhead(licence, until));
        // forge-lint: disable-next-line(unsafe-typecast)
        uint40 expiresAt = uint40(until);

        emit Renewed(licence, msg.sender, version, sale.pack, sale.price, expiresAt);
        _journal(Renewed.selector, abi.encode(licence, msg.sender, version, sale.pack, sale.price, expiresAt));
        LICENCES.renew(licence, expiresAt, version, sale.pack, byBank);
        (l.feeBps, l.taxBps, l.byBank) = (feeBps, taxBps, byBank);
        _allocate(licence, l, sale.currency, sale.price);
    }

    /// @dev Ends an order: `refund_` goes back to the holder, the rest is split.
    function _settle(LicenceId licence, Licence memory l, uint96 refund_) private {
        Plan memory p = LISTINGS.plan(licence.plan());
        require(refund_ <= p.price, Exchange_RefundExceedsPrice(refund_, p.price));

        if (refund_ != 0) {
            emit Refunded(licence, msg.sender, refund_);
            _journal(Refunded.selector, abi.encode(licence, msg.sender, refund_));
            _credit(licence, LICENCES.holderOf(licence), Part.Refund, p.currency, refund_, l.byBank);
        }
        bool whole = refund_ == p.price;
        if (!whole) {
            emit Settled(licence, msg.sender);
            _journal(Settled.selector, abi.encode(licence, msg.sender));
            _allocate(licence, l, p.currency, p.price - refund_);
        }
        LICENCES.setOrder(licence, whole ? OrderStatus.Refunded : OrderStatus.Settled, 0);
    }

    function _allocate(LicenceId licence, Licence memory l, Currency currency, uint256 amount) private {
        (uint256 fee, uint256 tax, uint256 proceeds) = Split.divide(amount, l.feeBps, l.taxBps);
        _credit(licence, treasury, Part.Fee, currency, fee, l.byBank);
        _credit(licence, taxAuthority, Part.Tax, currency, tax, l.byBank);
        Upstream[] memory upstreams = LISTINGS.upstreams(licence.plan().listing());
        uint256 rest = proceeds;
        for (uint256 i; i < upstreams.length; ++i) {
            uint256 part = Split.share(proceeds, upstreams[i].shareBps);
            rest -= part;
            _credit(licence, _sellerOf(upstreams[i].licence), Part.Upstream, currency, part, l.byBank);
        }
        _credit(licence, _sellerOf(licence), Part.Seller, currency, rest, l.byBank);
    }

    function _credit(LicenceId licence, address to, Part part, Currency currency, uint256 amount, bool byBank)
        private
    {
        if (amount == 0) return;
        if (!byBank) owed[currency][to] += amount;
        emit Allocated(licence, to, part, currency, amount, byBank);
        _journal(Allocated.selector, abi.encode(licence, to, part, currency, amount, byBank));
    }

    /// @dev Takes exactly `price` from the caller, whatever the token does.
    function _pull(Currency currency, uint256 price) private {
        if (price == 0) return;
        IERC20 token = IERC20(_activeToken(currency));
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), price);
        uint256 received = token.balanceOf(address(this)) - before;
        require(received == price, Exchange_WrongAmountReceived(received, price));
    }

    /// @param renewed the licence a renewal is for; 0 for a purchase
    function _checkPayment(
        BankPayment calldata payment,
        PlanId plan,
        uint24 version,
        LicenceId renewed,
        Sale memory sale
    ) private view {
        bytes32 ref = payment.paymentRef;
        require(block.timestamp <= payment.deadline, Exchange_PaymentExpired(payment.deadline));
        require(ref != 0 && !paymentUsed[ref], Exchange_PaymentUsed(ref));
        PARTICIPANTS.check(payment.provider, PAYMENT_PROVIDER);
        bytes memory message = abi.encode(
            PAYMENT_TYPEHASH,
            ref,
            msg.sender,
            plan,
            version,
            renewed,
            sale.currency,
            sale.price,
            payment.deadline
        );
        require(
            SignatureChecker.isValidSignatureNowCalldata(
                payment.provider, _hashTypedDataV4(keccak256(message)), payment.signature
            ),
            Exchange_InvalidPayment(payment.provider)
        );
    }

    function _usePayment(BankPayment calldata payment, Sale memory sale) private {
        bytes32 ref = payment.paymentRef;
        paymentUsed[ref] = true;

        emit PaymentUsed(ref, payment.provider, sale.licence, sale.currency, sale.price);
        _journal(
            PaymentUsed.selector, abi.encode(ref, payment.provider, sale.licence, sale.currency, sale.price)
        );
    }

    function _setTerms(uint16 feeBps, uint16 taxBps, uint32 confirmWindow, uint32 arbitrationWindow) private {
        require(feeBps <= MAX_FEE_BPS && taxBps <= MAX_TAX_BPS, Exchange_InvalidTerms());
        require(confirmWindow >= MIN_WINDOW && confirmWindow <= MAX_WINDOW, Exchange_InvalidTerms());
        require(arbitrationWindow >= MIN_WINDOW && arbitrationWindow <= MAX_WINDOW, Exchange_InvalidTerms());

        (_terms.feeBps, _terms.taxBps) = (feeBps, taxBps);
        (_terms.confirmWindow, _terms.arbitrationWindow) = (confirmWindow, arbitrationWindow);

        emit TermsSet(feeBps, taxBps, confirmWindow, arbitrationWindow);
        _journal(TermsSet.selector, abi.encode(feeBps, taxBps, confirmWindow, arbitrationWindow));
    }

    function _setRecipients(address treasury_, address taxAuthority_) private {
        require(treasury_ != address(0) && taxAuthority_ != address(0), Exchange_InvalidRecipient());
        require(treasury_ != address(this) && taxAuthority_ != address(this), Exchange_InvalidRecipient());

        (treasury, taxAuthority) = (treasury_, taxAuthority_);

        emit RecipientsSet(treasury_, taxAuthority_);
        _journal(RecipientsSet.selector, abi.encode(treasury_, taxAuthority_));
    }

    function _addCurrency(address token) private returns (Currency currency) {
        currency = Currency.wrap(currencies++);
        _money[currency] = Money({ token: token, active: token != address(0) });

        emit CurrencyAdded(currency, token);
        _journal(CurrencyAdded.selector, abi.encode(currency, token));
    }

    function _currentTerms() private view returns (uint16 feeBps, uint16 taxBps, uint32 confirmWindow) {
        Terms storage t = _terms;
        require(!t.halted, Exchange_IsHalted());
        return (t.feeBps, t.taxBps, t.confirmWindow);
    }

    function _orderOf(LicenceId licence, OrderStatus wanted) private view returns (Licence memory l) {
        l = LICENCES.licence(licence);
        if (l.order == wanted) return l;
        if (wanted == OrderStatus.Open) revert Exchange_OrderNotOpen(licence);
        revert Exchange_OrderNotDisputed(licence);
    }

    function _checkHolder(LicenceId licence) private view {
        require(LICENCES.holderOf(licence) == msg.sender, Exchange_NotHolder(licence, msg.sender));
    }

    function _sellerOf(LicenceId licence) private view returns (address) {
        return LISTINGS.holderOf(licence.plan().listing());
    }

    function _activeToken(Currency currency) private view returns (address) {
        Money storage m = _money[currency];
        require(m.active, Exchange_NotPayableByToken(currency));
        return m.token;
    }
}
