"""The key that data keys are sealed to, kept on this machine and registered with the service.

A private key is a file of its own of mode 0600, beside what the client keeps about what it sent. Who reads it
can open the sealed data keys that this account was granted, and nothing else.
"""

import os
import time
from pathlib import Path
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from ledger.chain.rpc import to_hex
from ledger.client.service import Service
from ledger.crypto.seal import PrivateKey, Suite
from ledger.domain.encryption_key import REGISTRATION, EncryptionKey

DEADLINE_SECONDS: Final = 600


class EncryptionKeys:
    """One account's keys on one exchange; `licences` is the address of the contract. Raises Refused,
    ServiceUnreachable, BadKeyEncoding."""

    def __init__(
        self, service: Service, account: LocalAccount, chain_id: int, licences: str, folder: Path
    ) -> None:
        self._service = service
        self._account = account
        self._chain_id = chain_id
        self._licences = licences
        self._folder = folder

    async def listed(self) -> list[dict[str, Any]]:
        """What the service has on record."""
        await self._service.sign_in(self._account)
        found: list[dict[str, Any]] = (await self._service.json("GET", "/v1/encryption-keys"))["keys"]
        return found

    async def current(self) -> PrivateKey:
        """A key of this machine that is registered now, post-quantum before classic; a new classic one when
        there is none."""
        listed = {key["public_key"] for key in await self.listed() if key["revoked_at"] is None}
        for suite in (Suite.MLKEM768_X25519, Suite.X25519):
            path = self._path(suite)
            if path.exists():
                private = PrivateKey.decode(path.read_bytes())
                if to_hex(private.public) in listed:
                    return private
        return await self.register(Suite.X25519)

    async def register(self, suite: Suite) -> PrivateKey:
        """Makes a new key and registers it in place of the account's last of this suite."""
        sequences = [key["sequence"] for key in await self.listed() if key["suite"] == suite.name]
        private = PrivateKey.generate(suite)
        self._keep(private)
        key = EncryptionKey(
            bytes.fromhex(self._account.address[2:]),
            private.public,
            max(sequences, default=0) + 1,
            int(time.time()) + DEADLINE_SECONDS,
        )
        await self._service.once(
            "PUT",
            "/v1/encryption-keys",
            {
                "public_key": to_hex(key.public_key),
                "sequence": key.sequence,
                "deadline": key.deadline,
                "signature": to_hex(sign(self._account, key, self._chain_id, self._licences)),
            },
        )
        return private

    async def revoke(self, suite: Suite) -> None:
        """Nothing more is sealed to the account's key of this suite; the private key is deleted."""
        await self._service.sign_in(self._account)
        await self._service.json("DELETE", f"/v1/encryption-keys/{suite.name}")
        self._path(suite).unlink(missing_ok=True)

    def _path(self, suite: Suite) -> Path:
        return self._folder / f"{self._account.address}.{suite.name.lower()}.key"

    def _keep(self, private: PrivateKey) -> None:
        path = self._path(private.suite)
        staged = path.with_suffix(".new")
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(private.encode())
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)


def sign(account: LocalAccount, key: EncryptionKey, chain_id: int, licences: str) -> bytes:
    """65 bytes over the registration of `key`, as a wallet makes them."""
    signed = account.sign_typed_data(
        {"name": REGISTRATION.domain, "version": "1", "chainId": chain_id, "verifyingContract": licences},
        {REGISTRATION.name: [{"name": name, "type": kind} for name, kind in REGISTRATION.fields.items()]},
        key.values(),
    )
    return bytes(signed.signature)
