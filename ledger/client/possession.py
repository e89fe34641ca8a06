"""A spot check that the exchange still holds a payload. It takes no account, no key and no licence."""

import secrets
from contextlib import aclosing
from dataclasses import dataclass

from ledger.chain.rpc import from_hex, to_hex
from ledger.client.service import Service
from ledger.crypto.merkle import leaf_count, leaf_hash, leaf_range, verify_inclusion


@dataclass(frozen=True, slots=True)
class Held:
    """These blocks of a payload were shown to be there, out of so many."""

    blocks: tuple[int, ...]
    count: int


async def check(service: Service, root: bytes, size: int, samples: int) -> Held:
    """Has the service show `samples` blocks that nobody can foresee, under the root that the chain has.

    Of a payload that lost the share p of its blocks, this finds out with the probability 1 - (1 - p)^samples.
    `root` and `size` come from the chain. Raises MerkleError when a block is another, Refused when it is not
    shown, ServiceUnreachable.
    """
    count = leaf_count(size)
    blocks = sorted(secrets.SystemRandom().sample(range(count), min(samples, count)))
    path = f"/v1/payloads/{to_hex(root)}"
    for index in blocks:
        shown = await service.json("GET", f"{path}/proof/{index}")
        start, end = leaf_range(index, size)
        block = bytearray()
        async with aclosing(service.receive(path, start, etag=f'"{to_hex(root)}"')) as pieces:
            async for piece in pieces:
                block += piece[: end - start - len(block)]
                if len(block) == end - start:
                    break
        proof = [from_hex(node, 32) for node in shown["path"]]
        verify_inclusion(leaf_hash(block), index, count, proof, root)
    return Held(tuple(blocks), count)
