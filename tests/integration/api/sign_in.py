"""Signing in to a service that is a process of its own."""

import aiohttp
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from ledger.domain.siwe import Message


async def token(url: str, account: LocalAccount) -> str:
    async with aiohttp.ClientSession(url) as http:
        async with http.get("/v1/auth/nonce") as answer:
            challenge = await answer.json()
        challenge.pop("version")
        message = str(Message(address=account.address, **challenge))
        signature = account.sign_message(encode_defunct(text=message)).signature
        body = {"message": message, "signature": "0x" + signature.hex()}
        async with http.post("/v1/auth/verify", json=body) as answer:
            return str((await answer.json())["token"])
