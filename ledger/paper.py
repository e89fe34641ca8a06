"""Papers for people: statements, dossiers, reports, as values. `ledger.pdf` prints them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class NoAttachment(Exception):
    """Not a PDF, or none that holds the file asked for."""


@dataclass(frozen=True, slots=True)
class Table:
    """`widths` are shares of the page's width."""

    columns: Sequence[str]
    widths: Sequence[int]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and below it sentences, facts by their label, and tables."""

    title: str
    text: str = ""
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """`made_at` in Unix seconds; `code` is what the QR code says; attachments by their names."""

    title: str
    subtitle: str
    made_at: int
    sections: Sequence[Section]
    code: str | None = None
    footer: str = ""
    language: str = "vi"
    attachments: Mapping[str, bytes] = field(default_factory=dict)
