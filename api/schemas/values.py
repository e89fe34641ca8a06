"""Values as they are written in JSON, in paths and in headers."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from eth_utils.address import to_checksum_address
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

_HEX: Final = re.compile(r"0x((?:[0-9a-fA-F]{2})*)")


class Schema(BaseModel):
    """A body: immutable, and with nothing in it that is not described."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def hexadecimal(value: bytes) -> str:
    return "0x" + value.hex()


def _binary(least: int, most: int) -> Any:
    """`bytes` between two lengths, written in hexadecimal."""

    def parse(value: object) -> bytes:
        if isinstance(value, bytes):
            return value
        match = _HEX.fullmatch(value) if isinstance(value, str) else None
        if match is None or not least <= len(match[1]) // 2 <= most:
            size = f"{least}" if least == most else f"{least} to {most}"
            raise ValueError(f"must be 0x and {size} bytes in hexadecimal")
        return bytes.fromhex(match[1])

    schema = {"type": "string", "pattern": f"^0x([0-9a-fA-F]{{2}}){{{least},{most}}}$"}
    return [BeforeValidator(parse), PlainSerializer(hexadecimal), WithJsonSchema(schema)]


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Hash = Annotated[bytes, *_binary(32, 32)]
"""32 bytes."""
SectionId = Annotated[bytes, *_binary(16, 16)]
"""16 bytes."""
Blob = Annotated[bytes, *_binary(1, 4096)]
"""A signature or something sealed."""
Address = Annotated[bytes, *_binary(20, 20)[:1], PlainSerializer(to_checksum_address), *_binary(20, 20)[2:]]
"""20 bytes, written in EIP-55."""
Time = Annotated[int, PlainSerializer(_rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})]
"""Unix seconds inside, RFC 3339 outside."""
Decimal = Annotated[int, PlainSerializer(str), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,78}$"})]
"""A number that may pass 2^53, in decimal text."""


def _licence(value: int) -> int:
    if not 0 < value < 2**96:
        raise ValueError("must be between 1 and 2^96 - 1")
    return value


LicenceId = Annotated[Decimal, AfterValidator(_licence)]
MediaType = Annotated[
    str,
    StringConstraints(
        max_length=127,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$",
    ),
]
"""`type/subtype` without parameters."""
IdempotencyKey = Annotated[str, StringConstraints(pattern="^[!-~]{1,128}$")]
"""draft-ietf-httpapi-idempotency-key-header."""

Importance = Literal["unclassified", "other", "important", "core"]
Sharing = Literal["unstated", "open", "shared", "private"]
Subject = Literal["unstated", "people", "locations", "activities", "items"]
Personal = Literal["none", "deidentified", "consented"]
"""A listing's classification, in the order of the contracts' numbers."""
