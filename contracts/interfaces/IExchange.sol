// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { LicenceId, PlanId } from "../types/Ids.sol";
import { Currency } from "../types/Plan.sol";

/// @notice Sells licences and moves the money: purchase into escrow, confirmation, dispute, resolution, refund, renewal,
/// withdrawal. Money is only ever pulled by the account it is owed to; nothing here can stop a withdrawal.
interface IExchange {
    /// @notice Rates and windows from now on. A purchase keeps the rates and the deadline it was made under, a dispute the deadline
    /// it was raised under; a renewal is split at the rates of its day.
    /// @param feeBps platform fee, at most `MAX_FEE_BPS`
    /// @param taxBps tax withheld, at most `MAX_TAX_BPS`
    /// @param confirmWindow seconds in which a buyer may dispute before anyone may release the money
    /// @param arbitrationWindow seconds from a dispute in which an arbiter may resolve before anyone may have the buyer refunded
    /// @param halted whether purchases and renewals are stopped
    struct Terms {
        uint16 feeBps;
        uint16 taxBps;
        uint32 confirmWindow;
        uint32 arbitrationWindow;
        bool halted;
    }

    /// @param token ERC-20 of the currency; zero where there is none and only bank confirmations are taken
    /// @param active whether new payments are taken in the token
    struct Money {
        address token;
        bool active;
    }

    /// @notice What part of a payment an allocation is.
    enum Part {
        Fee,
        Tax,
        Upstream,
        Seller,
        Refund
    }

    /// @notice A bank's or payment provider's word that it has received a payment (R27): EIP-712 `Payment(bytes32 paymentRef,
    /// address buyer,uint64 plan,uint24 version,uint96 licence,uint8 currency,uint96 amount,uint64 deadline)`.
    /// @param paymentRef salted hash of the bank's reference; usable once, whoever signs
    /// @param provider the accredited payment provider that signs
    /// @param deadline second after which it is void
    struct BankPayment {
        bytes32 paymentRef;
        address provider;
        uint64 deadline;
        bytes signature;
    }

    /// @notice An ERC-2612 signature over exactly the price.
    struct Permit {
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    event Purchased(
        LicenceId indexed licence,
        address indexed buyer,
        uint24 version,
        uint24 pack,
        uint96 price,
        uint16 feeBps,
        uint16 taxBps,
        uint40 deadline
    );
    event Renewed(
        LicenceId indexed licence,
        address indexed buyer,
        uint24 version,
        uint24 pack,
        uint96 price,
        uint40 expiresAt
    );
    /// @notice The purchase or renewal just recorded is paid at a bank and not in a token.
    event PaymentUsed(
        bytes32 indexed paymentRef,
        address indexed provider,
        LicenceId indexed licence,
        Currency currency,
        uint96 amount
    );
    event Settled(LicenceId indexed licence, address indexed by);
    event Disputed(LicenceId indexed licence, address indexed buyer, uint40 deadline, bytes32 reason);
    event Resolved(LicenceId indexed licence, address indexed arbiter, uint96 refund, bytes32 reason);
    event Refunded(LicenceId indexed licence, address indexed by, uint96 amount);
    /// @notice `amount` of a payment is owed to `account`: as a balance here, or (`byBank`) by the payment provider.
    event Allocated(
        LicenceId indexed licence,
        address indexed account,
        Part part,
        Currency currency,
        uint256 amount,
        bool byBank
    );
    event Withdrawn(address indexed account, Currency indexed currency, uint256 amount);
    event TermsSet(uint16 feeBps, uint16 taxBps, uint32 confirmWindow, uint32 arbitrationWindow);
    event RecipientsSet(address indexed treasury, address indexed taxAuthority);
    event CurrencyAdded(Currency indexed currency, address indexed token);
    event CurrencyActivated(Currency indexed currency, bool active);
    event Halted(address indexed by, bytes32 reason);
    event Resumed(address indexed by);

    error Exchange_IsHalted();
    error Exchange_InvalidTerms();
    error Exchange_InvalidRecipient();
    error Exchange_InvalidToken(address token);
    error Exchange_UnknownCurrency(Currency currency);
    error Exchange_NotPayableByToken(Currency currency);
    error Exchange_StaleExpiry(LicenceId licence, uint40 expected, uint40 actual);
    error Exchange_WrongAmountReceived(uint256 received, uint256 price);
    error Exchange_PaymentExpired(uint64 deadline);
    error Exchange_PaymentUsed(bytes32 paymentRef);
    error Exchange_InvalidPayment(address provider);
    error Exchange_NotHolder(LicenceId licence, address account);
    error Exchange_NotSeller(LicenceId licence, address account);
    error Exchange_OrderNotOpen(LicenceId licence);
    error Exchange_OrderNotDisputed(LicenceId licence);
    error Exchange_TooEarly(LicenceId licence, uint40 deadline);
    error Exchange_TooLate(LicenceId licence, uint40 deadline);
    error Exchange_RefundExceedsPrice(uint96 refund, uint96 price);
    error Exchange_NotRenewable(LicenceId licence);
    error Exchange_TooFarAhead(LicenceId licence, uint256 expiresAt);
    error Exchange_NothingOwed(address account, Currency currency);
    error Exchange_NoReason();

    /// @notice Buys a licence with an ERC-20 allowance. The money stays in escrow until confirmed, released or resolved.
    /// @param plan an open plan, or one reserved for the caller
    /// @param version the listing version wanted, attested and not withdrawn
    /// @param held how many licences the caller holds: it changes with the purchase, so the second of two clicks is refused.
    /// It changes also when somebody sends the caller a licence meanwhile: then the caller looks and asks again.
    function buy(PlanId plan, uint24 version, uint32 held) external returns (LicenceId);

    /// @notice Buys in one transaction with an ERC-2612 permit for the price. A permit already used by somebody else does no
    /// harm as long as the allowance stands.
    function buyWithPermit(PlanId plan, uint24 version, uint32 held, Permit calldata permit)
        external
        returns (LicenceId);

    /// @notice Buys with a payment made at a bank. No token moves; confirmations and refunds instruct the provider.
    function buyWithBank(PlanId plan, uint24 version, uint32 held, BankPayment calldata payment)
        external
        returns (LicenceId);

    /// @notice Extends a licence by its plan's duration from the later of now and its expiry, by no more than `MAX_AHEAD` from
    /// now, at the plan's price, which is split at once: what renews has been delivered before. Caller: the holder, through the
    /// gate of a purchase.
    /// @param version the licence's or, where it is attested, a newer one
    /// @param expiresAt the expiry the caller sees: it changes with the renewal, so the second of two clicks is refused
    function renew(LicenceId licence, uint24 version, uint40 expiresAt) external;

    function renewWithBank(LicenceId licence, uint24 version, uint40 expiresAt, BankPayment calldata payment)
        external;

    /// @notice Accepts delivery: the money is split. Caller: the holder.
    function confirm(LicenceId licence) external;

    /// @notice Splits the money of an order whose confirmation window has passed. Caller: anyone.
    function release(LicenceId licence) external;

    /// @notice Stops the release. Caller: the holder, within the confirmation window.
    function dispute(LicenceId licence, bytes32 reason) external;

    /// @notice Decides a dispute. Caller: an arbiter, within the arbitration window.
    /// @param refund to the holder; the rest is split. Refunding the whole price ends the licence.
    function resolve(LicenceId licence, uint96 refund, bytes32 reason) external;

    /// @notice Refunds an open or disputed order in full. Caller: the holder of the listing.
    function refund(LicenceId licence) external;

    /// @notice Refunds a dispute that no arbiter resolved in time. Caller: anyone.
    function lapse(LicenceId licence) external;

    /// @notice Sends the caller all it is owed in a currency. Cannot be halted, whatever the caller's standing.
    function withdraw(Currency currency) external returns (uint256 amount);

    /// @notice Sets the rates of purchases and renewals, and the windows of purchases and disputes, from now on.
    /// @dev WARNING, admin power: changes what the platform and the tax authority take of *future* sales, and how long an
    /// arbiter has for *future* disputes, also of orders already open, within the caps. To be held behind the governance delay.
    function setTerms(uint16 feeBps, uint16 taxBps, uint32 confirmWindow, uint32 arbitrationWindow) external;

    /// @notice Sets who receives fee and tax of payments split from now on.
    /// Neither may be the Exchange itself, which can withdraw nothing.
    /// @dev WARNING, admin power: redirects the platform's and the state's part, open orders included. To be held behind the
    /// governance delay.
    function setRecipients(address treasury, address taxAuthority) external;

    /// @notice Adds a settlement token to the list, once and for good.
    /// @dev WARNING, admin power: a token that misbehaves can fail its own payments and withdrawals, never those of another
    /// currency. To be held behind the governance delay.
    function addCurrency(address token) external returns (Currency);

    /// @notice Stops or resumes *new* payments in a currency's token.
    /// @dev WARNING, admin power: cannot stop withdrawals.
    function activateCurrency(Currency currency, bool active) external;

    /// @notice Stops purchases and renewals.
    /// @dev WARNING, admin power: stops the market. Confirmation, dispute, refund and withdrawal go on.
    function halt(bytes32 reason) external;

    /// @notice Lets purchases and renewals go on.
    /// @dev WARNING, admin power.
    function resume() external;

    function terms() external view returns (Terms memory);

    function treasury() external view returns (address);

    function taxAuthority() external view returns (address);

    /// @notice How many currencies are listed, the bank-only đồng included.
    function currencies() external view returns (uint8);

    function money(Currency currency) external view returns (Money memory);

    /// @notice What `account` can withdraw.
    function owed(Currency currency, address account) external view returns (uint256);

    function paymentUsed(bytes32 paymentRef) external view returns (bool);
}
