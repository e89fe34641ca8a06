"""An exported history and an audit: whole, or it is seen and said."""

import json
import sqlite3
import zipfile
from pathlib import Path

from eth_account import Account
from eth_account.messages import encode_defunct

from ledger.indexer.audit.report import CODES
from ledger.proofs import canonical
from tests.e2e.conftest import Local
from tests.e2e.verifier import ACCOUNTS, Verifier, licence, verifier

__all__ = ["licence", "verifier"]


def amended(exchange: Local, statement: str) -> None:
    """By hand, beside the service that runs."""
    with sqlite3.connect(exchange.folder / "socai.sqlite", timeout=30) as database:
        assert database.execute(statement).rowcount > 0, statement
    database.close()


def test_R03_R18_an_exported_history_is_whole_or_it_is_seen(
    exchange: Local, licence: int, verifier: Verifier, tmp_path: Path
) -> None:
    whole, part = tmp_path / "history.zip", tmp_path / "part.zip"
    made = exchange("export", "history", "--to", whole, "--format", "csv", "--format", "ndjson")
    assert made.code == 0, made
    code, facts = verifier(whole)
    assert code == 0, facts
    assert len(facts["entries"]) == 6
    assert made.facts["entries"] > sum(facts["entries"].values()) > 20
    assert facts["not_proven"]
    stored = exchange(
        "export",
        "history",
        "--stored",
        "--to",
        part,
        "--format",
        "csv",
        "--last",
        made.facts["block"],
        name="supervisor",
    )
    assert (stored.code, stored.facts["entries"]) == (0, made.facts["entries"]), stored
    with zipfile.ZipFile(whole) as one, zipfile.ZipFile(part) as other:
        assert one.read("entries.csv") == other.read("entries.csv")
    with_one_less(whole, part)
    assert verifier(part)[0] == 4
    later = exchange("export", "history", "--first", made.facts["block"] - 1, "--to", part)
    assert later.code == 0, later
    code, facts = verifier(part)
    assert (code, facts["first_block"]) == (0, made.facts["block"] - 1)
    assert sum(facts["entries"].values()) < made.facts["entries"]


def with_one_less(file: Path, to: Path) -> None:
    """The archive without one of its lines."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            lines = old.read(name).splitlines(keepends=True)
            if name == "entries.ndjson":
                lost = next(at for at, line in enumerate(lines) if json.loads(line)["event"] == "Purchased")
                del lines[lost]
            new.writestr(name, b"".join(lines))


def test_R03_an_audit_finds_nothing_and_then_names_what_was_altered(
    exchange: Local, licence: int, tmp_path: Path
) -> None:
    exchange("fetch", licence, "--to", tmp_path / "rows.csv")
    report = tmp_path / "audit.json"
    honest = exchange("audit", "--to", report, "--sign")
    assert (honest.code, honest.facts["findings"]) == (0, []), honest
    signed = json.loads(report.read_text())
    assert signed["report"]["access_log"]["size"] > 0
    assert signed["report"]["records"] > 0
    assert signed["report"]["compared"]["index_orders"] > 0
    message = encode_defunct(canonical.dumps(signed["report"]))
    assert Account.recover_message(message, signature=signed["signature"]) == ACCOUNTS["buyer"]
    later = exchange("audit", "--since", report, "--to", tmp_path / "later.json")
    assert (later.code, later.facts["findings"]) == (0, []), later
    assert exchange("audit", "--since", report, name="seller").code == 4

    amended(exchange, "UPDATE index_orders SET price = '9' || substr(price, 2)")
    altered = exchange("audit", "--to", tmp_path / "altered.json")
    assert altered.code == 16, altered
    assert altered.facts["findings"][0].startswith("row-altered: index_orders[block_number=")
    assert "the chain makes it 1000" in altered.facts["findings"][0]
    amended(exchange, "UPDATE index_orders SET price = '0' || substr(price, 2)")
    amended(exchange, "UPDATE grants SET purpose = 'another'")
    assert exchange("audit", "--to", tmp_path / "altered.json").code == 20
    amended(exchange, "UPDATE access_log SET data = x'7b7d' WHERE \"index\" = 0")
    altered = exchange("audit", "--to", tmp_path / "altered.json")
    assert altered.code == 19
    assert altered.facts["findings"][0].startswith("access-log")
    told = exchange.run("audit", "--help").stdout
    assert all(str(code) in told and name in told for name, (code, _) in CODES.items())
