// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { LicenceId } from "../types/Ids.sol";
import { Entitlement, Licence, OrderStatus, PackedLicence } from "../types/Licence.sol";

/// @notice The register of licences: ERC-721 tokens that expire (ERC-7858) and change hands only where their plan allows and
/// the receiver passes the gate of a purchase (ERC-6454). Minted, renewed and settled by the Exchange alone; never burnt.
/// @dev A licence and its order share one slot, which keeps a purchase within its gas budget.
interface ILicences {
    event LicenceRevoked(LicenceId indexed licence, address indexed by, bytes32 reason);
    event LicenceReinstated(LicenceId indexed licence, address indexed by, bytes32 reason);
    event UsesCounted(LicenceId indexed licence, address indexed custodian, uint32 uses, uint32 total);
    event VersionChanged(LicenceId indexed licence, uint24 version, uint24 pack);
    event OrderChanged(LicenceId indexed licence, OrderStatus status, uint40 deadline);

    error Licences_NotExchange(address account);
    error Licences_StaleBalance(address holder, uint256 expected, uint256 actual);
    error Licences_NotHolder(LicenceId licence, address account);
    error Licences_Unknown(LicenceId licence);
    error Licences_NotActive(LicenceId licence);
    error Licences_NotRevoked(LicenceId licence);
    error Licences_NotTransferable(LicenceId licence);
    error Licences_InvalidOrder(LicenceId licence, OrderStatus from, OrderStatus to);
    error Licences_QuotaExceeded(LicenceId licence, uint32 total, uint32 quota);
    error Licences_NotNewer(LicenceId licence, uint24 version);
    error Licences_NoUpdates(LicenceId licence);
    error Licences_NoReason();

    /// @notice Mints a licence, without calling the receiver. Caller: the Exchange.
    /// @param held how many licences `to` must hold until then
    function issue(LicenceId licence, address to, uint32 held, PackedLicence packed) external;

    /// @notice Moves the order along; a refund ends the licence too. Caller: the Exchange.
    function setOrder(LicenceId licence, OrderStatus status, uint40 deadline) external;

    /// @notice Sets a renewed expiry, for a version as new as the licence's or newer, and starts its quota anew.
    /// Caller: the Exchange.
    function renew(LicenceId licence, uint40 expiresAt, uint24 version, uint24 pack, bool byBank) external;

    /// @notice Moves the licence to a newer version, where the plan includes updates. Caller: the holder, who must pass the gate
    /// of a purchase.
    function upgrade(LicenceId licence, uint24 version) external;

    /// @notice Revokes a licence: no key is released from the next block on. Caller: a supervisor.
    /// @dev The money is untouched: an open order can still be disputed.
    function revoke(LicenceId licence, bytes32 reason) external;

    /// @notice Lifts a revocation on review. Caller: an arbiter (R19, R20).
    function reinstate(LicenceId licence, bytes32 reason) external;

    /// @notice Counts uses against the plan's quota. Caller: a custodian.
    function countUses(LicenceId licence, uint32 uses) external;

    /// @notice May `account` be given the key of this licence's version now? Never reverts for want of a licence: the answer
    /// says why not. This one call decides a key release. A spent quota is said last: nothing else then stands against it, and
    /// a use that was counted already may be answered again.
    function entitlement(LicenceId licence, address account) external view returns (Entitlement memory);

    function licence(LicenceId id) external view returns (Licence memory);

    function holderOf(LicenceId id) external view returns (address);
}
