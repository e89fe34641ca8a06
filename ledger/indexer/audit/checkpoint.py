"""The state at an audited block, kept beside the report that names its hash: the next audit goes on there."""

import json
from hashlib import sha256
from typing import Any, Final

from ledger.indexer.mirror import lift_state, state_rows
from ledger.indexer.state import State
from ledger.proofs.error import ProofError
from ledger.store.index.rows import Row

FORMAT: Final = "socai-audit-state-1"


class BadCheckpoint(ProofError):
    """Not the state that the report names."""


def encode(state: State) -> bytes:
    """JSON: the rows of each table of the index; bytes are `0x` and hexadecimal digits."""
    tables = {name: sorted([_plain(row) for row in rows], key=repr) for name, rows in state_rows(state)}
    return json.dumps({"format": FORMAT, "tables": tables}, sort_keys=True, separators=(",", ":")).encode()


def decode(data: bytes, digest: bytes) -> State:
    """The state whose SHA-256 a report names. Raises BadCheckpoint."""
    if sha256(data).digest() != digest:
        raise BadCheckpoint("the state is not the one that the report names")
    try:
        top = json.loads(data)
        if top["format"] != FORMAT:
            raise BadCheckpoint(f"the format is {top['format']!r}, {FORMAT!r} is expected")
        return lift_state(lambda name: map(_row, top["tables"][name]))
    except (ValueError, LookupError, TypeError) as error:
        raise BadCheckpoint(f"not a state: {error!r}") from error


def _plain(row: Row) -> list[Any]:
    return [f"0x{value.hex()}" if isinstance(value, bytes) else value for value in row]


def _row(values: list[Any]) -> Row:
    return tuple(
        bytes.fromhex(value[2:]) if isinstance(value, str) and value[:2] == "0x" else value
        for value in values
    )
