"""The keys that accounts want data keys sealed to."""

from dataclasses import dataclass
from typing import Protocol

from ledger.crypto.seal import Suite, check_public_key
from ledger.domain.encryption_key import EncryptionKey, Registered, RegistrationStale
from ledger.services.ports import Begin, Clock
from ledger.services.signers import ContractAccounts, check_signer


class EncryptionKeyStore(Protocol):
    async def register(self, suite: Suite, registered: Registered) -> None: ...
    async def of(self, account: bytes) -> list[Registered]: ...
    async def revoke(self, account: bytes, suite: Suite, now: int) -> None: ...


@dataclass(frozen=True, slots=True)
class EncryptionKeys:
    """`licences`: 20 bytes, the contract that registrations are signed for."""

    chain_id: int
    licences: bytes
    write: Begin[EncryptionKeyStore]
    read: Begin[EncryptionKeyStore]
    contracts: ContractAccounts
    clock: Clock

    async def register(self, key: EncryptionKey, signature: bytes) -> Registered:
        """Replaces the account's key of this suite; what is registered already stays as it is, also after the
        deadline. Raises BadKeyEncoding, RegistrationStale, BadSignature."""
        suite, now = check_public_key(key.public_key), int(self.clock())
        for known in await self.of(key.account):
            if known.key == key and known.revoked_at is None:
                return known
        if now > key.deadline:
            raise RegistrationStale("the deadline of this registration is over")
        digest = key.digest(self.chain_id, self.licences)
        await check_signer(self.contracts, key.account, digest, signature)
        registered = Registered(key, signature, now)
        async with self.write() as keys:
            await keys.register(suite, registered)
        return registered

    async def of(self, account: bytes) -> list[Registered]:
        """The last key of each suite, revoked or not."""
        async with self.read() as keys:
            return await keys.of(account)

    async def revoke(self, account: bytes, suite: Suite) -> None:
        """From now on nothing is sealed to it; again is no error. Raises KeyUnregistered."""
        async with self.write() as keys:
            await keys.revoke(account, suite, int(self.clock()))
