"""The legality dossier: everything about one sale, in a file that proves itself without anybody's help."""

import json
import time
from pathlib import Path

import pytest
from pypdf import PdfReader

from ledger.chain.trust import trust_file
from ledger.crypto.seal import PrivateKey
from ledger.paper import NoAttachment
from ledger.pdf import attachment
from ledger.proofs import canonical
from ledger.proofs import trust as trusts
from ledger.proofs.dossier import BadDossier, verify
from ledger.proofs.error import ProofError
from ledger.proofs.trust import Development
from tests.integration.api.conftest import ON_BOTH, Client, captured, indexed
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, SELLER, Market, account
from tests.integration.api.test_grants import asking, holder, selling


@ON_BOTH
async def test_R29_a_dossier_has_everything_and_proves_it_offline(
    client: Client, market: Market, tmp_path: Path
) -> None:
    sold = await selling(market, await Dataset.deposited(await client.sign_in(SELLER)))
    key = PrivateKey.generate()
    buyer = await holder(client, market, key)
    assert (await buyer.call("POST", sold.path, json=asking(key)))[0] == 201
    outsider = await client.sign_in(account("outsider"))
    assert (await outsider.call("POST", sold.path, json=asking(key)))[0] == 403
    await indexed(client, market)
    path = f"/v1/dossiers/licences/{sold.licence}"
    for subject in (f"licences/{sold.licence}", f"payments/{sold.licence}"):
        await captured(client, subject)
    await captured(client, f"listings/{sold.listing}/versions/1")
    supervisor = await client.sign_in(account("supervisor"))
    async with supervisor.request("GET", f"{path}?format=pdf") as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
        paper = await response.read()
    data = attachment(paper, "dossier.json")
    trust = trusts.read(trust_file(market.manifest, Development(), None))
    found = verify(data, trust, time.time())
    assert sorted(found.proven) == ["licence", "listing", "payment"]
    assert found.proven["licence"].claim["holder"] == BUYER.address.lower()
    told = json.loads(data)["told"]
    assert told["parties"]["seller"]["did"] == f"did:pkh:eip155:84084:{SELLER.address.lower()}"
    assert told["parties"]["buyer"]["credential"] == "0x" + "01" * 32
    assert [one["kind"] for one in told["attestations"]] == [1, 2, 4]
    assert told["entries"][0]["event"] == "Purchased"
    assert [(one["released"], one["rule"]) for one in told["accesses"]] == [
        (True, "release-1:chain:Granted"),
        (False, "release-1:chain:NotHolder"),
    ]
    assert account("outsider").address[2:].lower() not in data.decode().lower()
    text = "".join(page.extract_text() for page in PdfReader(paper_file(tmp_path, paper)).pages)
    for said in ("Hồ sơ pháp lý giao dịch", "Người giữ", "Thanh toán", str(sold.licence), "đính kèm"):
        assert said in text, said

    for caller in (buyer, await client.sign_in(SELLER)):
        status, same = await caller.call("GET", path)
        assert (status, same["licence"]) == (200, str(sold.licence))
    assert (await outsider.call("GET", path))[1]["code"] == "not-overseer"
    assert (await supervisor.call("GET", "/v1/dossiers/licences/99"))[1]["code"] == "evidence-unknown"

    altered = json.loads(data)
    altered["evidence"]["licence"]["claim"]["holder"] = "0x" + "11" * 20
    other = json.loads(data) | {"licence": "5"}
    swapped = json.loads(data)
    swapped["evidence"]["payment"] = swapped["evidence"]["licence"]
    for forged, error in ((altered, ProofError), (other, BadDossier), (swapped, BadDossier)):
        with pytest.raises(error):
            verify(canonical.dumps(forged), trust, time.time())
    for broken in (b"", b"%PDF-1.7\n", paper[: len(paper) // 2]):
        with pytest.raises(NoAttachment):
            attachment(broken, "dossier.json")


def paper_file(folder: Path, data: bytes) -> Path:
    path = folder / "dossier.pdf"
    path.write_bytes(data)
    return path
