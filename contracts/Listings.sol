// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { IERC165 } from "@openzeppelin/contracts/interfaces/IERC165.sol";
import { IERC4906 } from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import { ERC721 } from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import { JournalledAccess, JournalledERC721 } from "./Journal.sol";
import { IERC6454 } from "./interfaces/IERC6454.sol";
import { IExchange } from "./interfaces/IExchange.sol";
import { ILicences } from "./interfaces/ILicences.sol";
import { IListings } from "./interfaces/IListings.sol";
import { IParticipants } from "./interfaces/IParticipants.sol";
import { IReviews } from "./interfaces/IReviews.sol";
import { IRulePack } from "./interfaces/IRulePack.sol";
import { BPS } from "./libraries/Split.sol";
import { LicenceId, licenceId, PlanId, planId } from "./types/Ids.sol";
import { Denial, OrderStatus } from "./types/Licence.sol";
import {
    Classification,
    CUSTODY,
    Listing,
    PersonalData,
    REFUSED,
    StoredListing,
    Upstream,
    Version,
    VersionDraft
} from "./types/Listing.sol";
import { ARBITER, BUYER, isAlpha2, SELLER, Standing, SUPERVISOR } from "./types/Participant.sol";
import { ALL_FLAGS, Currency, DERIVABLE, Plan, PlanDraft, PlanStatus, Sale } from "./types/Plan.sol";

/// @notice See {IListings}.
contract Listings is IListings, IERC4906, IERC6454, JournalledERC721, JournalledAccess {
    uint256 public constant MAX_UPSTREAMS = 8;
    uint256 public constant MAX_PLANS_AT_ONCE = 16;
    uint40 public constant MAX_FREEZE = 180 days;

    IParticipants public immutable PARTICIPANTS;
    IReviews public immutable REVIEWS;
    ILicences public immutable LICENCES;
    IExchange public immutable EXCHANGE;

    struct Pack {
        IRulePack rules;
        uint24 version;
        uint48 listings;
    }

    /// @dev The rule pack in force and how many listings there are, one slot.
    Pack private _pack;
    mapping(uint48 listing => StoredListing) private _listings;
    mapping(uint48 listing => mapping(uint24 version => Version)) private _versions;
    mapping(PlanId plan => Plan) private _plans;
    mapping(uint48 listing => Upstream[]) private _upstreams;
    mapping(uint48 listing => mapping(address account => uint40)) public transferApproval;
    mapping(uint48 listing => bytes32) public legalBasis;
    mapping(bytes32 depositId => bool) public depositUsed;

    constructor(
        address authority,
        IParticipants participants,
        IReviews reviews,
        ILicences licences,
        IExchange exchange,
        IRulePack pack
    ) ERC721("Socai Listing", "SCL") AccessManaged(authority) {
        (PARTICIPANTS, REVIEWS, LICENCES, EXCHANGE) = (participants, reviews, licences, exchange);
        _setRulePack(pack);
    }

    modifier onlyHolder(uint48 id) {
        _checkHolder(id);
        _;
    }

    /// @inheritdoc IListings
    function publish(
        Classification calldata class,
        bytes32 legalBasis_,
        VersionDraft calldata first,
        PlanDraft[] calldata plans,
        Upstream[] calldata upstreams_
    ) external returns (uint48 id) {
        bytes2 home = PARTICIPANTS.check(msg.sender, SELLER);
        require(plans.length <= MAX_PLANS_AT_ONCE, Listings_TooMany(plans.length, MAX_PLANS_AT_ONCE));
        (uint16 rule, uint8 required) = _decideListing(class, msg.sender, legalBasis_ != 0);
        require(rule == 0, Listings_Refused(_pack.version, rule));

        id = ++_pack.listings;
        StoredListing storage l = _listings[id];
        (l.class, l.home, l.required, l.pack) = (class.packed(), home, required, _pack.version);
        if (legalBasis_ != 0) legalBasis[id] = legalBasis_;
        _mint(msg.sender, id);
        emit Listed(id, msg.sender, home, class, required, l.pack, legalBasis_);
        _journal(Listed.selector, abi.encode(id, msg.sender, home, class, required, l.pack, legalBasis_));

        _nameUpstreams(id, upstreams_);
        _addVersion(id, first);
        for (uint256 i; i < plans.length; ++i) {
            _addPlan(id, plans[i]);
        }
    }

    /// @inheritdoc IListings
    function addVersion(uint48 id, VersionDraft calldata draft) external onlyHolder(id) returns (uint24) {
        _checkSeller(id);
        return _addVersion(id, draft);
    }

    /// @inheritdoc IListings
    function withdrawVersion(uint48 id, uint24 number, bytes32 reason) external {
        if (_ownerOf(id) != msg.sender) PARTICIPANTS.check(msg.sender, SUPERVISOR);
        Version storage v = _version(id, number);
        require(!v.withdrawn, Listings_IsWithdrawn(id, number));
        require(reason != 0, Listings_NoReason());

        v.withdrawn = true;

        emit VersionWithdrawn(id, number, msg.sender, reason);
        _journal(VersionWithdrawn.selector, abi.encode(id, number, msg.sender, reason));
        _metadataUpdated(id);
    }

    /// @inheritdoc IListings
    function addPlan(uint48 id, PlanDraft calldata draft) external onlyHolder(id) returns (PlanId) {
        _checkSeller(id);
        return _addPlan(id, draft);
    }

    /// @inheritdoc IListings
    function closePlan(PlanId id) external onlyHolder(id.listing()) {
        Plan storage p = _plans[id];
        require(p.status == PlanStatus.Open || p.status == PlanStatus.Reserved, Listings_PlanNotOpen(id));

        p.status = PlanStatus.Closed;

        emit PlanClosed(id, id.listing());
        _journal(PlanClosed.selector, abi.encode(id, id.listing()));
    }

    /// @inheritdoc IListings
    function reclassify(uint48 id, Classification calldata class, bytes32 legalBasis_, bytes32 reason)
        external
    {
        address holder = _requireListed(id);
        if (holder != msg.sender) PARTICIPANTS.check(msg.sender, SUPERVISOR);
        require(reason != 0, Listings_NoReason());
        (uint16 rule, uint8 required) = _decideListing(class, holder, legalBasis_ != 0);
        if (rule != 0) {
            require(holder != msg.sender, Listings_Refused(_pack.version, rule));
            required |= REFUSED;
        }

        StoredListing storage l = _listings[id];
        if (holder != msg.sender) {
            l.imposed = true;
        } else if (l.imposed) {
            Classification memory floor = l.class.unpack();
            bool lower = class.importance < floor.importance
                || (class.personal == PersonalData.None && floor.personal != PersonalData.None);
            require(!lower, Listings_BelowImposed(id));
        }
        (l.class, l.required, l.pack) = (class.packed(), required, _pack.version);
        uint16 epoch = ++l.epoch;
        legalBasis[id] = legalBasis_;

        emit Reclassified(id, msg.sender, class, required, epoch, l.pack, legalBasis_, reason);
        _journal(
            Reclassified.selector,
            abi.encode(id, msg.sender, class, required, epoch, l.pack, legalBasis_, reason)
        );
        _metadataUpdated(id);
    }

    /// @inheritdoc IListings
    function delist(uint48 id, bytes32 reason) external onlyHolder(id) {
        require(!_listings[id].delisted, Listings_IsDelisted(id));
        require(reason != 0, Listings_NoReason());

        _listings[id].delisted = true;

        emit Delisted(id, reason);
        _journal(Delisted.selector, abi.encode(id, reason));
        _metadataUpdated(id);
    }

    /// @inheritdoc IListings
    function freeze(uint48 id, uint40 until, bytes32 reason) external {
        PARTICIPANTS.check(msg.sender, SUPERVISOR);
        _requireListed(id);
        require(
            until > block.timestamp && until <= block.timestamp + MAX_FREEZE, Listings_InvalidPeriod(until)
        );
        require(reason != 0, Listings_NoReason());

        _listings[id].frozenUntil = until;

        emit Frozen(id, msg.sender, until, reason);
        _journal(Frozen.selector, abi.encode(id, msg.sender, until, reason));
        _metadataUpdated(id);
    }

    /// @inheritdoc IListings
    function unfreeze(uint48 id, bytes32 reason) external {
        if (PARTICIPANTS.standing(msg.sender, ARBITER) != Standing.Eligible) {
            PARTICIPANTS.check(msg.sender, SUPERVISOR);
        }
        require(_listings[id].frozenUntil > block.timestamp, Listings_NotFrozen(id));
        require(reason != 0, Listings_NoReason());

        _listings[id].frozenUntil = 0;

        emit Unfrozen(id, msg.sender, reason);
        _journal(Unfrozen.selector, abi.encode(id, msg.sender, reason));
        _metadataUpdated(id);
    }

    /// @inheritdoc IListings
    function approveTransfer(uint48 id, address account, uint40 until, bytes32 evidence) external {
        PARTICIPANTS.check(msg.sender, SUPERVISOR);
        _requireListed(id);
        require(evidence != 0, Listings_NoReason());

        transferApproval[id][account] = until;

        emit TransferApproved(id, account, until, evidence);
        _journal(TransferApproved.selector, abi.encode(id, account, until, evidence));
    }

    /// @inheritdoc IListings
    function setRulePack(address pack) external restricted {
        _setRulePack(IRulePack(pack));
    }

    /// @inheritdoc IListings
    function review(uint48 id, uint24 number, uint8 kind, bool stands, uint16 epoch) external {
        require(msg.sender == address(REVIEWS), Listings_NotReviews(msg.sender));
        Version storage v = _version(id, number);
        uint16 current = _listings[id].epoch;
        require(epoch == current, Listings_StaleEpoch(id, epoch, current));
        uint8 standing = _standing(v.attestations, v.epoch, epoch);

        (v.attestations, v.epoch) = (stands ? standing | kind : standing & ~kind, epoch);
        _metadataUpdated(id);
    }

    /// @inheritdoc IListings
    function sell(PlanId id, uint24 number, address buyer) external returns (Sale memory sale) {
        require(msg.sender == address(EXCHANGE), Listings_NotExchange(msg.sender));
        sale = gate(id, number, buyer);
        Plan storage p = _plans[id];
        (uint32 sold, uint32 cap) = (p.sold, p.cap);
        require(sold < cap, Listings_SoldOut(id, cap));

        p.sold = ++sold;

        sale.licence = licenceId(id, sold);
    }

    /// @inheritdoc IListings
    function gate(PlanId id, uint24 number, address account) public view returns (Sale memory sale) {
        Plan storage p = _plans[id];
        PlanStatus status = p.status;
        if (status == PlanStatus.Reserved) {
            require(p.onlyBuyer == account, Listings_ReservedFor(p.onlyBuyer));
        } else {
            require(status == PlanStatus.Open, Listings_PlanNotOpen(id));
        }
        (sale.price, sale.currency, sale.duration) = (p.price, p.currency, p.duration);

        uint48 l = id.listing();
        address seller = _ownerOf(l);
        require(account != seller, Listings_SelfDealing(account));
        PARTICIPANTS.check(seller, SELLER);
        require(!_listings[l].delisted, Listings_IsDelisted(l));
        sale.pack = checkHolder(l, number, account);
    }

    /// @inheritdoc IListings
    function checkHolder(uint48 id, uint24 number, address account) public view returns (uint24 pack) {
        bytes2 jurisdiction = PARTICIPANTS.check(account, BUYER);
        StoredListing storage l = _listings[id];
        require(l.frozenUntil <= block.timestamp, Listings_IsFrozen(id, l.frozenUntil));
        Version storage v = _version(id, number);
        require(!v.withdrawn, Listings_IsWithdrawn(id, number));
        bool approved = jurisdiction != l.home && transferApproval[id][account] > block.timestamp;

        pack = _pack.version;
        uint16 rule;
        if (l.required & REFUSED != 0) {
            (rule,) = _decideListing(l.class.unpack(), _ownerOf(id), legalBasis[id] != 0);
            revert Listings_Refused(pack, rule);
        }
        uint8 standing = _standing(v.attestations, v.epoch, l.epoch);
        rule = _pack.rules.decideSale(l.class.unpack(), standing, l.home, jurisdiction, approved);
        require(rule == 0, Listings_Refused(pack, rule));
    }

    /// @inheritdoc IListings
    function listing(uint48 id) external view returns (Listing memory) {
        _requireListed(id);
        StoredListing storage l = _listings[id];
        return Listing({
            class: l.class.unpack(),
            home: l.home,
            versions: l.versions,
            plans: l.plans,
            upstreams: l.upstreams,
            required: l.required,
            epoch: l.epoch,
            delisted: l.delisted,
            frozenUntil: l.frozenUntil,
            pack: l.pack,
            imposed: l.imposed
        });
    }

    /// @inheritdoc IListings
    function holderOf(uint48 id) external view returns (address) {
        return ownerOf(id);
    }

    /// @inheritdoc IListings
    function version(uint48 id, uint24 number) external view returns (Version memory) {
        return _version(id, number);
    }

    /// @inheritdoc IListings
    function plan(PlanId id) external view returns (Plan memory) {
        return _plans[id];
    }

    /// @inheritdoc IListings
    function upstreams(uint48 id) external view returns (Upstream[] memory) {
        return _upstreams[id];
    }

    /// @inheritdoc IListings
    function attestations(uint48 id, uint24 number) external view returns (uint8) {
        Version storage v = _version(id, number);
        return _standing(v.attestations, v.epoch, _listings[id].epoch);
    }

    /// @inheritdoc IListings
    function rulePack() external view returns (address, uint24) {
        return (address(_pack.rules), _pack.version);
    }

    /// @inheritdoc IERC6454
    function isTransferable(uint256 tokenId, address from, address to) public view returns (bool) {
        uint48 id = uint48(tokenId);
        if (_ownerOf(tokenId) == address(0) || (from != address(0) && from != _ownerOf(tokenId))) {
            return false;
        }
        if (from != address(0)) return to != address(0) && _mayMove(id, from, to);
        return to == address(0) && _listings[id].frozenUntil <= block.timestamp;
    }

    function supportsInterface(bytes4 id) public view override(ERC721, IERC165) returns (bool) {
        return id == type(IERC6454).interfaceId || id == bytes4(0x49064906) || super.supportsInterface(id);
    }

    function _update(address to, uint256 tokenId, address auth) internal override returns (address from) {
        from = super._update(to, tokenId, auth);
        if (from != address(0)) {
            require(_mayMove(uint48(tokenId), from, to), Listings_NotTransferable(uint48(tokenId), to));
        }
    }

    /// @dev A listing does not leave the reach of a measure, against itself or its holder, by changing hands, and goes only to
    /// whoever could list it.
    function _mayMove(uint48 id, address from, address to) private view returns (bool) {
        StoredListing storage l = _listings[id];
        (uint16 rule,) = _decideListing(l.class.unpack(), to, legalBasis[id] != 0);
        return rule == 0 && PARTICIPANTS.participant(from).suspendedUntil <= block.timestamp
            && PARTICIPANTS.standing(to, SELLER) == Standing.Eligible
            && PARTICIPANTS.participant(to).jurisdiction == l.home && l.frozenUntil <= block.timestamp;
    }

    function _nameUpstreams(uint48 id, Upstream[] calldata drafts) private {
        require(drafts.length <= MAX_UPSTREAMS, Listings_TooMany(drafts.length, MAX_UPSTREAMS));
        uint256 total;
        uint48 previous;
        for (uint256 i; i < drafts.length; ++i) {
            LicenceId licence = drafts[i].licence;
            uint16 shareBps = drafts[i].shareBps;
            require(licence.plan().listing() > previous, Listings_UpstreamOrder(licence));
            previous = licence.plan().listing();
            Plan storage p = _plans[licence.plan()];
            bool granted = LICENCES.entitlement(licence, msg.sender).denial == Denial.Granted
                && LICENCES.licence(licence).order == OrderStatus.Settled;
            require(granted && p.flags & DERIVABLE != 0, Listings_UpstreamDenied(licence));
            require(shareBps >= p.royaltyBps, Listings_ShareTooLow(licence, shareBps, p.royaltyBps));
            total += shareBps;
            require(total <= BPS, Listings_SharesExceedWhole(total));

            _upstreams[id].push(drafts[i]);

            emit UpstreamNamed(id, licence, shareBps);
            _journal(UpstreamNamed.selector, abi.encode(id, licence, shareBps));
        }
        _listings[id].upstreams = uint8(drafts.length);
    }

    function _addVersion(uint48 id, VersionDraft calldata draft) private returns (uint24 number) {
        require(draft.root != 0 && draft.metadata != 0 && draft.size != 0, Listings_InvalidVersion());
        require(draft.depositId != 0 && isAlpha2(draft.region), Listings_InvalidVersion());
        require(draft.staleAt == 0 || draft.staleAt > block.timestamp, Listings_InvalidPeriod(draft.staleAt));
        require(!depositUsed[draft.depositId], Listings_DepositUsed(draft.depositId));
        REVIEWS.checkCustody(msg.sender, draft);

        StoredListing storage l = _listings[id];
        number = ++l.versions;
        uint16 epoch = l.epoch;
        depositUsed[draft.depositId] = true;
        _versions[id][number] = Version({
            root: draft.root,
            metadata: draft.metadata,
            depositId: draft.depositId,
            size: draft.size,
            region: draft.region,
            publishedAt: uint40(block.timestamp),
            staleAt: draft.staleAt,
            attestations: CUSTODY,
            epoch: epoch,
            withdrawn: false
        });

        _emitVersion(id, number, epoch, draft);
        _metadataUpdated(id);
    }

    function _emitVersion(uint48 id, uint24 number, uint16 epoch, VersionDraft calldata d) private {
        uint40 time = uint40(block.timestamp);
        emit VersionPublished(
            id, number, d.root, d.metadata, d.depositId, d.size, d.region, time, d.staleAt, epoch, d.custodian
        );
        _journal(
            VersionPublished.selector,
            abi.encode(
                id,
                number,
                d.root,
                d.metadata,
                d.depositId,
                d.size,
                d.region,
                time,
                d.staleAt,
                epoch,
                d.custodian
            )
        );
    }

    function _addPlan(uint48 id, PlanDraft calldata draft) private returns (PlanId plan_) {
        require(draft.cap != 0 && draft.terms != 0 && draft.flags & ~ALL_FLAGS == 0, Listings_InvalidPlan());
        require(draft.royaltyBps <= (draft.flags & DERIVABLE == 0 ? 0 : BPS), Listings_InvalidPlan());
        uint8 currency = Currency.unwrap(draft.currency);
        require(currency < EXCHANGE.currencies(), Listings_UnknownCurrency(currency));

        plan_ = planId(id, _listings[id].plans++);
        _plans[plan_] = Plan({
            price: draft.price,
            currency: draft.currency,
            duration: draft.duration,
            cap: draft.cap,
            sold: 0,
            quota: draft.quota,
            flags: draft.flags,
            status: draft.onlyBuyer == address(0) ? PlanStatus.Open : PlanStatus.Reserved,
            onlyBuyer: draft.onlyBuyer,
            royaltyBps: draft.royaltyBps,
            terms: draft.terms
        });

        emit PlanAdded(plan_, id, draft.onlyBuyer, draft);
        _journal(PlanAdded.selector, abi.encode(plan_, id, draft.onlyBuyer, draft));
    }

    function _setRulePack(IRulePack pack) private {
        uint24 v = pack.version();
        require(v > _pack.version, Listings_InvalidPack(address(pack)));

        (_pack.rules, _pack.version) = (pack, v);

        emit RulePackSet(address(pack), v);
        _journal(RulePackSet.selector, abi.encode(pack, v));
    }

    function _metadataUpdated(uint48 id) private {
        emit MetadataUpdate(id);
        _journal(MetadataUpdate.selector, abi.encode(id));
    }

    function _checkHolder(uint48 id) private view {
        require(_ownerOf(id) == msg.sender, Listings_NotHolder(id, msg.sender));
    }

    function _checkSeller(uint48 id) private view {
        PARTICIPANTS.check(msg.sender, SELLER);
        require(!_listings[id].delisted, Listings_IsDelisted(id));
    }

    function _decideListing(Classification memory class, address holder, bool hasLegalBasis)
        private
        view
        returns (uint16 rule, uint8 required)
    {
        return _pack.rules.decideListing(class, PARTICIPANTS.participant(holder).publicBody, hasLegalBasis);
    }

    /// @dev Reviews of an earlier classification no longer stand; custody does not depend on it.
    function _standing(uint8 bits, uint16 reviewed, uint16 epoch) private pure returns (uint8) {
        return reviewed == epoch ? bits : bits & CUSTODY;
    }

    function _version(uint48 id, uint24 number) private view returns (Version storage v) {
        v = _versions[id][number];
        require(v.publishedAt != 0, Listings_UnknownVersion(id, number));
    }

    function _requireListed(uint48 id) private view returns (address holder) {
        holder = _ownerOf(id);
        require(holder != address(0), Listings_UnknownListing(id));
    }
}
