// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC165 } from "@openzeppelin/contracts/interfaces/IERC165.sol";
import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { ERC721 } from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import { JournalledERC721 } from "./Journal.sol";
import { IERC6454 } from "./interfaces/IERC6454.sol";
import { IERC7858 } from "./interfaces/IERC7858.sol";
import { ILicences } from "./interfaces/ILicences.sol";
import { IListings } from "./interfaces/IListings.sol";
import { IParticipants } from "./interfaces/IParticipants.sol";
import { LicenceId } from "./types/Ids.sol";
import { Denial, Entitlement, Licence, LicenceStatus, OrderStatus, PackedLicence } from "./types/Licence.sol";
import { Listing, Version } from "./types/Listing.sol";
import { ARBITER, BUYER, CUSTODIAN, Standing, SUPERVISOR } from "./types/Participant.sol";
import { Plan, TRANSFERABLE, UPDATES } from "./types/Plan.sol";

/// @notice See {ILicences}.
contract Licences is ILicences, IERC4906, IERC6454, IERC7858, JournalledERC721 {
    IParticipants public immutable PARTICIPANTS;
    IListings public immutable LISTINGS;
    address public immutable EXCHANGE;

    mapping(LicenceId licence => PackedLicence) private _licences;

    constructor(IParticipants participants, IListings listings, address exchange)
        ERC721("Socai Licence", "SCX")
    {
        (PARTICIPANTS, LISTINGS, EXCHANGE) = (participants, listings, exchange);
    }

    modifier onlyExchange() {
        require(msg.sender == EXCHANGE, Licences_NotExchange(msg.sender));
        _;
    }

    /// @inheritdoc ILicences
    function issue(LicenceId id, address to, uint32 held, PackedLicence packed) external onlyExchange {
        uint256 balance = balanceOf(to);
        require(balance == held, Licences_StaleBalance(to, held, balance));

        _licences[id] = packed;
        _mint(to, id.tokenId());

        _expiryUpdated(id, packed.issuedAt(), packed.expiresAt());
    }

    /// @inheritdoc ILicences
    function setOrder(LicenceId id, OrderStatus status, uint40 deadline) external onlyExchange {
        Licence memory l = _licences[id].unpack();
        bool allowed = status == OrderStatus.Disputed
            ? l.order == OrderStatus.Open
            : status > OrderStatus.Disputed
                && (l.order == OrderStatus.Open || l.order == OrderStatus.Disputed);
        require(allowed, Licences_InvalidOrder(id, l.order, status));

        (l.order, l.deadline) = (status, deadline);
        if (status == OrderStatus.Refunded) l.status = LicenceStatus.Refunded;
        _licences[id] = l.packed();

        emit OrderChanged(id, status, deadline);
        _journal(OrderChanged.selector, abi.encode(id, status, deadline));
        _metadataUpdated(id);
    }

    /// @inheritdoc ILicences
    function renew(LicenceId id, uint40 expiresAt, uint24 version, uint24 pack, bool byBank)
        external
        onlyExchange
    {
        Licence memory l = _active(id);
        require(l.order == OrderStatus.Settled, Licences_InvalidOrder(id, l.order, OrderStatus.Settled));
        require(version >= l.version, Licences_NotNewer(id, version));

        (l.expiresAt, l.version, l.pack, l.byBank, l.used) = (expiresAt, version, pack, byBank, 0);
        _licences[id] = l.packed();

        _expiryUpdated(id, l.issuedAt, expiresAt);
        _metadataUpdated(id);
    }

    /// @inheritdoc ILicences
    function upgrade(LicenceId id, uint24 version) external {
        require(_ownerOf(id.tokenId()) == msg.sender, Licences_NotHolder(id, msg.sender));
        Licence memory l = _active(id);
        require(l.expiresAt > block.timestamp, Licences_NotActive(id));
        require(LISTINGS.plan(id.plan()).flags & UPDATES != 0, Licences_NoUpdates(id));
        require(version > l.version, Licences_NotNewer(id, version));
        uint24 pack = LISTINGS.checkHolder(id.plan().listing(), version, msg.sender);

        (l.version, l.pack) = (version, pack);
        _licences[id] = l.packed();

        emit VersionChanged(id, version, pack);
        _journal(VersionChanged.selector, abi.encode(id, version, pack));
        _metadataUpdated(id);
    }

    /// @inheritdoc ILicences
    function revoke(LicenceId id, bytes32 reason) external {
        PARTICIPANTS.check(msg.sender, SUPERVISOR);
        Licence memory l = _active(id);
        require(reason != 0, Licences_NoReason());

        l.status = LicenceStatus.Revoked;
        _licences[id] = l.packed();

        emit LicenceRevoked(id, msg.sender, reason);
        _journal(LicenceRevoked.selector, abi.encode(id, msg.sender, reason));
        _metadataUpdated(id);
    }

    /// @inheritdoc ILicences
    function reinstate(LicenceId id, bytes32 reason) external {
        PARTICIPANTS.check(msg.sender, ARBITER);
        Licence memory l = _licences[id].unpack();
        require(l.status == LicenceStatus.Revoked, Licences_NotRevoked(id));
        require(reason != 0, Licences_NoReason());

        l.status = LicenceStatus.Active;
        _licences[id] = l.packed();

        emit LicenceReinstated(id, msg.sender, reason);
        _journal(LicenceReinstated.selector, abi.encode(id, msg.sender, reason));
        _metadataUpdated(id);
    }

    /// @inheritdoc ILicences
    function countUses(LicenceId id, uint32 uses) external {
        PARTICIPANTS.check(msg.sender, CUSTODIAN);
        Licence memory l = _active(id);
        uint32 quota = LISTINGS.plan(id.plan()).quota;
        uint32 total = l.used + uses;
        require(total <= quota, Licences_QuotaExceeded(id, total, quota));

        l.used = total;
        _licences[id] = l.packed();

        emit UsesCounted(id, msg.sender, uses, total);
        _journal(UsesCounted.selector, abi.encode(id, msg.sender, uses, total));
        _metadataUpdated(id);
    }

    /// @inheritdoc ILicences
    function entitlement(LicenceId id, address account) external view returns (Entitlement memory e) {
        Licence memory l = _licences[id].unpack();
        if (l.status == LicenceStatus.None) {
            e.denial = Denial.UnknownLicence;
            return e;
        }
        Listing memory listing = LISTINGS.listing(id.plan().listing());
        Version memory version = LISTINGS.version(id.plan().listing(), l.version);
        Plan memory plan = LISTINGS.plan(id.plan());

        e.listing = id.plan().listing();
        e.version = l.version;
        e.plan = id.plan();
        e.expiresAt = l.expiresAt;
        e.usesLeft = plan.quota == 0 ? type(uint32).max : plan.quota - l.used;
        e.flags = plan.flags;
        (e.size, e.root, e.depositId) = (version.size, version.root, version.depositId);

        uint8 standing = LISTINGS.attestations(id.plan().listing(), l.version);
        if (_ownerOf(id.tokenId()) != account) {
            e.denial = Denial.NotHolder;
        } else if (l.status == LicenceStatus.Revoked) {
            e.denial = Denial.Revoked;
        } else if (l.status == LicenceStatus.Refunded) {
            e.denial = Denial.Refunded;
        } else if (l.expiresAt <= block.timestamp) {
            e.denial = Denial.Expired;
        } else if (PARTICIPANTS.standing(account, BUYER) != Standing.Eligible) {
            e.denial = Denial.HolderIneligible;
        } else if (listing.frozenUntil > block.timestamp) {
            e.denial = Denial.ListingFrozen;
        } else if (version.withdrawn) {
            e.denial = Denial.VersionWithdrawn;
        } else if (standing & listing.required != listing.required) {
            e.denial = Denial.NotAttested;
        } else if (e.usesLeft == 0) {
            e.denial = Denial.QuotaSpent;
        }
    }

    /// @inheritdoc ILicences
    function licence(LicenceId id) external view returns (Licence memory l) {
        l = _licences[id].unpack();
        require(l.status != LicenceStatus.None, Licences_Unknown(id));
    }

    /// @inheritdoc ILicences
    function holderOf(LicenceId id) external view returns (address) {
        return ownerOf(id.tokenId());
    }

    /// @inheritdoc IERC6454
    function isTransferable(uint256 tokenId, address from, address to) external view returns (bool) {
        LicenceId id = LicenceId.wrap(uint96(tokenId));
        address owner = _ownerOf(tokenId);
        if (owner == address(0) || (from == address(0)) != (to == address(0)) || !_mayMove(id)) return false;
        if (to == address(0)) return true;
        try LISTINGS.checkHolder(id.plan().listing(), _licences[id].version(), to) {
            return from == owner;
        } catch {
            return false;
        }
    }

    /// @inheritdoc IERC7858
    function expiryType() external pure returns (EXPIRY_TYPE) {
        return EXPIRY_TYPE.TIME_BASED;
    }

    /// @inheritdoc IERC7858
    function isTokenExpired(uint256 tokenId) external view returns (bool) {
        return _owned(tokenId).expiresAt() <= block.timestamp;
    }

    /// @inheritdoc IERC7858
    function startTime(uint256 tokenId) external view returns (uint256) {
        return _owned(tokenId).issuedAt();
    }

    /// @inheritdoc IERC7858
    function endTime(uint256 tokenId) external view returns (uint256) {
        return _owned(tokenId).expiresAt();
    }

    function supportsInterface(bytes4 id) public view override(ERC721, IERC165) returns (bool) {
        return id == type(IERC6454).interfaceId || id == type(IERC7858).interfaceId
            || id == bytes4(0x49064906) || super.supportsInterface(id);
    }

    /// @dev A licence moves only to an account that could buy it (R17).
    function _update(address to, uint256 tokenId, address auth) internal override returns (address from) {
        from = super._update(to, tokenId, auth);
        if (from != address(0)) {
            LicenceId id = LicenceId.wrap(uint96(tokenId));
            require(_mayMove(id), Licences_NotTransferable(id));
            LISTINGS.checkHolder(id.plan().listing(), _licences[id].version(), to);
        }
    }

    function _mayMove(LicenceId id) private view returns (bool) {
        Licence memory l = _licences[id].unpack();
        return l.status == LicenceStatus.Active && l.order == OrderStatus.Settled
            && LISTINGS.plan(id.plan()).flags & TRANSFERABLE != 0;
    }

    function _active(LicenceId id) private view returns (Licence memory l) {
        l = _licences[id].unpack();
        require(l.status == LicenceStatus.Active, Licences_NotActive(id));
    }

    function _owned(uint256 tokenId) private view returns (PackedLicence) {
        _requireOwned(tokenId);
        return _licences[LicenceId.wrap(uint96(tokenId))];
    }

    function _expiryUpdated(LicenceId id, uint256 start, uint256 end) private {
        emit TokenExpiryUpdated(id.tokenId(), start, end);
        _journal(TokenExpiryUpdated.selector, abi.encode(id.tokenId(), start, end));
    }

    function _metadataUpdated(LicenceId id) private {
        emit MetadataUpdate(id.tokenId());
        _journal(MetadataUpdate.selector, abi.encode(id.tokenId()));
    }
}
