"""A few rows of a dataset that anybody may have before buying (R16).

The metadata document, whose hash is on chain, names the sample by its SHA-256, in the terms that DCAT 3 takes
from ADMS and SPDX. So whoever holds the document can check the sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CONTEXT: Final = {"adms": "http://www.w3.org/ns/adms#", "spdx": "http://spdx.org/rdf/terms#"}
SHA256: Final = {"@id": "spdx:checksumAlgorithm_sha256"}


class BadSample(Exception):
    """The document's word about its sample is not to be understood."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`sha256`: 32 bytes; `size` in bytes."""

    sha256: bytes
    size: int
    media_type: str


def described(metadata: Mapping[str, Any], sample: Sample) -> dict[str, Any]:
    """The document with its sample."""
    distribution = {
        "@type": "dcat:Distribution",
        "dcat:mediaType": sample.media_type,
        "dcat:byteSize": str(sample.size),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": SHA256,
            "spdx:checksumValue": sample.sha256.hex(),
        },
    }
    return {**metadata, "@context": {**metadata.get("@context", {}), **CONTEXT}, "adms:sample": distribution}


def sample_of(metadata: Mapping[str, Any]) -> Sample | None:
    """What `described` wrote; None when the document names no sample. Raises BadSample."""
    if "adms:sample" not in metadata:
        return None
    try:
        distribution = metadata["adms:sample"]
        checksum = distribution["spdx:checksum"]
        digest = bytes.fromhex(checksum["spdx:checksumValue"])
        size, media_type = int(distribution["dcat:byteSize"]), distribution["dcat:mediaType"]
    except (KeyError, TypeError, ValueError) as error:
        raise BadSample("the document does not say which sample it means") from error
    if checksum.get("spdx:algorithm") != SHA256 or len(digest) != 32 or size < 0:
        raise BadSample("the document names its sample by something else than a SHA-256")
    return Sample(digest, size, str(media_type))
