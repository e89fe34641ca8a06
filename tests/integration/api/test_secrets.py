"""Secrets stay where they belong: a canary scan over everything the service writes."""

import asyncio
import base64
import io
import logging
from collections.abc import Iterator

import pytest

from api.logs import JsonLines
from api.settings import Settings
from ledger.crypto.seal import PrivateKey
from ledger.store.columns import Table
from tests.integration.api.conftest import ON_BOTH, Client, query, signed
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import PASSPHRASE, SELLER, Market
from tests.integration.api.test_grants import asking, holder, selling

pytestmark = ON_BOTH

PLAINTEXT = b"canary: the plaintext of a dataset. " * 1000


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process logs, of every library, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def spellings(secret: bytes) -> list[bytes]:
    return [
        secret,
        secret.hex().encode(),
        base64.b64encode(secret)[:-4],
        base64.urlsafe_b64encode(secret)[:-4],
    ]


def spoil(settings: Settings) -> None:
    """From here on recording a grant fails, with an error that quotes what was to be recorded."""
    query(settings, "ALTER TABLE grants DROP COLUMN version")


async def test_threat_S10_no_secret_in_logs_database_or_objects(
    client: Client, market: Market, settings: Settings, written: io.StringIO
) -> None:
    body = signed(await client.message(SELLER), SELLER)
    status, opened = await client.call("POST", "/v1/auth/verify", json=body)
    assert status == 200
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.deposited(seller, PLAINTEXT)
    path = (await selling(market, dataset)).path
    key = PrivateKey.generate()
    buyer = await holder(client, market, key)
    assert (await buyer.call("POST", path + "?canary=in-the-query", json=asking(key)))[0] == 201
    await asyncio.to_thread(spoil, settings)  # the service shares this loop and may be writing
    status, refused = await buyer.call("POST", path, json=asking(key, "canary-in-an-exception"))
    assert (status, refused["code"]) == (500, "internal")
    status, invalid = await seller.call("POST", "/v1/auth/verify", json={"message": ["canary in a body"]})
    assert (status, invalid["code"]) == (422, "invalid-request")

    answers = str(refused) + str(invalid)
    logs = written.getvalue()
    assert '"event": "request failed"' in logs
    assert f'"exception": "{"ProgrammingError" if settings.database_url else "OperationalError"}"' in logs
    assert refused["request_id"] in logs
    for text in ("canary", body["signature"][2:], opened["token"], str(seller.token), PASSPHRASE):
        assert text not in logs
        assert text not in answers
    files = [path for path in settings.data.rglob("*") if path.is_file()]
    assert {"keys"} <= {path.name for path in files}
    kept = logs.encode() + b"".join(path.read_bytes() for path in files)
    for name in Table.metadata.tables:
        for row in query(settings, f'SELECT * FROM "{name}"'):  # noqa: S608 - no input
            kept += b" ".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
    secrets = [dataset.data_key, bytes(SELLER.key), PASSPHRASE.encode(), key.encode()[6:], PLAINTEXT[:36]]
    for secret in [*secrets, opened["token"].encode(), str(seller.token).encode()]:
        for spelling in spellings(secret):
            assert spelling not in kept
