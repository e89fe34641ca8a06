"""A sale, and somebody else's machine on which what is said of it is checked."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.devnet import dev_accounts
from tests.e2e.conftest import Local
from tests.e2e.sandbox import offline

ACCOUNTS = {name: account.address for name, account in dev_accounts().items()}
SOCAI = "from ledger.cli import main; main()"


@pytest.fixture(scope="module")
def licence(exchange: Local, tmp_path_factory: pytest.TempPathFactory) -> int:
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    path.write_bytes(random.Random(2).randbytes(1000))  # noqa: S311
    for role in ("seller", "buyer"):
        exchange(
            "accredit", ACCOUNTS[role], "--role", role, "--credential", f"salted {role}", name="operator"
        )
    exchange("mint", ACCOUNTS["buyer"], 10_000_000, name="operator")
    published = exchange("publish", path, "--title", "Rows", "--price", 1000, name="seller")
    assert published.code == 0, published
    exchange("attest", published.facts["listing"], "--evidence", "looked through", name="reviewer")
    bought = exchange("buy", published.facts["plans"][0])
    assert bought.code == 0, bought
    return int(bought.facts["licence"])


class Verifier:
    """Somebody else's machine: an empty folder with a trust file in it, and no network."""

    def __init__(self, folder: Path, exchange: Local) -> None:
        self.folder = folder
        made = exchange("trust", "--development", "--to", folder / "trust.json")
        assert made.code == 0, made

    def __call__(self, file: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
        copied = self.folder / "received.json"
        copied.write_bytes(file.read_bytes())
        done = offline(
            SOCAI, "--json", "verify", copied, "--trust", "trust.json", *arguments, cwd=self.folder
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else {"stderr": done.stderr}


@pytest.fixture
def verifier(tmp_path: Path, exchange: Local) -> Verifier:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return Verifier(folder, exchange)
