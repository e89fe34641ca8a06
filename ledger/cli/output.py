"""What the command prints: tables and sentences for people on a terminal, one JSON object with --json."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
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
        self._out.print(sentence, highlight=False, soft_wrap=True)
        width = max(map(len, facts), default=0)
        for key, value in facts.items():
            label = key.replace("_", " ").ljust(width)
            self._out.print(f"[dim]{label}[/dim]  {_text(value)}", highlight=False, soft_wrap=True)

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
            self._err.print(sentence, highlight=False, soft_wrap=True)

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
        self._err.print(f"[red]{code}[/red]: {message}", highlight=False, soft_wrap=True)
        if hint:
            self._err.print(f"[dim]{hint}[/dim]", highlight=False, soft_wrap=True)

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


def _text(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, int) and not isinstance(plain, bool):
        return f"{plain:,}" if plain > 9999 else str(plain)
    if isinstance(plain, list):
        return ", ".join(map(str, plain))
    return str(plain)
