"""What an audit says, as plain values: written as JSON, signed, or rendered by whoever wants another form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger.indexer.state import Journal
from ledger.proofs.canonical import Json
from ledger.proofs.claims import Block

FORMAT: Final = "socai-audit-2"

CODES: Final[Mapping[str, tuple[int, str]]] = {
    "block": (10, "the node's blocks or receipts are not the chain's"),
    "replay": (11, "events that the contracts cannot have emitted, or some are missing before them"),
    "journal": (12, "events do not fold to a contract's journalHead: some are missing, altered or added"),
    "storage": (13, "a projection is wrong: the events make something else than the chain holds"),
    "decision": (14, "a licence without a recorded decision"),
    "money": (15, "a split, the escrow or a balance does not reconcile"),
    "row-altered": (16, "a row of the index was altered"),
    "row-missing": (17, "a row of the index is missing"),
    "row-added": (18, "a row of the index is none of the chain's"),
    "access-log": (19, "the access log was altered or has shrunk"),
    "record": (20, "a record of a key release or an inquiry and the access log differ"),
}
"""Exit code and meaning of each finding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be: `code` is one of CODES, `message` names what and where."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LogSeen:
    """The access log as the service gave it."""

    size: int
    root: bytes
    anchors: int
    kinds: Mapping[str, int]


@dataclass(slots=True)
class Report:
    """As of which block, under which anchor, from which block on, what was compared and what was found.

    `state` is the SHA-256 of the state that the next audit can go on from, None when there are findings.
    """

    chain_id: int
    anchor: str
    since: int
    block: Block
    entries: int = 0
    licences: int = 0
    journals: dict[str, Journal] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    """Rows of the index, by table."""
    access_log: LogSeen | None = None
    records: int | None = None
    """Of key releases and inquiries, compared with the access log."""
    state: bytes | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """Of the first finding; 0 without any."""
        return CODES[self.findings[0].code][0] if self.findings else 0

    def found(self, code: str, message: str) -> None:
        self.findings.append(Finding(code, message))

    def to_json(self) -> Json:
        return {
            "format": FORMAT,
            "chain_id": self.chain_id,
            "anchor": self.anchor,
            "since": self.since,
            "block": self.block.to_json(),
            "entries": self.entries,
            "licences": self.licences,
            "journals": {
                name: {"entries": found.length, "head": _hex(found.head)}
                for name, found in sorted(self.journals.items())
            },
            "compared": self.compared,
            "access_log": None
            if self.access_log is None
            else {
                "size": self.access_log.size,
                "root": _hex(self.access_log.root),
                "anchors": self.access_log.anchors,
                "kinds": dict(self.access_log.kinds),
            },
            "records": self.records,
            "state": None if self.state is None else _hex(self.state),
            "findings": [{"code": found.code, "message": found.message} for found in self.findings],
        }


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
