"""Everything that is measured, as one report: scripts/bench report [quick]

Each part in a process of its own. Writes docs/bench/report.json, report.md and report.svg, and compares with
the report that was there.
"""

import asyncio
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from math import log10
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from tests.bench.figures import Figure, show, shown

FOLDER: Final = Path(__file__).parents[2] / "docs" / "bench"
PARTS: Final[Mapping[str, tuple[str, Sequence[Any], Sequence[Any]]]] = {
    "purchases": ("Purchases", (), (4,)),
    "entitlement": ("Decisions and keys", (), ()),
    "vault": ("Ciphertext", (1024,), (64,)),
    "uploads": ("A large upload", (2,), (0.5,)),
    "index": ("Index and audit", (), (10_000,)),
    "lag": ("Lag of the index", (60,), (10,)),
    "startup": ("Start-up and memory", (), ()),
    "search": ("Search", (), (200_000,)),
    "page": ("The page", (), (1000,)),
}
"""Modules with what they are called, their arguments, and those of a quick report."""
BUSY: Final = 0.5
"""Load for each core, before it began, from which the report says that the machine was not its own."""
ROW: Final = 22


def machine() -> dict[str, str]:
    """What it ran on; nothing that says whose it is."""
    cpu = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "CPU": cpu,
        "cores": str(os.cpu_count()),
        "memory": f"{memory / (1 << 30):.0f} GiB",
        "Linux": platform.release().partition("-")[0],
        "Python": platform.python_version(),
        **{name: version(name) for name in ("fastapi", "uvicorn", "web3", "sqlalchemy", "cryptography")},
    }


def measured(part: str, arguments: Sequence[Any]) -> list[Figure]:
    found: list[Figure] = asyncio.run(import_module(f"tests.bench.{part}").figures(*arguments))
    return found


def markdown(report: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    lines = [
        "# What it costs",
        "",
        "Written by `scripts/bench report`. Ratios are of one run, in turns where that can be: trust them, "
        "not the times. `before`: the ratio, or else the value, of the report that this one replaced.",
        "",
        f"{report['day']}, "
        + ", ".join(f"{name} {value}" for name, value in report["machine"].items())
        + ".",
        *([f"**{report['note']}**"] if report["note"] else []),
        "",
        "![Ratios](report.svg)",
    ]
    for title, figures in report["parts"].items():
        lines += ["", f"## {title}", "", "| | | ratio | of | before |", "|---|--:|--:|---|--:|"]
        for figure in figures:
            ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
            aim = "" if figure["aim"] is None else f" (aim {figure['aim']:.2f})"
            value = f"{shown(figure['value'])} {figure['unit']}"
            cells = (figure["name"], value, ratio + aim, figure["reference"], _was(figure, before))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _was(figure: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    for old in (one for figures in before.get("parts", {}).values() for one in figures):
        if old["name"] == figure["name"] and old["unit"] == figure["unit"]:
            return shown(old["value"]) if old["ratio"] is None else f"{old['ratio']:.2f}"
    return ""


def plot(figures: Iterable[Figure]) -> str:
    """Each ratio as a bar on a logarithmic scale, from a hundredth to a hundred, to both sides of one."""
    rows = [(figure, figure.ratio) for figure in figures if figure.ratio]
    middle, wide, height = 620, 75, ROW * (len(rows) + 2)
    drawn = []
    for at, (figure, ratio) in enumerate(rows, 1):
        length = max(-2.0, min(2.0, log10(ratio))) * wide
        good = (ratio < 1) == figure.less
        left, y = middle + min(length, 0.0), at * ROW
        drawn += [
            f'<text x="{middle - 2 * wide - 10}" y="{y + 12}" text-anchor="end">'
            f"{escape(f'{figure.name} / {figure.reference}')}</text>",
            f'<rect x="{left:.1f}" y="{y}" width="{max(abs(length), 1):.1f}" height="{ROW - 8}" '
            f'fill="{"#2a7f62" if good else "#b7791f"}"/>',
            f'<text x="{middle + 2 * wide + 10}" y="{y + 12}">{ratio:.2f}</text>',
        ]
    axis = [
        f'<line x1="{middle + power * wide}" x2="{middle + power * wide}" y1="{ROW - 6}" '
        f'y2="{height - ROW}" stroke="#bbb"/><text x="{middle + power * wide}" y="{height - 6}" '
        f'text-anchor="middle">{10.0**power:g}</text>'
        for power in range(-2, 3)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {middle + 2 * wide + 70} {height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        + "".join([*axis, *drawn])
        + "</svg>\n"
    )


def main(*, quick: bool) -> None:
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    parts: dict[str, list[Figure]] = {}
    failed: list[str] = []
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as alone:
        for part, (title, arguments, fewer) in PARTS.items():
            try:
                parts[title] = alone.submit(measured, part, fewer if quick else arguments).result()
            except Exception as error:  # an hour's other figures are not lost for it
                failed.append(f"{title} could not be measured: {type(error).__name__}.")
                traceback.print_exception(error)
            else:
                show(parts[title])
    busy = f"Others were using the machine: {load:.1f} runnable processes for each core when it began."
    report = {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "note": " ".join(
            [
                *(["Of less data than a whole one."] if quick else []),
                *([busy] if load > BUSY else []),
                *failed,
            ]
        ),
        "parts": {title: [asdict(figure) for figure in figures] for title, figures in parts.items()},
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = FOLDER / "report.json"
    before = json.loads(kept.read_text()) if kept.exists() else {}
    (FOLDER / "report.md").write_text(markdown(report, before))
    (FOLDER / "report.svg").write_text(plot(figure for figures in parts.values() for figure in figures))
    kept.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(quick=sys.argv[1:] == ["quick"])
