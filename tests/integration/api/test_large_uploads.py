"""A large upload through a small process; `scripts/bench uploads` is the same with 20 GiB."""

from api.settings import Settings
from ledger.crypto.chunked import ciphertext_size
from tests.bench.service import Running, process
from tests.bench.uploads import measure, p95
from tests.integration.api.market import Market

SIZE = ciphertext_size(256 << 20)


async def test_threat_S13_memory_stays_flat_and_others_keep_their_latency(
    settings: Settings, market: Market
) -> None:
    async with process(settings.data, market.deployed.url) as (pid, url):
        measured = await measure(Running(market, url, pid, settings.data), SIZE)
    assert measured.resident < 200e6
    assert measured.resident - measured.before < 60e6
    assert p95(measured.busy) < 500  # milliseconds; an event loop that is blocked would take seconds
