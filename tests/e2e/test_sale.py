"""A sale from the command line, and every refusal that a person can run into."""

import hashlib
import json
import random
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from ledger.chain.devnet import dev_accounts
from tests.e2e.conftest import Local

PRICE = 1_000_003
ACCOUNTS = {name: account.address for name, account in dev_accounts().items()}
RESTART_SECONDS = 20
"""10 on a machine of one's own, of which imports are two thirds; shared ones are slower by what others do."""


@pytest.fixture(scope="session")
def market(exchange: Local) -> Local:
    """With an accredited seller and buyer, and money."""
    for role in ("seller", "buyer"):
        accredited = exchange(
            "accredit", ACCOUNTS[role], "--role", role, "--credential", f"salted {role}", name="operator"
        )
        assert accredited.code == 0, accredited
    assert exchange("mint", ACCOUNTS["buyer"], 100 * PRICE, name="operator").code == 0
    return exchange


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    path.write_bytes(random.Random(1).randbytes(3 << 20))  # noqa: S311 - three blocks and a bit
    return path


def publish(market: Local, dataset: Path, *, attested: bool = True, price: int = PRICE) -> int:
    """Returns the plan."""
    published = market("publish", dataset, "--title", "Rows", "--price", price, name="seller")
    assert published.code == 0, published
    if attested:
        listing = published.facts["listing"]
        assert market("attest", listing, "--evidence", "looked through", name="reviewer").code == 0
    return int(published.facts["plans"][0])


def buy(market: Local, plan: int) -> int:
    bought = market("buy", plan)
    assert bought.code == 0, bought
    return int(bought.facts["licence"])


def test_a_sale_gives_the_buyer_the_very_bytes_and_splits_the_payment(
    market: Local, dataset: Path, tmp_path: Path
) -> None:
    plan = publish(market, dataset)
    licence = buy(market, plan)
    fetched = market("fetch", licence, "--to", tmp_path / "got.csv")
    assert fetched.code == 0, fetched
    assert (tmp_path / "got.csv").read_bytes() == dataset.read_bytes()
    assert fetched.facts["sha256"] == hashlib.sha256(dataset.read_bytes()).hexdigest()

    confirmed = market("confirm", licence).facts
    assert confirmed["split"] == {"fee": 25_000, "tax": 100_000, "seller": 875_003}
    assert confirmed["sum"] == PRICE
    assert market("withdraw", name="seller").facts["amount"] == 875_003
    statement = tmp_path / "statement.csv"
    assert market("statement", "--to", statement, name="seller").code == 0
    assert ",seller,1,875003,no," in statement.read_text()
    shown = market("licence", "show", licence).facts
    assert (shown["order"], shown["key_release"], shown["holder"]) == (
        "settled",
        "granted",
        ACCOUNTS["buyer"],
    )


def test_R02_without_a_licence_there_is_no_key_and_the_chain_says_why(
    market: Local, dataset: Path, tmp_path: Path
) -> None:
    licence = buy(market, publish(market, dataset))
    refused = market("fetch", licence, "--to", tmp_path / "stolen", name="outsider")
    assert refused.code == 1
    assert refused.facts["error"] == "denied"
    assert "NotHolder" in refused.facts["message"]
    assert not list(tmp_path.iterdir())


def test_R19_after_revocation_the_next_key_release_is_refused(
    market: Local, dataset: Path, tmp_path: Path
) -> None:
    licence = buy(market, publish(market, dataset))
    assert market("fetch", licence, "--to", tmp_path / "got").code == 0
    assert market("licence", "revoke", licence, "--reason", "breach", name="supervisor").code == 0
    refused = market("fetch", licence, "--to", tmp_path / "again")
    assert refused.code == 1
    assert "Revoked" in refused.facts["message"]
    assert not (tmp_path / "again").exists()


def test_R01_an_unattested_listing_is_not_for_sale(market: Local, dataset: Path) -> None:
    refused = market("buy", publish(market, dataset, attested=False))
    assert refused.code == 1
    assert refused.facts["error"] == "Listings_Refused"
    assert refused.facts["arguments"]["rule"] == 5


def test_R02_a_suspended_buyer_cannot_buy(market: Local, dataset: Path) -> None:
    plan = publish(market, dataset)
    suspect = ACCOUNTS["buyer2"]
    accredit = ("accredit", suspect, "--role", "buyer", "--credential", "salted")
    assert market(*accredit, name="operator").code == 0
    assert market("mint", suspect, PRICE, name="operator").code == 0
    assert market("suspend", suspect, "--reason", "inquiry", name="supervisor").code == 0
    refused = market("buy", plan, name="buyer2")
    assert refused.code == 1
    assert refused.facts["error"] == "Participants_Ineligible"
    assert refused.facts["arguments"]["standing"] == 3


def test_too_little_money_is_said_so(market: Local, dataset: Path) -> None:
    refused = market("buy", publish(market, dataset, price=10**15))
    assert refused.code == 1
    assert refused.facts["error"] == "ERC20InsufficientBalance"


def test_two_clicks_buy_one_licence(market: Local, dataset: Path) -> None:
    """At once, the chain refuses the second; one after the other, the client does."""
    plan = publish(market, dataset)
    clicks = [market.popen("buy", plan) for _ in range(2)]
    printed = [click.communicate(timeout=120)[0] for click in clicks]
    assert sorted(click.returncode for click in clicks) == [0, 1]
    (second,) = (json.loads(text) for text in printed if "error" in json.loads(text))
    assert second["error"] in ("Licences_StaleBalance", "AlreadyHeld")
    third = market("buy", plan)
    assert (third.code, third.facts["error"]) == (1, "AlreadyHeld")
    assert len(market("status").facts["licences"]) == len(set(market("status").facts["licences"]))


def test_a_key_is_never_taken_from_an_argument_or_from_a_bad_variable(market: Local) -> None:
    missing = market.run("--json", "status", env={"SOCAI_PRIVATE_KEY": ""})
    assert missing.returncode == 1
    assert json.loads(missing.stdout)["error"] == "VariableMissing"
    secret = "deadbeef" * 7
    bad = market.run("--json", "status", env={"SOCAI_PRIVATE_KEY": secret})
    assert bad.returncode == 1
    assert secret not in bad.stdout + bad.stderr


def test_an_account_from_the_environment_works_as_well(market: Local) -> None:
    key = dev_accounts()["buyer"].key.hex()
    shown = market.run("--json", "status", env={"SOCAI_PRIVATE_KEY": key})
    assert json.loads(shown.stdout)["account"] == ACCOUNTS["buyer"]


def test_R03_R13_the_index_keeps_up_and_a_rebuilt_one_is_the_same(market: Local, dataset: Path) -> None:
    buy(market, publish(market, dataset))
    for _ in range(5):  # the chain's heart may beat between the two
        rebuilt = market("index", "rebuild")
        assert rebuilt.code == 0, rebuilt
        if rebuilt.facts["differed"] is not None:
            break
    assert rebuilt.facts["differed"] == []
    for _ in range(100):
        with urllib.request.urlopen(f"http://127.0.0.1:{market.port}/v1/health") as answer:
            health = json.load(answer)
        if health["index"] is None and health["index_block"] >= rebuilt.facts["block"]:
            break
        time.sleep(0.05)
    assert (health["status"], health["index"]) == ("ok", None)
    assert health["index_lag_blocks"] <= 2


def test_R13_stop_and_start_again_and_everything_is_there(tmp_path: Path, dataset: Path) -> None:
    """Also after a kill: of the whole command, so that the chain and the service are left behind."""
    local = Local(tmp_path)
    local.start()
    try:
        for role in ("seller", "buyer"):
            local("accredit", ACCOUNTS[role], "--role", role, "--credential", "salted", name="operator")
        local("mint", ACCOUNTS["buyer"], PRICE, name="operator")
        plan = publish(local, dataset)
        assert local.stop() == 0
        assert local.start() < RESTART_SECONDS
        licence = buy(local, plan)
        local.stop(signal.SIGKILL)
        assert local.start() < RESTART_SECONDS
        assert local("licence", "show", licence).facts["key_release"] == "granted"
        assert local("fetch", licence, "--to", tmp_path / "got").code == 0
        assert (tmp_path / "got").read_bytes() == dataset.read_bytes()
    finally:
        local.stop()


def test_nothing_running_is_exit_code_3(tmp_path: Path) -> None:
    local = Local(tmp_path)
    local.start()
    local.stop()
    answer = local("status")
    assert (answer.code, answer.facts["error"]) == (3, "unreachable")
