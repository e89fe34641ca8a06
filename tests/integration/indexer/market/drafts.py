"""What acts say and sign, at random within the rules."""

from eth_abi.abi import encode
from eth_hash.auto import keccak

from ledger.chain.abi import Call
from ledger.chain.bindings import structs
from ledger.chain.devnet import CHAIN_ID
from ledger.domain.custody import Custody
from ledger.domain.market import Right, Role
from ledger.indexer.state import NOBODY
from tests.integration.indexer.market.accounts import DAY, HOUR, TRADERS, address, domain_separator, sign
from tests.integration.indexer.market.driver import Market


def payment(m: Market, buyer: str, plan: int, version: int, licence: int) -> structs.BankPayment:
    terms = m.state.plans[plan]
    reference, deadline = m.hash(), m.now + DAY
    message = encode(
        [*("bytes32", "bytes32", "address", "uint64", "uint24", "uint96", "uint8", "uint96", "uint64")],
        [
            keccak(
                b"Payment(bytes32 paymentRef,address buyer,uint64 plan,uint24 version,uint96 licence,"
                b"uint8 currency,uint96 amount,uint64 deadline)"
            ),
            *(reference, address(buyer), plan, version, licence),
            *(terms.currency, terms.price, deadline),
        ],
    )
    domain = domain_separator("Socai Exchange", m.at("Exchange"))
    signature = sign("provider", keccak(b"\x19\x01" + domain + keccak(message)))
    return structs.BankPayment(reference, address("provider"), deadline, signature)


def permit(m: Market, buyer: str, plan: int) -> structs.Permit:
    terms = m.state.plans[plan]
    token = m.state.currencies[terms.currency].token
    deadline = m.now + DAY
    message = encode(
        ["bytes32", "address", "address", "uint256", "uint256", "uint256"],
        [
            keccak(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
            *(address(buyer), m.at("Exchange"), terms.price),
            *(m.permits[token, buyer], deadline),
        ],
    )
    signature = sign(buyer, keccak(b"\x19\x01" + m.separators[token] + keccak(message)))
    return structs.Permit(deadline, signature[64], signature[:32], signature[32:64])


def draft(m: Market, seller: str) -> structs.VersionDraft:
    root, deposit, size = m.hash(), m.hash(), m.random.randrange(1, 2**40)
    region, deadline = m.random.choice([b"VN", b"VN", b"SG"]), m.now + DAY
    custody = Custody(bytes.fromhex(address(seller)[2:]), root, size, deposit, region, deadline)
    digest = custody.digest(CHAIN_ID, bytes.fromhex(m.at("Reviews")[2:]))
    return structs.VersionDraft(
        root=root,
        metadata=m.hash(),
        deposit_id=deposit,
        size=size,
        region=region,
        stale_at=m.random.choice([0, m.now + 30 * DAY]),
        custodian=address("custodian"),
        deadline=deadline,
        signature=sign("custodian", digest),
    )


def plan_draft(m: Market, seller: str) -> structs.PlanDraft:
    r = m.random
    flags = r.randrange(64) | r.choice([0, Right.UPDATES | Right.TRANSFERABLE | Right.DERIVABLE])
    others = [name for name in TRADERS if name != seller]
    return structs.PlanDraft(
        price=r.choice([0, 1, 7, 999, 10_000, 1_234_567, 99_999_999]),
        currency=r.choice([1, 1, 1, *m.state.currencies]),
        duration=r.choice([0, 2 * HOUR, 12 * HOUR, 3 * DAY]),
        cap=r.choice([1, 2, 5, 2**32 - 1]),
        quota=r.choice([0, 0, 10, 3]),
        flags=flags,
        royalty_bps=r.choice([0, 500, 2_500]) if flags & Right.DERIVABLE else 0,
        only_buyer=address(r.choice(others)) if r.random() < 0.2 else NOBODY,
        terms=m.hash(),
    )


def classification(m: Market) -> tuple[structs.Classification, bytes]:
    """Within the rules, and the legal basis."""
    r = m.random
    importance = r.choice(
        [structs.Importance.OTHER] * 3 + [structs.Importance.IMPORTANT, structs.Importance.CORE]
    )
    sharing = [s for s in structs.Sharing if s != structs.Sharing.UNSTATED]
    if importance == structs.Importance.CORE:
        sharing.remove(structs.Sharing.OPEN)
    personal = r.choice(list(structs.PersonalData))
    basis = m.hash() if personal or r.random() < 0.1 else bytes(32)
    return (
        structs.Classification(importance, r.choice(sharing), r.choice(list(structs.Subject)), personal),
        basis,
    )


def accreditation(m: Market, name: str, roles: Role) -> Call[None]:
    until = m.now + m.random.choice([DAY, 3650 * DAY, 3650 * DAY])
    home = b"SG" if name == "outsider" else b"VN"
    public = m.chance(0.2)
    return m.participants.accredit(address(name), roles, home, public, until, m.hash())
