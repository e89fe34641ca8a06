"""Foreign JSON nested without end is an error, not a crash."""

import json
import sys

import pytest

from ledger.cli import app
from ledger.recursion import LIMIT


def test_threat_S13_the_command_takes_back_the_limit_that_py_ecc_lifts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = sys.getrecursionlimit()

    def command() -> None:
        assert sys.getrecursionlimit() == LIMIT
        for deep in ("[" * 100_000, '{"a":' * 100_000):
            with pytest.raises(RecursionError):
                json.loads(deep)

    monkeypatch.setattr(app, "app", command)
    sys.setrecursionlimit(100_000)
    try:
        app.main()
    finally:
        sys.setrecursionlimit(before)
