"""The history as supervisors search it: complete, as of any block, never without a trace of who looked."""

import asyncio
import csv
import hashlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from eth_hash.auto import keccak
from msgspec.structs import replace
from pyarrow import parquet

from api.settings import Settings
from ledger.chain.bindings.structs import Subject
from ledger.chain.trust import trust_file
from ledger.domain.alerts import TABLE
from ledger.domain.history import Filter
from ledger.domain.ids import plan_id
from ledger.domain.market import Role
from ledger.indexer import exported
from ledger.proofs import canonical, tlog
from ledger.proofs import trust as trusts
from ledger.proofs.error import ProofError
from ledger.proofs.journal import Link, fold_all
from ledger.proofs.trust import Development
from ledger.store.index import history
from tests.integration.api.conftest import ON_BOTH, Client, indexed, query
from tests.integration.api.market import BUYER, CLASSIFICATION, PLAN, SELLER, Listed, Market, account


@pytest.fixture
async def supervisor(client: Client) -> Client:
    return await client.sign_in(account("supervisor"))


@pytest.fixture
async def sold(client: Client, market: Market) -> tuple[Listed, int]:
    """A listing with two plans, and a licence of the second, revoked."""
    draft = market.signed_for(b"\x11" * 32, 1000, b"\x12" * 32)
    listed = await market.publish(draft, [PLAN, replace(PLAN, quota=5)])
    licence = await market.buy(listed.plans[1])
    await market.revoke(licence)
    await indexed(client, market)
    return listed, licence


async def search(client: Client, query: str) -> list[dict[str, Any]]:
    status, page = await client.call("GET", f"/v1/history/entries?{query}")
    assert status == 200, page
    found: list[dict[str, Any]] = page["items"]
    return found


@ON_BOTH
async def test_R03_entries_are_found_by_whatever_they_are_about(
    supervisor: Client, market: Market, sold: tuple[Listed, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, licence = sold
    of_licence = await search(supervisor, f"licence={licence}&order=oldest")
    events = [found["event"] for found in of_licence]
    assert events[0] == "Purchased"
    assert "LicenceRevoked" in events
    assert [(found["block_number"], found["log_index"]) for found in of_licence] == sorted(
        (found["block_number"], found["log_index"]) for found in of_licence
    )
    purchase = of_licence[0]
    assert (purchase["args"]["buyer"], purchase["args"]["price"]) == (BUYER.address, "0")
    assert (purchase["contract"], purchase["listing"], purchase["final"]) == ("Exchange", listed.id, True)
    by_buyer = await search(supervisor, f"account={BUYER.address}&event=Purchased")
    assert by_buyer == [purchase]
    for asked, found in (
        (f"listing={listed.id}&event=Listed", 1),
        ("importance=other&event=Listed", 1),
        ("importance=core", 0),
        ("subject=locations&sharing=open&event=PlanAdded", 2),
        ("jurisdiction=VN&event=Purchased", 1),
        (f"jurisdiction=VN&account={BUYER.address}&event=Purchased", 1),
        (f"jurisdiction=VN&listing={listed.id}&event=Listed", 1),
        ("jurisdiction=VN&sharing=open&event=Listed", 1),
        ("jurisdiction=LA", 0),
        (f"first_block={purchase['block_number']}&last_block={purchase['block_number']}&event=Purchased", 1),
        (f"last_block={purchase['block_number'] - 1}&event=Purchased", 0),
        ("since=1&until=2", 0),
        (f"reference=0x{'77' * 32}", 0),
        ("contract=LogAnchor", 0),
    ):
        assert len(await search(supervisor, asked)) == found, asked
    of_home = await search(supervisor, "jurisdiction=VN&limit=200")
    assert {found["listing"] for found in of_home} >= {None, listed.id}  # participants' own entries too
    for many in (history.FEW, 1):  # found first and put in order then, or looked for in order
        monkeypatch.setattr(history, "FEW", many)
        last = of_home[3]
        behind = f"cursor={last['block_number']}-{last['log_index']}&limit=5"
        assert await search(supervisor, f"jurisdiction=VN&{behind}") == of_home[4:9]
        assert await search(supervisor, "jurisdiction=VN&order=oldest&limit=7") == of_home[:-8:-1]
        classed = await search(supervisor, "sharing=open&limit=200")
        assert classed == [found for found in of_home if found["listing"] == listed.id]
        of_register = await search(supervisor, "contract=Listings&limit=200")
        whole = await search(supervisor, "limit=200")
        assert of_register == [found for found in whole if found["contract"] == "Listings"] != []
    status, page = await supervisor.call("GET", "/v1/history/entries?contract=Licenses")
    assert (status, page["items"]) == (200, [])
    assert (await supervisor.call("GET", "/v1/history/entries?cursor=x"))[0] == 422


async def test_R03_pages_leave_nothing_out_and_positions_count_the_journal(
    supervisor: Client, market: Market, sold: tuple[Listed, int]
) -> None:
    whole = await search(supervisor, "order=oldest&limit=200")
    paged: list[dict[str, Any]] = []
    cursor = ""
    while True:
        _, page = await supervisor.call("GET", f"/v1/history/entries?order=oldest&limit=7{cursor}")
        paged += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert paged == whole
    newest = await search(supervisor, "limit=200")
    assert newest == whole[::-1]
    for contract in ("Exchange", "Licences", "Listings"):
        positions = [found["position"] for found in whole if found["contract"] == contract]
        assert positions == list(range(1, len(positions) + 1))
    entries = supervisor.services.history.entries
    _, held = await entries.search(Filter(contract="Licences"), None, 200, newest_first=False)
    head = fold_all(Link(found.topic0, found.data) for found in held)
    assert head == await market.read(market.contracts.licences.journal_head())


@ON_BOTH
async def test_R03_a_participants_timeline_and_what_was_at_an_earlier_block(
    supervisor: Client, market: Market, sold: tuple[Listed, int]
) -> None:
    listed, licence = sold
    status, timeline = await supervisor.call("GET", f"/v1/history/participants/{SELLER.address}/timeline")
    assert status == 200
    assert [found["event"] for found in timeline["items"]][:3] == ["Accredited", "Transfer", "Listed"]
    revoked = (await search(supervisor, f"licence={licence}"))[0]["block_number"]
    for block, expected in ((revoked, "Revoked"), (revoked - 1, "Active"), (revoked, "Revoked")):
        status, then = await supervisor.call("GET", f"/v1/history/licences/{licence}?block={block}")
        assert (status, then["licence"]["status"], then["block_number"]) == (200, expected, block)
    _, now = await supervisor.call("GET", f"/v1/history/listings/{listed.id}")
    assert now["listing"] == (await supervisor.call("GET", f"/v1/listings/{listed.id}"))[1]["listing"]
    assert now["listing"]["plans"][1]["id"] == str(plan_id(listed.id, 1))
    before = (await search(supervisor, f"listing={listed.id}&order=oldest"))[0]["block_number"] - 1
    status, problem = await supervisor.call("GET", f"/v1/history/listings/{listed.id}?block={before}")
    assert (status, problem["code"]) == (404, "listing-unknown")
    status, problem = await supervisor.call("GET", f"/v1/history/listings/{listed.id}?block=999999")
    assert (status, problem["code"]) == (404, "block-not-indexed")
    status, who = await supervisor.call("GET", f"/v1/history/participants/{BUYER.address}")
    assert (who["participant"]["roles"], who["participant"]["licences"]) == (Role.BUYER, 1)
    status, problem = await supervisor.call("GET", f"/v1/history/participants/0x{'99' * 20}")
    assert (status, problem["code"]) == (404, "participant-unknown")


@ON_BOTH
async def test_R10_every_figure_can_be_recomputed_from_the_entries(
    supervisor: Client, market: Market, sold: tuple[Listed, int], settings: Settings
) -> None:
    listed, _ = sold
    await market.buy(listed.plans[0])
    await indexed(supervisor, market)
    status, summary = await supervisor.call("GET", "/v1/history/summary")
    assert status == 200
    sales: dict[str, list[int]] = {}
    for found in await search(supervisor, "event=Purchased&limit=200"):
        sales.setdefault(found["block_time"][:10], []).append(int(found["args"]["price"]))
    assert [(cell["start"][:10], cell["purchases"], cell["value"]) for cell in summary["sales"]] == [
        (day, len(prices), str(sum(prices))) for day, prices in sorted(sales.items())
    ]
    assert [(cell["importance"], cell["home"], cell["buyer_home"]) for cell in summary["sales"]] == [
        ("other", "VN", "VN")
    ]
    assert [(cell["status"], cell["licences"]) for cell in summary["held"]] == [("active", 1), ("revoked", 1)]
    assert (await supervisor.call("GET", "/v1/history/summary?until=1"))[1]["sales"] == []
    as_before_0031 = "UPDATE index_licences SET listing = NULL WHERE status = 1"
    await asyncio.to_thread(query, settings, as_before_0031)  # the service may be writing, on this loop
    assert (await supervisor.call("GET", "/v1/history/summary"))[1]["held"] == summary["held"]


@ON_BOTH
async def test_R28_alerts_name_the_entries_that_caused_them(supervisor: Client, market: Market) -> None:
    document = {"@type": "dcat:Dataset", "socai:people": {"basic": 120_000}}
    digest = keccak(rfc8785.dumps(document))
    assert (await supervisor.call("PUT", f"/v1/metadata/0x{digest.hex()}", json=document))[0] == 200
    people = replace(CLASSIFICATION, subject=Subject.PEOPLE)
    for nonce, metadata in ((1, digest), (2, b"\x07" * 32)):
        draft = market.signed_for(bytes([nonce]) * 32, 1000, bytes([nonce]) * 32)
        listed = await market.publish(replace(draft, metadata=metadata), [PLAN], people)
        await market.buy(listed.plans[0])
    await indexed(supervisor, market)
    status, found = await supervisor.call("GET", "/v1/history/alerts")
    assert (status, found["table"]) == (200, TABLE)
    crossed, uncounted = found["alerts"]
    assert (crossed["kind"], uncounted["kind"]) == ("threshold", "uncounted")
    assert (crossed["facts"]["count"], crossed["accounts"]) == (120_000, [BUYER.address])
    purchases = await search(supervisor, "event=Purchased&order=oldest")
    places = [{name: one[name] for name in ("block_number", "log_index")} for one in purchases]
    assert [crossed["entries"], uncounted["entries"]] == [[places[0]], [places[1]]]


async def test_R34_every_look_at_the_history_is_a_leaf_without_personal_data(
    client: Client, supervisor: Client, sold: tuple[Listed, int], settings: Settings
) -> None:
    operator = await client.sign_in(account("operator"))
    size = await log_size(client)
    await search(supervisor, f"account={BUYER.address}")
    await operator.call("GET", f"/v1/history/licences/{sold[1]}")
    assert await log_size(client) == size + 2
    async with client.request("GET", f"/v1/log/tile/entries/000.p/{size + 2}") as response:
        raw = await response.read()
    leaves = tlog.decode_entries(raw, size + 2)[size:]
    told = [json.loads(leaf) for leaf in leaves]
    assert [(leaf["kind"], leaf["role"], leaf["view"]) for leaf in told] == [
        ("inquiry", "supervisor", "entries"),
        ("inquiry", "operator", "licence"),
    ]
    for leaf in leaves:
        assert BUYER.address[2:].lower().encode() not in leaf.lower()
        assert account("supervisor").address[2:].lower().encode() not in leaf.lower()
        assert canonical.dumps(json.loads(leaf)) == leaf
    rows = query(settings, "SELECT account, view, parameters FROM inquiries ORDER BY leaf")
    assert rows[-2][0].hex() == account("supervisor").address[2:].lower()
    assert json.loads(rows[-2][2])["account"] == BUYER.address.lower()
    outsider = await client.sign_in(account("outsider"))
    assert (await outsider.call("GET", "/v1/history/entries"))[1]["code"] == "not-overseer"
    assert await log_size(client) == size + 2


async def log_size(client: Client) -> int:
    async with client.request("GET", "/v1/log/checkpoint") as response:
        return int((await response.text()).split("\n")[1])


@ON_BOTH
async def test_R30_an_export_is_complete_and_shows_it_offline(
    supervisor: Client, market: Market, sold: tuple[Listed, int], tmp_path: Path
) -> None:
    trust = trusts.read(trust_file(market.manifest, Development(), None))
    file = tmp_path / "history.zip"
    await fetch(supervisor, "format=csv&format=ndjson&format=parquet", file)
    found = exported.verify(file, trust, time.time())
    whole = await search(supervisor, "order=oldest&limit=200")
    in_journals = [entry for entry in whole if entry["position"]]
    assert sum(found.entries.values()) == len(in_journals) > 30
    with zipfile.ZipFile(file) as archive:
        table = parquet.read_table(io.BytesIO(archive.read("entries.parquet"))).to_pylist()
        lines = [json.loads(line) for line in archive.read("entries.ndjson").splitlines()]
        rows = list(csv.DictReader(io.StringIO(archive.read("entries.csv").decode())))
        assert b"keccak256(head" in archive.read("README.md")
        digests = json.loads(archive.read("export.json"))["sha256"]
        for name in ("entries.csv", "proofs/Exchange.json"):
            assert hashlib.sha256(archive.read(name)).hexdigest() == digests[name]
    assert [json.loads(row["arguments"]) for row in table] == [entry["args"] for entry in whole]
    assert [row["arguments"] for row in lines] == [entry["args"] for entry in whole]
    assert [row["data"] for row in rows] == [row["data"] for row in table]

    revoked = (await search(supervisor, f"licence={sold[1]}"))[0]["block_number"]
    part = tmp_path / "part.zip"
    await fetch(supervisor, f"first_block={revoked - 2}&last_block={revoked}", part)
    assert 0 < sum(exported.verify(part, trust, time.time()).entries.values()) < len(in_journals)
    status, problem = await supervisor.call("GET", "/v1/history/export?last_block=999999")
    assert (status, problem["code"]) == (404, "block-not-indexed")

    def first(event: str) -> int:
        return next(number for number, row in enumerate(lines) if row["event"] == event)

    purchase = first("Purchased")
    cheaper = lines[purchase] | {"arguments": lines[purchase]["arguments"] | {"price": "1"}}
    forged = lines[purchase]["data"]
    forged = forged[:-1] + ("0" if forged[-1] != "0" else "1")
    for altered, why in (
        (lines[:purchase] + lines[purchase + 1 :], "of .* comes after|fold|head"),
        ([*lines[:purchase], cheaper, *lines[purchase + 1 :]], "to be read"),
        ([*lines[:purchase], lines[purchase] | {"data": forged}, *lines[purchase + 1 :]], "to be read"),
        (lines[: first("LicenceRevoked")], "head"),
        ([*lines, lines[-1]], "comes after"),
        ([], "head"),
    ):
        with pytest.raises(ProofError, match=why):
            exported.verify(rewritten(file, altered), trust, time.time())
    for at in [number for number, row in enumerate(lines) if row["position"]][::9]:
        with pytest.raises(ProofError):
            exported.verify(rewritten(file, lines[:at] + lines[at + 1 :]), trust, time.time())
    with zipfile.ZipFile(part) as archive:
        other = archive.read("proofs/Licences.json")
    for proof, why in (
        (b"", "no proof for the entries of Licences"),
        (other, "prove|head|fold|other blocks"),
    ):
        with pytest.raises(ProofError, match=why):
            exported.verify(rewritten(file, lines, proof), trust, time.time())
    stranger = lines[purchase] | {"contract": "Stranger"}
    with pytest.raises(ProofError, match="Stranger is not trusted"):
        exported.verify(rewritten(file, [*lines, stranger]), trust, time.time())


async def fetch(client: Client, query: str, to: Path) -> None:
    async with client.request("GET", f"/v1/history/export?{query}") as response:
        assert response.status == 200, await response.text()
        body = await response.read()
    await asyncio.to_thread(to.write_bytes, body)


def rewritten(file: Path, lines: list[dict[str, Any]], of_licences: bytes | None = None) -> Path:
    """The archive with these lines only, and another proof of the entries of Licences."""
    to = file.with_name("altered.zip")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            if name == "proofs/Licences.json" and of_licences is not None:
                if of_licences:
                    new.writestr(name, of_licences)
            elif name.startswith(("proofs/", "export.json")):
                new.writestr(name, old.read(name))
        new.writestr("entries.ndjson", "".join(json.dumps(line) + "\n" for line in lines))
    return to
