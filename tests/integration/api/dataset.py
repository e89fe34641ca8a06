"""A seller's side of a deposit."""

import os
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Self

from ledger.crypto.merkle import PayloadHasher
from ledger.crypto.seal import DepositContext, seal
from ledger.crypto.stream import Encryptor
from tests.integration.api.conftest import Client


@dataclass
class Dataset:
    """A plaintext encrypted for one deposit."""

    info: dict[str, Any]
    plaintext: bytes
    data_key: bytes = field(default_factory=lambda: os.urandom(32))
    ciphertext: bytes = b""

    @classmethod
    async def open(cls, seller: Client, plaintext: bytes = b"xin chao " * 5000) -> Self:
        status, info = await seller.call("POST", "/v1/deposits")
        assert status == 201, info
        dataset = cls(info, plaintext)
        encryptor = Encryptor(dataset.data_key, dataset.context.payload_context())
        dataset.ciphertext = bytes(encryptor.update(plaintext) + encryptor.finish())
        return dataset

    @classmethod
    async def deposited(cls, seller: Client, plaintext: bytes = b"xin chao " * 5000) -> Self:
        """One that the vault holds."""
        dataset = await cls.open(seller, plaintext)
        assert (await dataset.send(seller))[0] == 200
        assert (await dataset.complete(seller))[0] == 200
        return dataset

    @property
    def path(self) -> str:
        return f"/v1/deposits/{self.info['id']}"

    @property
    def context(self) -> DepositContext:
        listings, seller, deposit = (
            bytes.fromhex(self.info[name][2:]) for name in ("listings", "seller", "id")
        )
        return DepositContext(self.info["chain_id"], listings, seller, deposit)

    @property
    def root(self) -> bytes:
        hasher = PayloadHasher()
        hasher.update(self.ciphertext)
        return hasher.finish()

    async def send(self, seller: Client, body: bytes | None = None) -> tuple[int, Any]:
        return await seller.call(
            "PUT", f"{self.path}/ciphertext", data=BytesIO(self.ciphertext if body is None else body)
        )

    def completion(self) -> dict[str, Any]:
        recipient = bytes.fromhex(self.info["vault_public_key"][2:])
        return {
            "root": f"0x{self.root.hex()}",
            "size": len(self.ciphertext),
            "media_type": "text/csv",
            "sealed_key": f"0x{seal(self.data_key, recipient, self.context).hex()}",
        }

    async def complete(self, seller: Client, **changes: Any) -> tuple[int, Any]:
        return await seller.call("POST", f"{self.path}/complete", json=self.completion() | changes)
