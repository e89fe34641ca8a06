"""Commands of the vault, as people type them but in this process: each would import for seconds."""

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from ledger.cli.app import app
from tests.integration.api.conftest import Client
from tests.integration.api.market import Market

SAMPLE = "mã,tên\n01,Hà Nội\n"


class Shell:
    def __init__(self, client: Client, market: Market, folder: Path) -> None:
        self._where = ["--data", folder, "--manifest", market.deployed.folder / "manifest.json"]
        self._where += ["--url", client.origin, "--rpc", market.deployed.url, "--json"]

    async def __call__(self, name: str, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Exit code and what was printed."""
        words = [str(word) for word in (*self._where, "--as", name, *arguments)]
        done = await asyncio.to_thread(CliRunner().invoke, app, words)
        return done.exit_code, json.loads(done.stdout)


async def test_R16_R22_sample_erasure_and_withdrawal_from_the_command_line(
    client: Client, market: Market, tmp_path: Path
) -> None:
    run, rows, sample = Shell(client, market, tmp_path), tmp_path / "rows.csv", tmp_path / "sample.csv"
    rows.write_text(SAMPLE * 100)
    sample.write_text(SAMPLE)
    code, published = await run(
        "seller", "publish", rows, "--title", "Rows", "--price", 0, "--sample", sample
    )
    assert code == 0, published
    listing, plan = published["listing"], published["plans"][0]
    await market.attest(listing)
    code, got = await run("outsider", "sample", listing, "--to", tmp_path / "got.csv")
    assert (code, got["media_type"], (tmp_path / "got.csv").read_text()) == (0, "text/csv", SAMPLE)

    licence = (await run("buyer", "buy", plan))[1]["licence"]
    erasure = ("erasure", "request", listing, "--reason", "consent-withdrawn")
    assert (await run("buyer", *erasure))[1]["error"] == "not-seller"
    code, asked = await run("supervisor", *erasure)
    assert (code, 71.9 < asked["hours_left"] <= 72, asked["overdue"]) == (0, True, False)
    code, refused = await run("buyer", "fetch", licence, "--to", tmp_path / "rows")
    assert (code, refused["error"]) == (1, "payload-withdrawn")
    assert (await run("seller", "erasure", "take-back", listing))[1]["error"] == "not-seller"
    assert (await run("outsider", "erasure", "show", listing))[1]["reason"] == "consent-withdrawn"
    assert (await run("supervisor", "erasure", "take-back", listing))[0] == 0
    assert (await run("outsider", "erasure", "show", listing))[1]["error"] == "erasure-unknown"
    assert (await run("buyer", "fetch", licence, "--to", tmp_path / "rows"))[0] == 0

    withdraw = ("listing", "withdraw", listing, "--reason", "decision 12/2026")
    assert (await run("buyer", *withdraw))[1]["error"] == "Participants_Ineligible"
    assert (await run("seller", *withdraw))[0] == 0
    code, refused = await run("buyer", "fetch", licence, "--to", tmp_path / "again")
    assert (code, "VersionWithdrawn" in refused["message"]) == (1, True)
    assert (await run("buyer", "buy", plan, "--again"))[1]["error"] == "Listings_IsWithdrawn"
