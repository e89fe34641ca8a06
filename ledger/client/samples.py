"""Samples: a few rows for anybody, checked against the listing's metadata, which the chain names."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Final

from eth_utils.crypto import keccak

from ledger.chain.rpc import to_hex
from ledger.client.errors import ClientError
from ledger.client.service import Service
from ledger.domain import document
from ledger.domain.sample import Sample, sample_of

DOCUMENT_BYTES: Final = 1 << 20


class NoSample(ClientError):
    """The listing has no sample."""


class MetadataAltered(Exception):
    """What came is not the document that the chain names."""


class SampleAltered(Exception):
    """What came is not the sample that the document names."""


async def send(service: Service, path: Path, media_type: str) -> Sample:
    """Raises Refused, ServiceUnreachable, OSError."""
    content = await asyncio.to_thread(path.read_bytes)
    digest = hashlib.sha256(content).digest()
    await service.put(f"/v1/samples/{to_hex(digest)}", content, media_type)
    return Sample(digest, len(content), media_type)


async def receive(service: Service, metadata: bytes) -> tuple[Sample, bytes]:
    """The sample of a listing version whose metadata has this Keccak-256.

    Raises NoSample, MetadataAltered, SampleAltered, BadDocument, BadSample, Refused, ServiceUnreachable.
    """
    raw = await service.whole(f"/v1/metadata/{to_hex(metadata)}", DOCUMENT_BYTES)
    if keccak(raw) != metadata:
        raise MetadataAltered("the metadata is not the document that the chain names")
    document.read(raw)
    sample = sample_of(json.loads(raw))
    if sample is None:
        raise NoSample("the listing has no sample")
    content = await service.whole(f"/v1/samples/{to_hex(sample.sha256)}", sample.size)
    if hashlib.sha256(content).digest() != sample.sha256:
        raise SampleAltered("the sample is not the one that the listing names")
    return sample, content
