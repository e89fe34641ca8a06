"""What the command prints: tables and sentences for people on a terminal, one JSON object with --json."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from ledger.client.payload import Progress as Report

SHORT: Final = 80
"""Characters of a list that is printed in one line."""


class Output:
    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._out = Console()
        self._err = Console(stderr=True)

    def done(self, sentence: str, facts: Mapping[str, Any]) -> None:
        """The result of a command."""
        if self.as_json:
            self._out.print_json(json.dumps({key: _plain(value) for key, value in facts.items()}))
            return
        self._out.print(escape(sentence), highlight=False, soft_wrap=True)
        width = max(map(len, facts), default=0)
        for key, value in facts.items():
            label = key.replace("_", " ")
            for line in _lines(value):
                said = f"[dim]{label.ljust(width)}[/dim]  {escape(line)}"
                self._out.print(said, highlight=False, soft_wrap=True)
                label = ""

    def shares(self, rows: list[tuple[str, str, int]], total: int) -> None:
        """How a payment was split."""
        if self.as_json:
            return
        table = Table("part", "account", "đồng")
        table.columns[2].justify = "right"
        for part, account, amount in rows:
            table.add_row(part, account, f"{amount:,}")
        table.add_section()
        table.add_row("sum", "", f"{total:,}")
        self._out.print(table)

    def say(self, sentence: str) -> None:
        """What happens meanwhile."""
        if not self.as_json:
            self._err.print(escape(sentence), highlight=False, soft_wrap=True)

    def failed(self, code: str, message: str, hint: str, facts: Mapping[str, Any]) -> None:
        if self.as_json:
            self._out.print_json(
                json.dumps(
                    {
                        "error": code,
                        "message": message,
                        "hint": hint,
                        **{k: _plain(v) for k, v in facts.items()},
                    }
                )
            )
            return
        self._err.print(f"[red]{escape(code)}[/red]: {escape(message)}", highlight=False, soft_wrap=True)
        if hint:
            self._err.print(f"[dim]{escape(hint)}[/dim]", highlight=False, soft_wrap=True)

    @contextmanager
    def progress(self, what: str, size: int) -> Iterator[Report]:
        """A bar for `size` bytes."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._err,
            disable=self.as_json or not self._err.is_terminal,
            transient=True,
        )
        with bar:
            task = bar.add_task(what, total=size)
            yield lambda count: bar.advance(task, count)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    return value


def _lines(value: Any) -> list[str]:
    """A list in one line when it is short, else an item a line."""
    plain = _plain(value)
    if isinstance(plain, int) and not isinstance(plain, bool):
        return [f"{plain:,}" if plain > 9999 else str(plain)]
    if isinstance(plain, list):
        joined = ", ".join(map(str, plain))
        return [joined] if len(joined) <= SHORT else [str(item) for item in plain]
    return [str(plain)]
