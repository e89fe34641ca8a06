// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { LicenceId, PlanId } from "../types/Ids.sol";
import { Classification, Listing, Upstream, Version, VersionDraft } from "../types/Listing.sol";
import { Plan, PlanDraft, Sale } from "../types/Plan.sol";

/// @notice What is for sale. A listing is an ERC-721 token of its seller; the holder of the token receives what its sales
/// earn. Versions and plans are only ever added, so nothing a buyer has seen can change under him.
interface IListings {
    event Listed(
        uint48 indexed listing,
        address indexed seller,
        bytes2 home,
        Classification class,
        uint8 required,
        uint24 pack,
        bytes32 legalBasis
    );
    event UpstreamNamed(uint48 indexed listing, LicenceId indexed licence, uint16 shareBps);
    event VersionPublished(
        uint48 indexed listing,
        uint24 indexed version,
        bytes32 indexed root,
        bytes32 metadata,
        bytes32 depositId,
        uint64 size,
        bytes2 region,
        uint40 publishedAt,
        uint40 staleAt,
        uint16 epoch,
        address custodian
    );
    event VersionWithdrawn(
        uint48 indexed listing, uint24 indexed version, address indexed by, bytes32 reason
    );
    event PlanAdded(PlanId indexed plan, uint48 indexed listing, address indexed onlyBuyer, PlanDraft draft);
    event PlanClosed(PlanId indexed plan, uint48 indexed listing);
    event Reclassified(
        uint48 indexed listing,
        address indexed by,
        Classification class,
        uint8 required,
        uint16 epoch,
        uint24 pack,
        bytes32 legalBasis,
        bytes32 reason
    );
    event Delisted(uint48 indexed listing, bytes32 reason);
    event Frozen(uint48 indexed listing, address indexed by, uint40 until, bytes32 reason);
    event Unfrozen(uint48 indexed listing, address indexed by, bytes32 reason);
    event TransferApproved(uint48 indexed listing, address indexed account, uint40 until, bytes32 evidence);
    event RulePackSet(address indexed pack, uint24 version);

    error Listings_NotHolder(uint48 listing, address account);
    error Listings_NotExchange(address account);
    error Listings_NotReviews(address account);
    /// @notice The listing was reclassified since what was reviewed.
    error Listings_StaleEpoch(uint48 listing, uint16 expected, uint16 actual);
    /// @notice A supervisor has classified this listing: its holder may raise the class, not lower it.
    error Listings_BelowImposed(uint48 listing);
    error Listings_UnknownVersion(uint48 listing, uint24 version);
    error Listings_UnknownListing(uint48 listing);
    error Listings_Refused(uint24 pack, uint16 rule);
    error Listings_InvalidVersion();
    error Listings_DepositUsed(bytes32 depositId);
    error Listings_InvalidPlan();
    error Listings_UnknownCurrency(uint8 currency);
    error Listings_TooMany(uint256 count, uint256 limit);
    error Listings_UpstreamDenied(LicenceId licence);
    error Listings_UpstreamOrder(LicenceId licence);
    error Listings_ShareTooLow(LicenceId licence, uint16 shareBps, uint16 royaltyBps);
    error Listings_SharesExceedWhole(uint256 totalBps);
    error Listings_PlanNotOpen(PlanId plan);
    error Listings_SoldOut(PlanId plan, uint32 cap);
    error Listings_ReservedFor(address onlyBuyer);
    error Listings_SelfDealing(address account);
    error Listings_IsDelisted(uint48 listing);
    error Listings_IsFrozen(uint48 listing, uint40 until);
    error Listings_NotFrozen(uint48 listing);
    error Listings_IsWithdrawn(uint48 listing, uint24 version);
    error Listings_InvalidPeriod(uint40 until);
    error Listings_NoReason();
    error Listings_NotTransferable(uint48 listing, address to);
    error Listings_InvalidPack(address pack);

    /// @notice Mints a listing with its first version and its plans. The caller must be an eligible seller and hold a
    /// derivable licence, its order settled, of every upstream dataset (R06).
    /// @param legalBasis hash of the legal basis for personal data; 0 when there is none
    /// @param upstreams at most `MAX_UPSTREAMS`, one of a listing, by rising listing, together at most 100 %
    /// @return listing its id, also the ERC-721 token id
    function publish(
        Classification calldata class,
        bytes32 legalBasis,
        VersionDraft calldata first,
        PlanDraft[] calldata plans,
        Upstream[] calldata upstreams
    ) external returns (uint48 listing);

    /// @notice Appends a version. Not for sale before it is attested.
    function addVersion(uint48 listing, VersionDraft calldata draft) external returns (uint24 version);

    /// @notice Ends sales of a version and release of its key, for good. Caller: the holder, or a supervisor.
    function withdrawVersion(uint48 listing, uint24 version, bytes32 reason) external;

    /// @notice Appends a plan. One that lasts longer than the Exchange's `MAX_AHEAD` can be bought and never renewed.
    function addPlan(uint48 listing, PlanDraft calldata draft) external returns (PlanId plan);

    /// @notice Ends a plan; licences already sold keep its terms but can no longer be renewed.
    function closePlan(PlanId plan) external;

    /// @notice Changes the classification: every review must be made anew before the next sale or key release (R04).
    /// Caller: the holder, or a supervisor. Once a supervisor has classified a listing, its holder can neither lower its
    /// importance nor declare it free of personal data. A refusal by the rule pack stops the holder; a supervisor's
    /// classification stands, and then nothing is sold and no key released, whatever is attested, until the listing is classified within
    /// the rules. Sales are refused by the rule that the pack in force applies to the classification; by rule 0 when a later
    /// pack would allow it.
    function reclassify(uint48 listing, Classification calldata class, bytes32 legalBasis, bytes32 reason)
        external;

    /// @notice Ends all sales of the listing, for good. Licences already sold are unaffected.
    function delist(uint48 listing, bytes32 reason) external;

    /// @notice Stops sales and key release until `until`, at most `MAX_FREEZE` ahead (R19). Caller: a supervisor.
    function freeze(uint48 listing, uint40 until, bytes32 reason) external;

    /// @notice Ends a freeze. Caller: an arbiter on review, or a supervisor.
    function unfreeze(uint48 listing, bytes32 reason) external;

    /// @notice Records that `account` may receive this data across a border until `until`; 0 takes it back (R07).
    /// Caller: a supervisor.
    function approveTransfer(uint48 listing, address account, uint40 until, bytes32 evidence) external;

    /// @notice Puts another rule pack in force.
    /// @dev WARNING, admin power: the pack decides every listing and sale from now on. It cannot touch licences already
    /// sold, money, or withdrawals. To be held behind the governance delay.
    function setRulePack(address pack) external;

    /// @notice Sets whether an attestation of `kind` stands for a version. Caller: Reviews.
    /// @param epoch of the classification it was reviewed under
    function review(uint48 listing, uint24 version, uint8 kind, bool stands, uint16 epoch) external;

    /// @notice Allows one sale and counts it, or reverts with the reason. Caller: the Exchange.
    function sell(PlanId plan, uint24 version, address buyer) external returns (Sale memory);

    /// @notice Reverts unless `account` may buy or renew under this plan for this version now, short of the plan's cap.
    /// @return sale what it would be decided under; its licence id is 0
    function gate(PlanId plan, uint24 version, address account) external view returns (Sale memory sale);

    /// @notice Reverts unless `account` may hold a licence of this version now. Purchase, renewal, transfer and upgrade all pass
    /// here (R17); unlike `gate` it asks nothing of the plan or the seller, so a closed plan leaves sold licences their rights.
    /// @return pack version of the rule pack that allows it
    function checkHolder(uint48 listing, uint24 version, address account) external view returns (uint24 pack);

    function listing(uint48 id) external view returns (Listing memory);

    /// @notice Who holds the listing, and receives what its sales earn.
    function holderOf(uint48 id) external view returns (address);

    function version(uint48 id, uint24 number) external view returns (Version memory);

    function plan(PlanId id) external view returns (Plan memory);

    function upstreams(uint48 id) external view returns (Upstream[] memory);

    /// @notice Attestation bits that stand for the listing's present classification.
    function attestations(uint48 id, uint24 number) external view returns (uint8);

    /// @notice Second until which `account` may receive the data across a border.
    function transferApproval(uint48 id, address account) external view returns (uint40 until);

    function legalBasis(uint48 id) external view returns (bytes32);

    function depositUsed(bytes32 depositId) external view returns (bool);

    function rulePack() external view returns (address pack, uint24 version);
}
