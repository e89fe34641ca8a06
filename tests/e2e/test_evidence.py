"""A certificate from the command line, given to somebody who has no network and no account."""

import json
import random
import secrets
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from ledger.chain.devnet import dev_accounts
from ledger.indexer.audit.report import CODES
from ledger.proofs import canonical
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


def certified(exchange: Local, to: Path, *subject: object) -> Path:
    made = exchange("certificate", *subject, "--to", to)
    assert made.code == 0, made
    return to


def test_the_sandbox_has_no_network(exchange: Local, tmp_path: Path) -> None:
    connect = f"import socket; socket.create_connection(('127.0.0.1', {exchange.rpc_port}), 5)"
    done = offline(connect, cwd=tmp_path)
    assert done.returncode != 0
    assert "Error" in done.stderr


def test_R18_a_certificate_verifies_with_no_network_and_no_account(
    exchange: Local, licence: int, verifier: Verifier, tmp_path: Path
) -> None:
    for subject in (
        ("licence", licence),
        ("payment", licence),
        ("listing", licence >> 48, 1),
        ("journal", "Exchange"),
    ):
        file = certified(exchange, tmp_path / f"{subject[0]}.json", *subject)
        code, facts = verifier(file)
        assert code == 0, facts
        assert facts["claim"]["type"] == subject[0]
        assert any("after this block" in line for line in facts["not_proven"])
        assert "development" in facts["anchor"]
    licence_claim = verifier(tmp_path / "licence.json")[1]["claim"]
    assert licence_claim["holder"] == ACCOUNTS["buyer"].lower()
    assert licence_claim["status"] == "active"


def test_threat_S20_an_altered_certificate_is_refused(
    exchange: Local, licence: int, verifier: Verifier, tmp_path: Path
) -> None:
    file = certified(exchange, tmp_path / "licence.json", "licence", licence)
    altered = tmp_path / "altered.json"
    altered.write_text(file.read_text().replace('"status":"active"', '"status":"revoked"'))
    code, facts = verifier(altered)
    assert (code, facts["error"]) == (4, "ClaimMismatch")
    assert "status" in facts["message"]
    altered.write_text("{}")
    assert verifier(altered)[0] == 4


def test_R18_a_presentation_is_for_one_challenge_and_by_the_holder(
    exchange: Local, licence: int, verifier: Verifier, tmp_path: Path
) -> None:
    file = certified(exchange, tmp_path / "licence.json", "licence", licence)
    challenge, shown = f"0x{secrets.token_hex(32)}", tmp_path / "shown.json"
    asked = ("--verifier", "bank.example", "--challenge", challenge)
    assert exchange("present", file, *asked, "--to", shown).code == 0
    code, facts = verifier(shown, *asked)
    assert code == 0, facts
    other = ("--verifier", "bank.example", "--challenge", f"0x{secrets.token_hex(32)}")
    assert verifier(shown, *other)[1]["error"] == "OtherChallenge"
    elsewhere = ("--verifier", "shop.example", "--challenge", challenge)
    assert verifier(shown, *elsewhere)[1]["error"] == "OtherChallenge"
    assert verifier(shown)[0] == 2
    assert verifier(file, *asked)[0] == 2
    assert exchange("present", file, *asked, "--to", shown, name="outsider").code == 0
    assert verifier(shown, *asked)[1]["error"] == "NotTheHolder"


def test_an_old_certificate_says_only_as_of_its_block(
    exchange: Local, licence: int, verifier: Verifier, tmp_path: Path
) -> None:
    old = certified(exchange, tmp_path / "old.json", "licence", licence)
    revoked = exchange("licence", "revoke", licence, "--reason", "decision 12/2026", name="supervisor")
    assert revoked.code == 0, revoked
    fresh = certified(exchange, tmp_path / "fresh.json", "licence", licence)
    before, after = verifier(old)[1]["claim"], verifier(fresh)[1]["claim"]
    assert (before["status"], after["status"]) == ("active", "revoked")
    assert before["block"]["number"] < after["block"]["number"]


def test_R18_the_service_keeps_a_certificate_of_every_change(
    exchange: Local, licence: int, verifier: Verifier, tmp_path: Path
) -> None:
    for subject in (("licence", licence), ("payment", licence), ("listing", licence >> 48, 1)):
        kept = exchange("certificate", *subject, "--stored", "--to", tmp_path / "kept.json")
        for _ in range(100):
            if kept.code == 0:
                break
            time.sleep(0.1)
            kept = exchange("certificate", *subject, "--stored", "--to", tmp_path / "kept.json")
        assert kept.code == 0, kept
        assert verifier(tmp_path / "kept.json")[1]["claim"]["type"] == subject[0]
    unknown = exchange("certificate", "licence", 1, "--stored")
    assert (unknown.code, unknown.facts["error"]) == (1, "evidence-unknown")
    for wrong in (("licence", "x"), ("licence", 1, 1), ("listing", 1), ("journal", "Exchange", "--stored")):
        assert exchange("certificate", *wrong).code == 2


def test_what_does_not_exist_is_not_certified(exchange: Local, tmp_path: Path) -> None:
    refused = exchange("certificate", "licence", 1, "--to", tmp_path / "none.json")
    assert (refused.code, refused.facts["error"]) == (4, "NothingToCertify")
    assert not (tmp_path / "none.json").exists()


def amended(exchange: Local, statement: str) -> None:
    """By hand, beside the service that runs."""
    with sqlite3.connect(exchange.folder / "socai.sqlite", timeout=30) as database:
        assert database.execute(statement).rowcount > 0, statement
    database.close()


def test_R03_R18_an_exported_history_is_whole_or_it_is_seen(
    exchange: Local, licence: int, verifier: Verifier, tmp_path: Path
) -> None:
    whole, part = tmp_path / "history.ndjson", tmp_path / "part.ndjson"
    made = exchange("export", "history", "--to", whole)
    assert made.code == 0, made
    code, facts = verifier(whole)
    assert code == 0, facts
    assert sum(facts["entries"].values()) == made.facts["entries"] > 20
    assert len(facts["entries"]) == 6
    lines = whole.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[: len(lines) // 2] + lines[len(lines) // 2 + 1 :]))
    assert verifier(part)[0] == 4
    after = exchange("export", "history", "--after", made.facts["block"] - 2, "--to", part)
    assert after.code == 0, after
    code, facts = verifier(part)
    assert (code, sum(facts["entries"].values()) < made.facts["entries"]) == (0, True)


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
