"""What `scripts/demo` runs, on a running exchange."""

import hashlib
from pathlib import Path

from tests.e2e.conftest import Local


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_R16_the_demo_sells_two_datasets_and_again_changes_nothing(exchange: Local) -> None:
    first, again = exchange.run("demo"), exchange.run("demo")
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    received = exchange.folder / "demo" / "received"
    files = {path.name: sha256(path) for path in received.iterdir()}
    assert set(files) == {"vn-communes.csv", "cities15000.json"}
    said, said_again = (done.stdout + done.stderr for done in (first, again))
    for output in (said, said_again):
        assert all(output.count(digest) == 2 for digest in files.values())
        assert output.count("as its hash on chain says") == 2
    assert said.count("minted in transaction") == 2
    assert "minted" not in said_again
    assert said_again.count("was confirmed already") == 2
