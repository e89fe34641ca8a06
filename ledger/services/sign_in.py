"""Sign-in with Ethereum: a nonce, a signed message, a session."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from ledger.domain.session import Session
from ledger.domain.signature import personal_digest
from ledger.domain.siwe import RelyingParty, parse
from ledger.services.ports import Begin, Clock
from ledger.services.signers import ContractAccounts, check_signer


class SessionStore(Protocol):
    async def issue(self, nonce: str, *, expires_at: int, now: int) -> None: ...
    async def consume(self, nonce: str, *, now: int) -> None: ...
    async def open(self, opened: Session, *, now: int) -> None: ...
    async def find(self, key: bytes, *, now: int) -> Session: ...
    async def close(self, key: bytes) -> None: ...
    async def close_all(self, account: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a message must say to be accepted before `expires_at`; Unix seconds of this server's clock."""

    party: RelyingParty
    nonce: str
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A session as its owner sees it, this once."""

    session: Session
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignIn:
    party: RelyingParty
    write: Begin[SessionStore]
    read: Begin[SessionStore]
    contracts: ContractAccounts
    clock: Clock
    nonce_seconds: int
    session_seconds: int

    async def challenge(self) -> Challenge:
        now = int(self.clock())
        challenge = Challenge(self.party, secrets.token_hex(16), now, now + self.nonce_seconds)
        async with self.write() as sessions:
            await sessions.issue(challenge.nonce, expires_at=challenge.expires_at, now=now)
        return challenge

    async def open(self, text: str, signature: bytes) -> Opened:
        """The session of whoever signed `text`. Raises SiweError, BadSignature, or what `consume` raises.

        The nonce goes last: a message that somebody else could have made up uses up nobody's nonce.
        """
        now = int(self.clock())
        message = parse(text)
        message.check(self.party, now=now)
        account = bytes.fromhex(message.address[2:])
        await check_signer(self.contracts, account, personal_digest(text), signature)
        token = secrets.token_urlsafe(32)
        session = Session(_key(token), account, now + self.session_seconds)
        async with self.write() as sessions:
            await sessions.consume(message.nonce, now=now)
            await sessions.open(session, now=now)
        return Opened(session, token)

    async def find(self, token: str) -> Session:
        async with self.read() as sessions:
            return await sessions.find(_key(token), now=int(self.clock()))

    async def close(self, session: Session) -> None:
        async with self.write() as sessions:
            await sessions.close(session.key)

    async def close_all(self, session: Session) -> None:
        """Signs the account out everywhere."""
        async with self.write() as sessions:
            await sessions.close_all(session.account)


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
