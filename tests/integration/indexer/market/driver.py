"""Acts chosen by what replaying the events so far says is possible."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar

from eth_utils.address import to_checksum_address
from msgspec.structs import replace

from ledger.chain import bindings
from ledger.chain.abi import Call, Event
from ledger.chain.bindings import structs
from ledger.chain.deploy import POWERS
from ledger.chain.events import Decoder, Entry
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc, from_hex, from_quantity, to_hex
from ledger.domain.ids import listing_of, listing_of_plan, plan_of
from ledger.domain.market import Kind, Right, Role
from ledger.indexer.replay import apply
from ledger.indexer.state import NOBODY, UNKNOWN, State, Tokens
from tests.integration.indexer import storage
from tests.integration.indexer.market.accounts import DAY, HOLDERS, NAMES, TRADERS, address

T = TypeVar("T")
COMPARED: Final = 6


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
            await self.block({*possible, *self.random.sample(sorted(CHOOSERS), 5)} - towards, sorted(towards))
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
        await self.rpc.request("evm_mine", [{"timestamp": hex(self.now)}])
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
            (await self.rpc.request("eth_getBlockByNumber", [hex(number), False]), number)
            for number in range(
                self.manifest.block, from_quantity(await self.rpc.request("eth_blockNumber")) + 1
            )
        ]
        for block, number in chain:
            self.now, self.head = from_quantity(block["timestamp"]), from_hex(block["hash"], 32)
            await self._read(await self.rpc.request("eth_getBlockReceipts", [hex(number)]))
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
                    "gas": hex(6_000_000),
                    "maxFeePerGas": "0x0",
                    "maxPriorityFeePerGas": "0x0",
                }
            ],
        )
        return sent


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


def saying(entry: Entry, event: Event) -> Entry:
    """The entry, had its log said this."""
    return replace(entry, event=event, args=event.journal_args())
