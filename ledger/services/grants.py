"""Key release: a licence's holder gets the data key, sealed to a key they registered, if the chain says so.

The chain is asked once, at one final block. What is not a clear yes is a no, and every answer is on record
before it is given. Under a plan with a quota (R05) a release is a use, counted on chain before the key
leaves.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from ledger.crypto.seal import DepositContext, GrantContext, check_public_key, seal
from ledger.domain.deposit import Payload, PayloadUnknown
from ledger.domain.encryption_key import KeyUnregistered
from ledger.domain.entitlement import (
    QUOTA_SPENT,
    STREAMING,
    Decision,
    NodesDisagree,
    NodeStale,
    NodeUnreachable,
    UseRefused,
    UseUncounted,
)
from ledger.domain.erasure import PayloadWithdrawn
from ledger.domain.grant import Grant
from ledger.keys.port import CustodyUnavailable
from ledger.keys.shares import DataKeys, KeyErased
from ledger.services.ports import Begin, Clock


class Denied(Exception):
    """The chain says no; `reason` is the name it gives."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"the chain denies this at block {decision.block.number}: {decision.denial}")
        self.facts = {
            "reason": decision.denial,
            "block_number": decision.block.number,
            "block_hash": f"0x{decision.block.hash.hex()}",
        }


class NotStreamed(Exception):
    """The plan does not let the vault decrypt for the holder."""


class PayloadMismatch(Exception):
    """What the vault holds for this licence is not what the chain says was sold."""


class Entitlements(Protocol):
    async def decide(self, licence: int, account: bytes) -> Decision:
        """The chain's answer at one final block. Raises Undecidable."""
        ...

    async def replay(self, decided: Decision) -> Decision:
        """The same question at the block of an earlier decision (R33). Raises Undecidable."""
        ...


class Uses(Protocol):
    async def count(self, licence: int, use: bytes) -> None:
        """Returns once one use is on chain for `use`, now or earlier. Raises UseRefused, UseUncounted."""


class GrantStore(Protocol):
    async def payload_of(self, deposit_id: bytes) -> Payload: ...
    async def check_key(self, account: bytes, public_key: bytes) -> None: ...
    async def check_kept(self, deposit_id: bytes) -> None: ...
    async def of(self, account: bytes, before: tuple[int, bytes] | None, limit: int) -> list[Grant]: ...
    async def record(self, grant: Grant) -> None: ...


@dataclass(frozen=True, slots=True)
class Unlocked:
    """The grant on record, what it was decided on, its payload and what that is encrypted under."""

    grant: Grant
    decision: Decision
    payload: Payload
    encryption: DepositContext
    valid_until: int


@dataclass(frozen=True, slots=True)
class Released:
    """The grant on record, its payload and what that is encrypted under, the key sealed for `context`."""

    grant: Grant
    decision: Decision
    payload: Payload
    encryption: DepositContext
    context: GrantContext
    valid_until: int
    sealed_key: bytes = field(repr=False)


REFUSALS: Final[dict[type[Exception], str]] = {
    NodeUnreachable: "node-unreachable",
    NodeStale: "node-stale",
    NodesDisagree: "nodes-disagree",
    Denied: "denied",
    KeyUnregistered: "key-unregistered",
    PayloadUnknown: "payload-unknown",
    PayloadMismatch: "payload-mismatch",
    NotStreamed: "not-streamed",
    PayloadWithdrawn: "payload-withdrawn",
    KeyErased: "payload-erased",
    CustodyUnavailable: "custody-unavailable",
    UseRefused: "use-refused",
    UseUncounted: "use-uncounted",
}
"""What refuses a key, and what it is called on record."""


@dataclass(frozen=True, slots=True)
class Grants:
    chain_id: int
    licences: bytes
    listings: bytes
    entitlements: Entitlements
    uses: Uses
    write: Begin[GrantStore]
    read: Begin[GrantStore]
    keys: DataKeys
    clock: Clock
    block_age_seconds: int
    grant_seconds: int

    async def release(
        self, licence: int, account: bytes, public_key: bytes, purpose: str, repeat: str | None = None
    ) -> Released:
        """Raises BadKeyEncoding before anything is asked, and one of `REFUSALS` once it is on record.

        The same question with the same `repeat` is one use, also when that use was the last.
        """
        check_public_key(public_key)

        def context(decision: Decision) -> GrantContext:
            return GrantContext(
                self.chain_id, self.licences, licence, decision.version, decision.block.hash, purpose
            )

        asked = self._asked(licence, account, public_key, purpose)
        unlocked, sealed_key = await self._answer(
            asked, repeat, lambda decision, data_key: seal(data_key, public_key, context(decision))
        )
        decision = unlocked.decision
        return Released(
            unlocked.grant,
            decision,
            unlocked.payload,
            unlocked.encryption,
            context(decision),
            unlocked.valid_until,
            sealed_key,
        )

    async def unlock(
        self, licence: int, account: bytes, purpose: str, repeat: str | None = None
    ) -> tuple[Unlocked, bytes]:
        """The data key itself, for the vault to decrypt with under a plan that allows it.

        Recorded, and counted as a use, like a release. Raises one of `REFUSALS`.
        """

        def give(decision: Decision, data_key: bytes) -> bytes:
            if not decision.flags & STREAMING:
                raise NotStreamed("the plan of this licence releases keys only")
            return data_key

        return await self._answer(self._asked(licence, account, b"", purpose), repeat, give)

    async def still(self, unlocked: Unlocked) -> None:
        """Asks again, and records only a refusal. A use that was counted stays counted.

        Raises Denied, NodeUnreachable, NodeStale, NodesDisagree, PayloadWithdrawn.
        """
        asked = replace(
            unlocked.grant, id=secrets.token_bytes(16), at=int(self.clock()), decision=None, valid_until=None
        )
        decision: Decision | None = None
        try:
            decision = await self.entitlements.decide(asked.licence, asked.account)
            self._check(decision, again=asked.use is not None and decision.denial == QUOTA_SPENT)
            async with self.read() as grants:
                await grants.check_kept(unlocked.payload.deposit)
        except tuple(REFUSALS) as refusal:
            await self._record(asked, decision, REFUSALS[type(refusal)])
            raise

    def _asked(self, licence: int, account: bytes, public_key: bytes, purpose: str) -> Grant:
        return Grant(
            id=secrets.token_bytes(16),
            at=int(self.clock()),
            licence=licence,
            account=account,
            public_key=public_key,
            purpose=purpose,
            denial=None,
            decision=None,
        )

    async def _answer(
        self, asked: Grant, repeat: str | None, give: Callable[[Decision, bytes], bytes]
    ) -> tuple[Unlocked, bytes]:
        """What `give` makes of the data key, once the answer is on record."""
        decision: Decision | None = None
        try:
            decision = await self.entitlements.decide(asked.licence, asked.account)
            again = repeat is not None and decision.denial == QUOTA_SPENT
            self._check(decision, again=again)
            payload = await self._payload(asked, decision)
            encryption = DepositContext(self.chain_id, self.listings, payload.seller, payload.deposit)
            data_key = await self.keys.open(payload.wrapped_key, encryption)
            given = give(decision, data_key)
            if decision.metered:  # last, so that no use is counted for a key that cannot be given
                asked = replace(asked, use=asked.id if repeat is None else _use(asked, decision, repeat))
                await self._count(asked, decision, again)
            valid_until = min(asked.at + self.grant_seconds, decision.expires_at)
            grant = await self._record(replace(asked, valid_until=valid_until), decision, None)
        except tuple(REFUSALS) as refusal:
            await self._record(asked, decision, REFUSALS[type(refusal)])
            raise
        return Unlocked(grant, decision, payload, encryption, valid_until), given

    async def of(self, account: bytes, before: tuple[int, bytes] | None, limit: int) -> list[Grant]:
        """What the account was answered, the newest first."""
        async with self.read() as grants:
            return await grants.of(account, before, limit)

    async def _count(self, asked: Grant, decision: Decision, again: bool) -> None:
        """Raises UseRefused, UseUncounted; Denied when the quota is spent and not by this use."""
        assert asked.use is not None  # noqa: S101
        try:
            await self.uses.count(asked.licence, asked.use)
        except UseRefused as refused:
            if again:
                raise Denied(decision) from refused
            raise

    def _check(self, decision: Decision, *, again: bool) -> None:
        """Whether the decision entitles, or did when its use was counted (`again`).

        Raises Denied, NodeStale.
        """
        age = abs(self.clock() - decision.block.time)
        if age > self.block_age_seconds:
            raise NodeStale(f"the newest final block is {age:.0f} seconds away from this clock")
        if decision.denial is not None and not again:
            raise Denied(decision)

    async def _payload(self, asked: Grant, decision: Decision) -> Payload:
        """What the decision is about.

        Raises KeyUnregistered, PayloadUnknown, PayloadMismatch, PayloadWithdrawn.
        """
        async with self.write() as grants:
            if asked.public_key:
                await grants.check_key(asked.account, asked.public_key)
            payload = await grants.payload_of(decision.deposit)
            await grants.check_kept(payload.deposit)
        if (payload.root, payload.size) != (decision.root, decision.size):
            raise PayloadMismatch("the payload held is not the one that was listed")
        return payload

    async def _record(self, asked: Grant, decision: Decision | None, denial: str | None) -> Grant:
        """A release only while the payload is kept: nothing is released once its erasure was asked for."""
        grant = replace(asked, decision=decision, denial=denial)
        async with self.write() as grants:
            if decision is not None and denial is None:
                await grants.check_kept(decision.deposit)
            await grants.record(grant)
        return grant


def _use(asked: Grant, decision: Decision, repeat: str) -> bytes:
    """The same 16 bytes for the same question: who asks for which payload, sealed to which key, for what.

    So whoever asks again learns what they were told before, and nothing that was not counted.
    """
    parts = (
        asked.account,
        asked.licence.to_bytes(32),
        decision.deposit,
        hashlib.sha256(asked.public_key).digest(),
        hashlib.sha256(asked.purpose.encode()).digest(),
        repeat.encode(),
    )
    return hashlib.sha256(b"socai/use@v1\0" + b"".join(parts)).digest()[:16]
