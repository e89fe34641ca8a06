"""Key release: a licence's holder gets the data key, sealed to a key they registered, if the chain says so.

The chain is asked once, at one final block. What is not a clear yes is a no, and every answer is on record
before it is given. Under a plan with a quota (R05) a release is a use, counted on chain before the key
leaves.
"""

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from ledger.crypto.seal import DepositContext, GrantContext, check_public_key, seal
from ledger.domain.deposit import Payload, PayloadUnknown
from ledger.domain.encryption_key import KeyUnregistered
from ledger.domain.entitlement import (
    QUOTA_SPENT,
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
    async def of_licence(self, licence: int) -> list[Grant]: ...


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
        asked = Grant(
            id=secrets.token_bytes(16),
            at=int(self.clock()),
            licence=licence,
            account=account,
            public_key=public_key,
            purpose=purpose,
            denial=None,
            decision=None,
        )
        decision: Decision | None = None
        try:
            decision = await self.entitlements.decide(licence, account)
            again = repeat is not None and decision.denial == QUOTA_SPENT
            payload = await self._payload(asked, decision, again)
            context = GrantContext(
                self.chain_id, self.licences, licence, decision.version, decision.block.hash, purpose
            )
            encryption = DepositContext(self.chain_id, self.listings, payload.seller, payload.deposit)
            data_key = await self.keys.open(payload.wrapped_key, encryption)
            sealed_key = seal(data_key, public_key, context)
            if decision.metered:  # last, so that no use is counted for a key that cannot be given
                asked = replace(asked, use=asked.id if repeat is None else _use(asked, decision, repeat))
                await self._count(asked, decision, again)
        except tuple(REFUSALS) as refusal:
            await self._record(asked, decision, REFUSALS[type(refusal)])
            raise
        valid_until = min(asked.at + self.grant_seconds, decision.expires_at)
        grant = await self._record(replace(asked, valid_until=valid_until), decision, None)
        return Released(grant, decision, payload, encryption, context, valid_until, sealed_key)

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

    async def _payload(self, asked: Grant, decision: Decision, again: bool) -> Payload:
        """What the decision entitles to, or did when its use was counted (`again`).

        Raises Denied, NodeStale, KeyUnregistered, PayloadUnknown, PayloadMismatch,
        PayloadWithdrawn.
        """
        age = abs(self.clock() - decision.block.time)
        if age > self.block_age_seconds:
            raise NodeStale(f"the newest final block is {age:.0f} seconds away from this clock")
        if decision.denial is not None and not again:
            raise Denied(decision)
        async with self.write() as grants:
            await grants.check_key(asked.account, asked.public_key)
            payload = await grants.payload_of(decision.deposit)
            await grants.check_kept(payload.deposit)
        if (payload.root, payload.size) != (decision.root, decision.size):
            raise PayloadMismatch("the payload held is not the one that was listed")
        return payload

    async def _record(self, asked: Grant, decision: Decision | None, denial: str | None) -> Grant:
        grant = replace(asked, decision=decision, denial=denial)
        async with self.write() as grants:
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
