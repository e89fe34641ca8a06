"""What every benchmark finds, in one shape."""

# ruff: noqa: T201 - it prints what was measured
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`value` in `unit`. `ratio`: of it to the `reference`, measured in the same run and in turns where
    that can be; machines differ, so trust the ratio, which is to reach `aim`. `less`: less is better."""

    name: str
    value: float
    unit: str
    reference: str = ""
    ratio: float | None = None
    aim: float | None = None
    less: bool = False


def show(figures: Sequence[Figure]) -> None:
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:8.2f} of {figure.reference}"
        ratio += "" if figure.aim is None else f" (aim {figure.aim:.2f})"
        print(f"{figure.name:{width}} {shown(figure.value):>10} {figure.unit:14}{ratio}".rstrip())


def shown(value: float) -> str:
    """Three digits that say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]
