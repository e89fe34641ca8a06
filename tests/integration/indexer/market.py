"""A market that random acts drive through the bindings, on a real chain, with every contract taking part.

The acts are chosen by what replaying the events so far says is possible, so most succeed; those that revert
leave nothing behind and count for nothing. The same seed gives the same acts on the same clock.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_typing import Hash32
from eth_utils.address import to_checksum_address

from ledger.chain import bindings
from ledger.chain.abi import Call
from ledger.chain.bindings import structs
from ledger.chain.deploy import POWERS, Constitution, deploy
from ledger.chain.devnet import CHAIN_ID, dev_accounts
from ledger.chain.events import Decoder, Entry
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc, from_hex, from_quantity, to_hex
from ledger.domain.custody import Custody
from ledger.domain.ids import listing_of, listing_of_plan, plan_of
from ledger.domain.market import Kind, Right, Role
from ledger.indexer.replay import apply
from ledger.indexer.state import NOBODY, UNKNOWN, State, Tokens
from tests.integration.indexer import storage

T = TypeVar("T")
HOUR: Final = 3600
DAY: Final = 24 * HOUR
COMPARED: Final = 6
TRADERS: Final = ("seller", "seller2", "buyer", "buyer2", "outsider")
OVERSIGHT: Final = {
    Role.REVIEWER: "reviewer",
    Role.CUSTODIAN: "custodian",
    Role.PAYMENT_PROVIDER: "provider",
    Role.ARBITER: "arbiter",
    Role.SUPERVISOR: "supervisor",
}
HOLDERS: Final = {1: "operator", 2: "governor", 3: "guardian", 4: "operator"}
"""Who holds the roles of `ledger.chain.deploy`."""
REFUSED: Final = 1 << 7


@dataclass(frozen=True, slots=True)
class Act:
    """`sender` is the name of a development account. `permit` is the token whose allowance is signed for."""

    sender: str
    call: Call[Any]
    permit: str | None = None


Chooser = Callable[["Market"], Act | None]
CHOOSERS: dict[str, tuple[Chooser, float]] = {}
"""What may happen, by name, and how often."""

PREREQUISITES: Final = {
    "unfreeze": ["freeze"],
    "reinstate": ["suspend"],
    "reinstate licence": ["revoke"],
    "resume": ["halt"],
    "lapse": ["dispute", "buy"],
    "resolve for the seller": ["dispute", "buy"],
    "resolve in part": ["dispute", "buy"],
    "resolve for the buyer": ["dispute", "buy"],
    "release": ["buy"],
    "count uses": ["buy", "take for free"],
    "upgrade": ["buy", "confirm", "add version"],
    "publish derived": ["buy", "confirm"],
    "renew": ["buy", "confirm"],
    "renew with bank": ["buy", "confirm"],
    "withdraw": ["confirm"],
    "licence: transfer": ["buy", "confirm"],
    "licence: safe transfer": ["buy", "confirm"],
    "licence: safe transfer with data": ["buy", "confirm"],
}
"""Acts that make another possible."""


def act(name: str, weight: float = 1.0) -> Callable[[Chooser], Chooser]:
    def register(chooser: Chooser) -> Chooser:
        assert name not in CHOOSERS
        CHOOSERS[name] = (chooser, weight)
        return chooser

    return register


@dataclass(slots=True)
class Market:
    rpc: Rpc
    manifest: Manifest
    random: Random
    second_manager: str
    tokens: tuple[str, str]
    """The settlement token, and another of its kind that no manifest names."""
    separators: dict[str, bytes] = field(default_factory=dict)
    state: State = field(default_factory=State)
    entries: list[tuple[Entry, int]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    reverted: Counter[str] = field(default_factory=Counter)
    functions: set[str] = field(default_factory=set)
    permits: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Used, by token and account."""
    spent: set[tuple[str, str]] = field(default_factory=set)
    """Tokens and accounts without an allowance."""
    packs: dict[int, str] = field(default_factory=dict)
    """A rule pack to come after each version."""
    head: bytes = b""
    now: int = 0
    """Time of the block being made."""

    # Contracts

    def at(self, name: str) -> str:
        return self.manifest.address(name)

    @property
    def participants(self) -> bindings.Participants:
        return bindings.Participants(self.at("Participants"))

    @property
    def listings(self) -> bindings.Listings:
        return bindings.Listings(self.at("Listings"))

    @property
    def licences(self) -> bindings.Licences:
        return bindings.Licences(self.at("Licences"))

    @property
    def reviews(self) -> bindings.Reviews:
        return bindings.Reviews(self.at("Reviews"))

    @property
    def exchange(self) -> bindings.Exchange:
        return bindings.Exchange(self.at("Exchange"))

    @property
    def anchor(self) -> bindings.LogAnchor:
        return bindings.LogAnchor(self.at("LogAnchor"))

    # Choices

    def pick(self, values: Sequence[T]) -> T | None:
        return self.random.choice(values) if values else None

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def hash(self) -> bytes:
        return self.random.randbytes(32)

    def admin(self, call: Call[Any]) -> Act:
        """By whoever may, under the manager that is in force."""
        contract, function = call.function.split(".")
        if self.state.authorities.get(contract) == self.second_manager:
            return Act("governor", call)
        return Act(HOLDERS[POWERS[contract, function]], call)

    # What is so

    def eligible(self, name: str, role: Role) -> bool:
        found = self.state.participants.get(address(name), UNKNOWN)
        return bool(found.roles & role and found.valid_until > self.now and found.suspended_until <= self.now)

    def traders(self, role: Role) -> list[str]:
        return [name for name in TRADERS if self.eligible(name, role)]

    def owner(self, tokens: Tokens, token: int) -> str:
        """Name of a token's owner."""
        return NAMES[tokens.owners[token]]

    def standing(self, listing: int, number: int) -> int:
        version = self.state.versions[listing, number]
        same = version.epoch == self.state.listings[listing].epoch
        return version.attestations if same else version.attestations & Kind.CUSTODY

    def saleable(self, listing: int, at_least: int = 1) -> list[int]:
        """Versions that could be sold or moved to."""
        found = self.state.listings[listing]
        if found.frozen_until > self.now:
            return []
        return [
            number
            for number in range(at_least, found.versions + 1)
            if not self.state.versions[listing, number].withdrawn
            and self.standing(listing, number) & found.required == found.required
        ]

    def offers(self, by_token: bool | None) -> list[tuple[int, int]]:
        """Plans and versions that somebody could buy now."""
        if self.state.terms.halted:
            return []
        return [
            (plan, version)
            for plan, terms in self.state.plans.items()
            if terms.status in (structs.PlanStatus.OPEN, structs.PlanStatus.RESERVED)
            and terms.sold < terms.cap
            and (by_token is None or not by_token or self.state.currencies[terms.currency].active)
            and not self.state.listings[listing_of_plan(plan)].delisted
            and self.eligible(self.owner(self.state.listing_tokens, listing_of_plan(plan)), Role.SELLER)
            for version in self.saleable(listing_of_plan(plan))
        ]

    def offer(
        self,
        by_token: bool,
        wanted: Callable[[structs.Plan], bool] = lambda _: True,
        *,
        allowance: bool = False,
    ) -> tuple[int, int, str] | None:
        """A plan, a version and a buyer; derived data more often than by chance."""
        offers = [offer for offer in self.offers(by_token) if wanted(self.state.plans[offer[0]])]
        derived = [offer for offer in offers if listing_of_plan(offer[0]) in self.state.upstreams]
        found = self.pick(derived if derived and self.chance(0.4) else offers)
        if found is None:
            return None
        terms = self.state.plans[found[0]]
        seller = self.owner(self.state.listing_tokens, listing_of_plan(found[0]))
        token = self.state.currencies[terms.currency].token
        buyers = [
            name
            for name in self.traders(Role.BUYER)
            if name != seller and not (allowance and (token, name) in self.spent)
        ]
        buyer = NAMES[terms.only_buyer] if terms.only_buyer != NOBODY else self.pick(buyers)
        return None if buyer is None else (*found, buyer)

    def held(self, name: str) -> int:
        return self.state.licence_tokens.balances.get(address(name), 0)

    def orders(self, status: structs.OrderStatus) -> list[int]:
        return [number for number, licence in self.state.licences.items() if licence.order == status]

    def active(self) -> list[int]:
        return [n for n, found in self.state.licences.items() if found.status == structs.LicenceStatus.ACTIVE]

    def licensed(self) -> set[int]:
        """Listings with a licence that is good for something."""
        return {listing_of(n) for n in self.active() if self.state.licences[n].expires_at > self.now}

    def right(self, licence: int, right: Right) -> bool:
        return bool(self.state.plans[plan_of(licence)].flags & right)

    # Signatures

    def payment(self, buyer: str, plan: int, version: int, licence: int) -> structs.BankPayment:
        terms = self.state.plans[plan]
        reference, deadline = self.hash(), self.now + DAY
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
        domain = domain_separator("Socai Exchange", self.at("Exchange"))
        signature = sign("provider", keccak(b"\x19\x01" + domain + keccak(message)))
        return structs.BankPayment(reference, address("provider"), deadline, signature)

    def permit(self, buyer: str, plan: int) -> structs.Permit:
        terms = self.state.plans[plan]
        token = self.state.currencies[terms.currency].token
        deadline = self.now + DAY
        message = encode(
            ["bytes32", "address", "address", "uint256", "uint256", "uint256"],
            [
                keccak(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                *(address(buyer), self.at("Exchange"), terms.price),
                *(self.permits[token, buyer], deadline),
            ],
        )
        signature = sign(buyer, keccak(b"\x19\x01" + self.separators[token] + keccak(message)))
        return structs.Permit(deadline, signature[64], signature[:32], signature[32:64])

    def draft(self, seller: str) -> structs.VersionDraft:
        root, deposit, size = self.hash(), self.hash(), self.random.randrange(1, 2**40)
        region, deadline = self.random.choice([b"VN", b"VN", b"SG"]), self.now + DAY
        custody = Custody(bytes.fromhex(address(seller)[2:]), root, size, deposit, region, deadline)
        digest = custody.digest(CHAIN_ID, bytes.fromhex(self.at("Reviews")[2:]))
        return structs.VersionDraft(
            root=root,
            metadata=self.hash(),
            deposit_id=deposit,
            size=size,
            region=region,
            stale_at=self.random.choice([0, self.now + 30 * DAY]),
            custodian=address("custodian"),
            deadline=deadline,
            signature=sign("custodian", digest),
        )

    def plan_draft(self, seller: str) -> structs.PlanDraft:
        r = self.random
        flags = r.randrange(64) | r.choice([0, Right.UPDATES | Right.TRANSFERABLE | Right.DERIVABLE])
        others = [name for name in TRADERS if name != seller]
        return structs.PlanDraft(
            price=r.choice([0, 1, 7, 999, 10_000, 1_234_567, 99_999_999]),
            currency=r.choice([1, 1, 1, *self.state.currencies]),
            duration=r.choice([0, 2 * HOUR, 12 * HOUR, 3 * DAY]),
            cap=r.choice([1, 2, 5, 2**32 - 1]),
            quota=r.choice([0, 0, 10, 3]),
            flags=flags,
            royalty_bps=r.choice([0, 500, 2_500]) if flags & Right.DERIVABLE else 0,
            only_buyer=address(r.choice(others)) if r.random() < 0.2 else NOBODY,
            terms=self.hash(),
        )

    def classification(self) -> tuple[structs.Classification, bytes]:
        """Within the rules, and the legal basis."""
        r = self.random
        importance = r.choice(
            [structs.Importance.OTHER] * 3 + [structs.Importance.IMPORTANT, structs.Importance.CORE]
        )
        sharing = [s for s in structs.Sharing if s != structs.Sharing.UNSTATED]
        if importance == structs.Importance.CORE:
            sharing.remove(structs.Sharing.OPEN)
        personal = r.choice(list(structs.PersonalData))
        basis = self.hash() if personal or r.random() < 0.1 else bytes(32)
        return (
            structs.Classification(importance, r.choice(sharing), r.choice(list(structs.Subject)), personal),
            basis,
        )

    def accreditation(self, name: str, roles: Role) -> Call[None]:
        until = self.now + self.random.choice([DAY, 3650 * DAY, 3650 * DAY])
        home = b"SG" if name == "outsider" else b"VN"
        public = self.chance(0.2)
        return self.participants.accredit(address(name), roles, home, public, until, self.hash())

    # The run

    def missing(self) -> dict[str, list[str]]:
        """What a history must yet show, lest comparing its end be vacuous, and the acts that lead there."""
        state, licences, plans = self.state, self.state.licences.values(), self.state.plans.values()
        orders, statuses = {found.order for found in licences}, {found.status for found in licences}
        payable = any(state.escrow.values())
        shown = {
            "an open order": (structs.OrderStatus.OPEN in orders, ["buy"]),
            "a disputed order": (structs.OrderStatus.DISPUTED in orders, ["buy", "dispute"]),
            "a settled order": (structs.OrderStatus.SETTLED in orders, ["confirm"]),
            "a refunded order": (structs.OrderStatus.REFUNDED in orders, ["refund"]),
            "an active licence": (structs.LicenceStatus.ACTIVE in statuses, ["buy"]),
            "a revoked licence": (structs.LicenceStatus.REVOKED in statuses, ["revoke"]),
            "every plan status": (len({plan.status for plan in plans}) == 3, ["add plan"]),
            "both ways to pay": (len({found.by_bank for found in licences}) == 2, ["buy", "buy with bank"]),
            "uses": (any(found.used for found in licences), ["count uses"]),
            "upstreams": (any(state.upstreams.values()), ["publish derived"]),
            "a split with an upstream": (self.shared > 0, ["publish derived", "buy", "confirm"]),
            "reclassification": (any(found.epoch for found in state.listings.values()), ["reclassify"]),
            "money in escrow": (payable, ["buy"]),
            "money owed": (any(state.owed.values()), ["confirm"]),
            "checkpoints": (len(state.checkpoints) > 1, ["anchor"]),
            "currencies": (len(state.currencies) > 2, ["add currency"]),
            "an approved licence": (
                any(to != NOBODY for to in state.licence_tokens.approved.values()),
                ["licence: approve"],
            ),
        }
        missing = {name: acts for name, (holds, acts) in shown.items() if not holds}
        return missing | {name: [name] for name in CHOOSERS if not self.done[name]}

    @property
    def shared(self) -> int:
        """Allocations to the seller of an upstream dataset."""
        return sum(
            isinstance(entry.event, bindings.exchange.Allocated) and entry.event.part == structs.Part.UPSTREAM
            for entry, _ in self.entries
        )

    async def run(self, acts: int) -> None:
        """So many acts, and on until nothing is missing. Compares storage a few times on the way.

        Raises AssertionError when it differs, or something is always missing.
        """
        for part in range(1, COMPARED + 1):
            while sum(self.done.values()) < acts * part // COMPARED:
                await self.block(CHOOSERS)
            await storage.compare(self.rpc, self.manifest, self.state)
        for _ in range(acts + 500):
            if not (missing := self.missing()):
                return
            towards = {name for names in missing.values() for name in names}
            towards |= {before for name in towards for before in PREREQUISITES.get(name, ())}
            possible = {"publish", "add plan", "attest", "accredit", "allow", "resume"}
            await self.block({*possible, *self.random.sample(list(CHOOSERS), 5)} - towards, sorted(towards))
        raise AssertionError(f"missing: {self.missing()}")

    async def block(self, among: Iterable[str], preferred: Sequence[str] = ()) -> None:
        self.now += self._step()
        names, chosen = sorted(among), []
        weights = [CHOOSERS[name][1] / (1 + self.done[name]) ** 0.6 for name in names]
        weights += [sum(weights) / len(preferred)] * len(preferred) if preferred else []
        for name in self.random.choices([*names, *preferred], weights, k=self.random.choice([1, 1, 2, 3])):
            if (found := CHOOSERS[name][0](self)) is not None:
                chosen.append((name, found))
        if chosen:
            await self.mine(chosen)

    def _step(self) -> int:
        """Mostly minutes; now and then just to, before or behind a deadline."""
        deadlines = [
            time
            for found in self.state.licences.values()
            for time in (found.deadline, found.expires_at)
            if self.now < time < self.now + 2 * DAY
        ]
        if deadlines and self.chance(0.05):
            return max(1, self.random.choice(deadlines) - self.now + self.random.choice([-1, 0, 1]))
        return self.random.randrange(1, 900)

    async def mine(self, chosen: Sequence[tuple[str, Act]]) -> None:
        hashes = [await self._send(found.sender, found.call) for _, found in chosen]
        await self.rpc.request("evm_mine", [{"timestamp": to_quantity(self.now)}])
        block, receipts = await self.rpc.batch(
            [("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockReceipts", ["latest"])]
        )
        assert from_quantity(block["timestamp"]) == self.now
        assert sorted(block["transactions"]) == sorted(hashes)
        self.head = from_hex(block["hash"], 32)
        by_hash = {receipt["transactionHash"]: receipt for receipt in receipts}
        for (name, found), transaction in zip(chosen, hashes, strict=True):
            succeeded = from_quantity(by_hash[transaction]["status"]) == 1
            (self.done if succeeded else self.reverted)[name] += 1
            if succeeded:
                self.functions.add(found.call.function)
                if found.permit:
                    self.permits[found.permit, found.sender] += 1
                    self.spent.add((found.permit, found.sender))
                elif name == "allow":
                    self.spent.discard((found.call.to, found.sender))
        await self._read(receipts)

    async def _read(self, receipts: Sequence[Any]) -> None:
        decoder = Decoder(self.manifest)
        logs = [log for receipt in receipts for log in receipt["logs"]]
        for entry in decoder.decode_all(logs):
            apply(self.state, entry, self.now)
            self.entries.append((entry, self.now))

    async def catch_up(self) -> None:
        """Reads what deployment emitted, and puts rule packs at hand."""
        chain = [
            (await self.rpc.request("eth_getBlockByNumber", [to_quantity(number), False]), number)
            for number in range(
                self.manifest.block, from_quantity(await self.rpc.request("eth_blockNumber")) + 1
            )
        ]
        for block, number in chain:
            self.now, self.head = from_quantity(block["timestamp"]), from_hex(block["hash"], 32)
            await self._read(await self.rpc.request("eth_getBlockReceipts", [to_quantity(number)]))
        for version in range(1, 30):
            pack = to_checksum_address(self.random.randbytes(20))
            await self.rpc.request(
                "anvil_setCode", [pack, to_hex(pack_code(self.at("RulePack"), version + 1))]
            )
            self.packs[version] = pack

    async def _send(self, sender: str, call: Call[Any]) -> str:
        sent: str = await self.rpc.request(
            "eth_sendTransaction",
            [
                {
                    "from": address(sender),
                    "to": call.to,
                    "data": to_hex(call.data),
                    "gas": to_quantity(6_000_000),
                    "maxFeePerGas": "0x0",
                    "maxPriorityFeePerGas": "0x0",
                }
            ],
        )
        return sent


# What a deployment needs


async def found(rpc: Rpc, seed: int, folder: Path) -> Market:
    """A new exchange on the chain, with traders accredited and in funds."""
    random = Random(seed)  # noqa: S311
    head = await rpc.request("eth_getBlockByNumber", ["latest", False])
    now = from_quantity(head["timestamp"])
    deployer: LocalAccount = Account.from_key(random.randbytes(32))
    await rpc.request("evm_setAutomine", [True])
    constitution = Constitution(
        operator=address("operator"),
        governor=address("governor"),
        guardian=address("guardian"),
        treasury=address("treasury"),
        tax_authority=address("tax"),
        oversight={role: address(name) for role, name in OVERSIGHT.items()},
        valid_until=now + 3650 * DAY,
        delay=0,
        terms=structs.Terms(250, 1000, 2 * HOUR, 3 * HOUR, False),
    )
    manifest = await deploy(rpc, CHAIN_ID, constitution, folder / f"{seed}.json", deployer)
    access = manifest.address("AccessManager")
    second_manager = await create(rpc, bindings.AccessManager.creation(address("governor")))
    second_token = await create(rpc, bindings.SettlementToken.creation(access))
    await rpc.request("evm_setAutomine", [False])
    tokens = (manifest.address("SettlementToken"), second_token)
    market = Market(rpc, manifest, random, second_manager, tokens)
    await market.catch_up()
    for token in tokens:
        domain = bindings.SettlementToken(token).domain_separator()
        market.separators[token] = await rpc.call(domain, market.head)
    market.now += 1
    for name in TRADERS:
        minter = {tokens[0]: "operator", tokens[1]: "governor"}
        await market.mine(
            [
                ("accredit", Act("operator", market.accreditation(name, Role.SELLER | Role.BUYER))),
                *(
                    ("mint", Act(minter[token], bindings.SettlementToken(token).mint(address(name), 10**15)))
                    for token in tokens
                ),
                *(
                    (
                        "allow",
                        Act(name, bindings.SettlementToken(token).approve(market.at("Exchange"), 10**15)),
                    )
                    for token in tokens
                ),
            ]
        )
        market.now += 1
    assert not market.reverted
    market.done.clear()
    return market


async def create(rpc: Rpc, creation: bytes) -> str:
    """Deploys a contract of the governor's; its address."""
    sent = await rpc.request(
        "eth_sendTransaction",
        [
            {
                "from": address("governor"),
                "data": to_hex(creation),
                "gas": to_quantity(12_000_000),
                "maxFeePerGas": "0x0",
                "maxPriorityFeePerGas": "0x0",
            }
        ],
    )
    while (receipt := await rpc.request("eth_getTransactionReceipt", [sent])) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert from_quantity(receipt["status"]) == 1
    return to_checksum_address(receipt["contractAddress"])


def address(name: str) -> str:
    return dev_accounts()[name].address


NAMES: Final = {account.address: name for name, account in dev_accounts().items()}


def to_quantity(number: int) -> str:
    return hex(number)


def sign(name: str, digest: bytes) -> bytes:
    """65 bytes: r, s, v."""
    account = Account.from_key(dev_accounts()[name].key)
    return bytes(account.unsafe_sign_hash(Hash32(digest)).signature)


def domain_separator(name: str, contract: str) -> bytes:
    kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    return keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [keccak(kind), keccak(name.encode()), keccak(b"1"), CHAIN_ID, contract],
        )
    )


def pack_code(pack: str, version: int) -> bytes:
    """Runtime code of a rule pack that decides as `pack` does and says that it is another version."""
    selector = bindings.RulePack(pack).version().data
    asks = bytes.fromhex("5f3560e01c63") + selector + bytes.fromhex("1460")  # … eq push1 (to `answers`)
    delegates = (
        bytes.fromhex("57365f5f375f5f365f73") + bytes.fromhex(pack[2:]) + bytes.fromhex("5af43d5f5f3e60")
    )
    reverts = bytes.fromhex("573d5ffd")
    returns = bytes.fromhex("5b3d5ff3")
    answers = bytes.fromhex("5b62") + version.to_bytes(3, "big") + bytes.fromhex("5f5260205ff3")
    done = len(asks) + 1 + len(delegates) + 1 + len(reverts)
    return b"".join((asks, bytes([done + len(returns)]), delegates, bytes([done]), reverts, returns, answers))


# Acts: participants


@act("accredit")
def _accredit(m: Market) -> Act | None:
    out = [name for name in TRADERS if not (m.eligible(name, Role.SELLER) or m.eligible(name, Role.BUYER))]
    name = m.random.choice(out or list(TRADERS))
    roles = m.random.choice([Role.SELLER | Role.BUYER] * 6 + [Role.SELLER, Role.BUYER])
    return m.admin(m.accreditation(name, roles))


@act("appoint", 0.3)
def _appoint(m: Market) -> Act | None:
    role, name = m.random.choice([(Role.REVIEWER, "reviewer2"), *OVERSIGHT.items()])
    until = m.now + m.random.choice([DAY, 3650 * DAY]) if name == "reviewer2" else m.now + 3650 * DAY
    return m.admin(m.participants.appoint(address(name), role, b"VN", until, m.hash()))


@act("retire", 0.1)
def _retire(m: Market) -> Act | None:
    name = m.random.choice(["reviewer2", *TRADERS])
    return m.admin(m.participants.retire(address(name), m.hash()))


@act("suspend", 0.3)
def _suspend(m: Market) -> Act | None:
    name = m.random.choice(["reviewer2", "reviewer", "treasury", *TRADERS])  # treasury: never accredited
    until = m.now + m.random.choice([60, HOUR, 6 * HOUR])
    return Act("supervisor", m.participants.suspend(address(name), until, m.hash()))


@act("reinstate", 0.6)
def _reinstate(m: Market) -> Act | None:
    found = m.pick([a for a, p in m.state.participants.items() if p.suspended_until > m.now])
    by = m.random.choice(["arbiter", "supervisor"])
    return Act(by, m.participants.reinstate(found, m.hash())) if found else None


# Acts: listings


@act("publish", 1.5)
def _publish(m: Market) -> Act | None:
    return _published(m, upstreams=False)


@act("publish derived", 0.7)
def _publish_derived(m: Market) -> Act | None:
    return _published(m, upstreams=True)


def _published(m: Market, *, upstreams: bool) -> Act | None:
    seller = m.pick(m.traders(Role.SELLER))
    if seller is None:
        return None
    named: list[structs.Upstream] = []
    if upstreams:
        owned = {
            listing_of(n): n
            for n in m.active()
            if m.right(n, Right.DERIVABLE)
            and m.owner(m.state.licence_tokens, n) == seller
            and m.state.licences[n].order == structs.OrderStatus.SETTLED
            and m.state.licences[n].expires_at > m.now
            and m.state.licences[n].version in m.saleable(listing_of(n))
        }
        for _, licence in sorted(owned.items())[:4]:
            royalty = m.state.plans[plan_of(licence)].royalty_bps
            named.append(structs.Upstream(licence, royalty + m.random.choice([0, 1, 333])))
        if not named:
            return None
    class_, basis = m.classification()
    plans = tuple(m.plan_draft(seller) for _ in range(m.random.randrange(bool(named), 4)))
    return Act(seller, m.listings.publish(class_, basis, m.draft(seller), plans, tuple(named)))


def _own_listing(m: Market) -> tuple[int, str] | None:
    kept = {n for n, listing in m.state.listings.items() if not listing.delisted}
    found = m.pick(sorted(kept & m.licensed() if m.chance(0.5) else kept))
    return None if found is None else (found, m.owner(m.state.listing_tokens, found))


@act("add version", 1.5)
def _add_version(m: Market) -> Act | None:
    if (own := _own_listing(m)) is None:
        return None
    return Act(own[1], m.listings.add_version(own[0], m.draft(own[1])))


@act("withdraw version", 0.1)
def _withdraw_version(m: Market) -> Act | None:
    found = m.pick([key for key, version in m.state.versions.items() if not version.withdrawn])
    if found is None:
        return None
    by = m.random.choice(["supervisor", m.owner(m.state.listing_tokens, found[0])])
    return Act(by, m.listings.withdraw_version(*found, m.hash()))


@act("add plan", 1.5)
def _add_plan(m: Market) -> Act | None:
    own = _own_listing(m)
    return Act(own[1], m.listings.add_plan(own[0], m.plan_draft(own[1]))) if own else None


@act("close plan", 0.15)
def _close_plan(m: Market) -> Act | None:
    found = m.pick([n for n, plan in m.state.plans.items() if plan.status != structs.PlanStatus.CLOSED])
    if found is None:
        return None
    return Act(m.owner(m.state.listing_tokens, listing_of_plan(found)), m.listings.close_plan(found))


@act("reclassify", 0.3)
def _reclassify(m: Market) -> Act | None:
    refused = [n for n, listing in m.state.listings.items() if listing.required & REFUSED]
    found = m.pick(refused or list(m.state.listings))
    if found is None:
        return None
    class_, basis = m.classification()
    holder = m.owner(m.state.listing_tokens, found)
    by = "supervisor" if m.state.listings[found].imposed else m.random.choice(["supervisor", holder])
    return Act(by, m.listings.reclassify(found, class_, basis, m.hash()))


@act("reclassify against the rules", 0.05)
def _reclassify_against(m: Market) -> Act | None:
    found = m.pick(list(m.state.listings))
    if found is None:
        return None
    class_ = replace(m.classification()[0], importance=structs.Importance.UNCLASSIFIED)
    return Act("supervisor", m.listings.reclassify(found, class_, m.hash(), m.hash()))


@act("delist", 0.05)
def _delist(m: Market) -> Act | None:
    own = _own_listing(m)
    return Act(own[1], m.listings.delist(own[0], m.hash())) if own else None


@act("freeze", 0.2)
def _freeze(m: Market) -> Act | None:
    found = m.pick(list(m.state.listings))
    until = m.now + m.random.choice([60, HOUR, 5 * HOUR])
    return Act("supervisor", m.listings.freeze(found, until, m.hash())) if found else None


@act("unfreeze", 0.6)
def _unfreeze(m: Market) -> Act | None:
    found = m.pick([n for n, listing in m.state.listings.items() if listing.frozen_until > m.now])
    by = m.random.choice(["arbiter", "supervisor"])
    return Act(by, m.listings.unfreeze(found, m.hash())) if found else None


@act("approve transfer", 0.8)
def _approve_transfer(m: Market) -> Act | None:
    found = m.pick(list(m.state.listings))
    until = m.random.choice([0, m.now + DAY, m.now + 30 * DAY])
    to = address(m.random.choice(TRADERS))
    return Act("supervisor", m.listings.approve_transfer(found, to, until, m.hash())) if found else None


@act("set rule pack", 0.2)
def _set_rule_pack(m: Market) -> Act | None:
    return m.admin(m.listings.set_rule_pack(m.packs[m.state.rule_pack.version]))


@act("listing: approve", 0.5)
def _listing_approve(m: Market) -> Act | None:
    return _approve(m, m.state.listing_tokens, m.listings)


@act("listing: approve for all", 0.5)
def _listing_approve_for_all(m: Market) -> Act | None:
    return _approve_for_all(m, m.listings)


@act("listing: transfer", 0.5)
def _listing_transfer(m: Market) -> Act | None:
    return _transfer(m, m.state.listing_tokens, m.listings, list(m.state.listings), "plain")


@act("listing: safe transfer", 0.4)
def _listing_safe_transfer(m: Market) -> Act | None:
    return _transfer(m, m.state.listing_tokens, m.listings, list(m.state.listings), "safe")


@act("listing: safe transfer with data", 0.4)
def _listing_safe_transfer_with_data(m: Market) -> Act | None:
    return _transfer(m, m.state.listing_tokens, m.listings, list(m.state.listings), "data")


Register = bindings.Listings | bindings.Licences


def _approve(m: Market, tokens: Tokens, register: Register) -> Act | None:
    token = m.pick(list(tokens.owners))
    if token is None:
        return None
    to = m.random.choice([NOBODY, *(address(name) for name in TRADERS)])
    return Act(m.owner(tokens, token), register.approve(to, token))


def _approve_for_all(m: Market, register: Register) -> Act | None:
    owner, operator = m.random.sample(TRADERS, 2)
    return Act(owner, register.set_approval_for_all(address(operator), m.chance(0.7)))


def _transfer(m: Market, tokens: Tokens, register: Register, movable: Sequence[int], how: str) -> Act | None:
    """By the owner, by whom it approved, or by an operator."""
    token = m.pick(movable)
    if token is None:
        return None
    owner = tokens.owners[token]
    senders = [NAMES[owner]]
    if (approved := tokens.approved.get(token, NOBODY)) != NOBODY:
        senders += [NAMES[approved]] * 3
    senders += [NAMES[o] for (of, o), allowed in tokens.operators.items() if of == owner and allowed]
    to = address(m.random.choice(TRADERS))
    moves = {
        "plain": lambda: register.transfer_from(owner, to, token),
        "safe": lambda: register.safe_transfer_from(owner, to, token),
        "data": lambda: register.safe_transfer_from_with_data(owner, to, token, b"data"),
    }
    return Act(m.random.choice(senders), moves[how]())


# Acts: reviews


@act("attest", 6)
def _attest(m: Market) -> Act | None:
    lacking = [
        (listing, number, kind)
        for (listing, number), version in m.state.versions.items()
        for kind in (Kind.LEGAL, Kind.SECURITY)
        if m.state.listings[listing].required & ~m.standing(listing, number) & kind
        and not version.withdrawn
        and not m.state.listings[listing].delisted
    ]
    anything = [
        (*key, kind) for key in m.state.versions for kind in (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY)
    ]
    wanted = m.licensed() | m.state.upstreams.keys()
    if preferred := [key for key in lacking if key[0] in wanted and m.chance(0.5)]:
        lacking = preferred
    found = m.pick(lacking if lacking and m.chance(0.9) else anything)
    if found is None:
        return None
    by = m.random.choice(["reviewer", "reviewer", "reviewer2"])
    listing, number, kind = found
    epoch = m.state.listings[listing].epoch
    return Act(by, m.reviews.attest(listing, number, kind.value, m.hash(), epoch))


@act("refuse", 0.3)
def _refuse(m: Market) -> Act | None:
    found = m.pick(list(m.state.versions))
    kind = m.random.choice([Kind.LEGAL, Kind.SECURITY, Kind.QUALITY])
    if found is None:
        return None
    epoch = m.state.listings[found[0]].epoch
    return Act("reviewer", m.reviews.refuse(*found, kind.value, m.hash(), epoch))


# Acts: exchange


@act("buy", 5)
def _buy(m: Market) -> Act | None:
    if (offer := m.offer(True, lambda plan: plan.price > 0, allowance=True)) is None:
        return None
    plan, version, buyer = offer
    return Act(buyer, m.exchange.buy(plan, version, m.held(buyer)))


@act("take for free", 1)
def _take(m: Market) -> Act | None:
    if (offer := m.offer(False, lambda plan: plan.price == 0)) is None:
        return None
    plan, version, buyer = offer
    return Act(buyer, m.exchange.buy(plan, version, m.held(buyer)))


@act("buy with permit", 2)
def _buy_with_permit(m: Market) -> Act | None:
    if (offer := m.offer(True)) is None:
        return None
    plan, version, buyer = offer
    token = m.state.currencies[m.state.plans[plan].currency].token
    call = m.exchange.buy_with_permit(plan, version, m.held(buyer), m.permit(buyer, plan))
    return Act(buyer, call, permit=token)


@act("buy with bank", 3)
def _buy_with_bank(m: Market) -> Act | None:
    if (offer := m.offer(False)) is None:
        return None
    plan, version, buyer = offer
    payment = m.payment(buyer, plan, version, 0)
    return Act(buyer, m.exchange.buy_with_bank(plan, version, m.held(buyer), payment))


def _renewable(m: Market, by_token: bool) -> tuple[int, int, str] | None:
    offers = set(m.offers(by_token))
    return m.pick(
        [
            (n, version, m.owner(m.state.licence_tokens, n))
            for n in m.active()
            if m.state.licences[n].order == structs.OrderStatus.SETTLED and m.state.plans[plan_of(n)].duration
            for plan, version in offers
            if plan == plan_of(n) and version >= m.state.licences[n].version
        ]
    )


@act("renew", 2)
def _renew(m: Market) -> Act | None:
    if (found := _renewable(m, True)) is None:
        return None
    licence, version, holder = found
    return Act(holder, m.exchange.renew(licence, version, m.state.licences[licence].expires_at))


@act("renew with bank", 2)
def _renew_with_bank(m: Market) -> Act | None:
    if (found := _renewable(m, False)) is None:
        return None
    licence, version, holder = found
    payment = m.payment(holder, plan_of(licence), version, licence)
    expiry = m.state.licences[licence].expires_at
    return Act(holder, m.exchange.renew_with_bank(licence, version, expiry, payment))


@act("confirm", 4)
def _confirm(m: Market) -> Act | None:
    found = m.pick(m.orders(structs.OrderStatus.OPEN))
    return Act(m.owner(m.state.licence_tokens, found), m.exchange.confirm(found)) if found else None


@act("release", 1)
def _release(m: Market) -> Act | None:
    due = [n for n in m.orders(structs.OrderStatus.OPEN) if m.state.licences[n].deadline <= m.now]
    found = m.pick(due)
    return Act("outsider", m.exchange.release(found)) if found else None


@act("dispute", 3)
def _dispute(m: Market) -> Act | None:
    found = m.pick([n for n in m.orders(structs.OrderStatus.OPEN) if m.state.licences[n].deadline > m.now])
    if found is None:
        return None
    return Act(m.owner(m.state.licence_tokens, found), m.exchange.dispute(found, m.hash()))


@act("resolve for the seller", 0.7)
def _resolve_for_seller(m: Market) -> Act | None:
    return _resolve(m, lambda _: 0)


@act("resolve in part", 0.7)
def _resolve_in_part(m: Market) -> Act | None:
    return _resolve(m, lambda price: m.random.randrange(1, price) if price > 1 else 0)


@act("resolve for the buyer", 0.7)
def _resolve_for_buyer(m: Market) -> Act | None:
    return _resolve(m, lambda price: price)


def _resolve(m: Market, refund: Callable[[int], int]) -> Act | None:
    found = m.pick(
        [n for n in m.orders(structs.OrderStatus.DISPUTED) if m.state.licences[n].deadline > m.now]
    )
    if found is None:
        return None
    amount = refund(m.state.plans[plan_of(found)].price)
    return Act("arbiter", m.exchange.resolve(found, amount, m.hash()))


@act("refund", 0.7)
def _refund(m: Market) -> Act | None:
    found = m.pick(m.orders(structs.OrderStatus.OPEN) + m.orders(structs.OrderStatus.DISPUTED))
    if found is None:
        return None
    return Act(m.owner(m.state.listing_tokens, listing_of(found)), m.exchange.refund(found))


@act("lapse", 1.5)
def _lapse(m: Market) -> Act | None:
    due = [n for n in m.orders(structs.OrderStatus.DISPUTED) if m.state.licences[n].deadline <= m.now]
    found = m.pick(due)
    return Act("outsider", m.exchange.lapse(found)) if found else None


@act("withdraw")
def _withdraw(m: Market) -> Act | None:
    found = m.pick([key for key, amount in m.state.owed.items() if amount])
    return Act(NAMES[found[1]], m.exchange.withdraw(found[0])) if found else None


@act("set terms", 0.4)
def _set_terms(m: Market) -> Act | None:
    r = m.random
    windows = (r.randrange(HOUR, 4 * HOUR), r.randrange(HOUR, 4 * HOUR))
    return m.admin(m.exchange.set_terms(r.randrange(1001), r.randrange(2001), *windows))


@act("set recipients", 0.3)
def _set_recipients(m: Market) -> Act | None:
    names = [address(m.random.choice(["treasury", "tax", "seller", "buyer"])) for _ in range(2)]
    return m.admin(m.exchange.set_recipients(names[0], names[1]))


@act("add currency", 0.1)
def _add_currency(m: Market) -> Act | None:
    if len(m.state.currencies) > 3:
        return None
    return m.admin(m.exchange.add_currency(m.tokens[1]))


@act("activate currency", 0.2)
def _activate_currency(m: Market) -> Act | None:
    currency = m.random.choice([n for n in m.state.currencies if n])
    return m.admin(
        m.exchange.activate_currency(currency, not m.state.currencies[currency].active or m.chance(0.7))
    )


@act("halt", 0.1)
def _halt(m: Market) -> Act | None:
    return None if m.state.terms.halted else m.admin(m.exchange.halt(m.hash()))


@act("resume", 2)
def _resume(m: Market) -> Act | None:
    return m.admin(m.exchange.resume()) if m.state.terms.halted else None


# Acts: licences


@act("upgrade", 1.5)
def _upgrade(m: Market) -> Act | None:
    found = m.pick(
        [
            (n, version)
            for n in m.active()
            if m.right(n, Right.UPDATES) and m.state.licences[n].expires_at > m.now
            for version in m.saleable(listing_of(n), m.state.licences[n].version + 1)
        ]
    )
    if found is None:
        return None
    return Act(m.owner(m.state.licence_tokens, found[0]), m.licences.upgrade(*found))


@act("revoke", 0.3)
def _revoke(m: Market) -> Act | None:
    found = m.pick(m.active())
    return Act("supervisor", m.licences.revoke(found, m.hash())) if found else None


@act("reinstate licence", 0.8)
def _reinstate_licence(m: Market) -> Act | None:
    revoked = [n for n, found in m.state.licences.items() if found.status == structs.LicenceStatus.REVOKED]
    found = m.pick(revoked)
    return Act("arbiter", m.licences.reinstate(found, m.hash())) if found else None


@act("count uses", 1)
def _count_uses(m: Market) -> Act | None:
    found = m.pick([n for n in m.active() if m.state.plans[plan_of(n)].quota])
    uses = m.random.choice([1, 1, 2, 3])
    return Act("custodian", m.licences.count_uses(found, uses)) if found else None


@act("licence: approve", 0.5)
def _licence_approve(m: Market) -> Act | None:
    return _approve(m, m.state.licence_tokens, m.licences)


@act("licence: approve for all", 0.5)
def _licence_approve_for_all(m: Market) -> Act | None:
    return _approve_for_all(m, m.licences)


@act("licence: transfer", 1)
def _licence_transfer(m: Market) -> Act | None:
    return _transfer(m, m.state.licence_tokens, m.licences, _movable(m), "plain")


@act("licence: safe transfer", 1)
def _licence_safe_transfer(m: Market) -> Act | None:
    return _transfer(m, m.state.licence_tokens, m.licences, _movable(m), "safe")


@act("licence: safe transfer with data", 1)
def _licence_safe_transfer_with_data(m: Market) -> Act | None:
    return _transfer(m, m.state.licence_tokens, m.licences, _movable(m), "data")


def _movable(m: Market) -> list[int]:
    return [
        n
        for n in m.active()
        if m.right(n, Right.TRANSFERABLE)
        and m.state.licences[n].order == structs.OrderStatus.SETTLED
        and m.state.licences[n].version in m.saleable(listing_of(n))
    ]


# Acts: the rest


@act("anchor")
def _anchor(m: Market) -> Act | None:
    log = m.state.log(address("custodian"))
    last = log[-1] if log else structs.Checkpoint(0, 0, bytes(32))
    more = m.random.randrange(3)
    return Act("custodian", m.anchor.anchor(last.size + more, m.hash() if more else last.root))


@act("change authority", 0.1)
def _change_authority(m: Market) -> Act | None:
    contract = m.random.choice(["Participants", "Listings", "Exchange", "SettlementToken"])
    managers = [m.at("AccessManager"), m.second_manager]
    if m.state.authorities[contract] == m.second_manager:
        managers.reverse()
    call = bindings.AccessManager(managers[0]).update_authority(m.at(contract), managers[1])
    return Act("governor", call)


@act("allow", 4)
def _allow(m: Market) -> Act | None:
    found = m.pick(sorted(m.spent))
    if found is None:
        return None
    return Act(found[1], bindings.SettlementToken(found[0]).approve(m.at("Exchange"), 10**15))
