"""A certificate from the command line, given to somebody who has no network and no account."""

import secrets
import time
from pathlib import Path

from tests.e2e.conftest import Local
from tests.e2e.sandbox import offline
from tests.e2e.verifier import ACCOUNTS, Verifier, licence, verifier

__all__ = ["licence", "verifier"]


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
