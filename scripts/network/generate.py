"""Makes the files of a Hyperledger Besu QBFT network: keys, genesis, who may connect, who may transact, TLS.

OUT (which must not exist) is then what `compose.yaml` and `kubernetes/` mount::

    shared/genesis.json     QBFT, gas price zero, the fork that the contracts are compiled for
    shared/static-nodes.json  every node
    shared/permissions.toml the same nodes, and the accounts that may send transactions
    shared/besu.toml        what all nodes are told
    shared/ca.pem           trusted by the service: SSL_CERT_FILE
    validators.json         addresses, for `socai trust --validator`
    secrets/NODE/key        the node's private key; tls.p12 and tls.password: its JSON-RPC certificate
    secrets/kubernetes.yaml all of it as one ConfigMap and one Secret

Keys are drawn here and nowhere else. Hand each secrets/NODE to who runs that node, and delete OUT/secrets.
"""

import argparse
import base64
import json
import os
import secrets
import sys
import time
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from coincurve import PrivateKey
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID

from ledger.proofs.keccak import keccak
from ledger.proofs.seals import MIX_HASH, ExtraData

ROOT: Final = Path(__file__).parents[2]
FORKS: Final = ("shanghai", "cancun", "prague", "osaka")
"""Since the merge, in order; each switched on by time."""
GAS_LIMIT: Final = 60_000_000
YEARS: Final = 5

BESU: Final = """\
genesis-file="/network/genesis.json"
static-nodes-file="/network/static-nodes.json"
permissions-nodes-config-file-enabled=true
permissions-nodes-config-file="/network/permissions.toml"
permissions-accounts-config-file-enabled=true
permissions-accounts-config-file="/network/permissions.toml"
data-path="/data"
node-private-key-file="/node/key"
discovery-enabled=false
Xdns-enabled=true
Xdns-update-enabled=true
sync-mode="FULL"
# proofs are asked for when a block becomes final, and answered for so many blocks
data-storage-format="BONSAI"
bonsai-historical-block-limit=10000
min-gas-price=0
tx-pool="sequenced"
rpc-http-enabled=true
rpc-http-host="0.0.0.0"
rpc-http-api=["ETH", "NET", "WEB3"]
rpc-http-tls-enabled=true
rpc-http-tls-keystore-file="/node/tls.p12"
rpc-http-tls-keystore-password-file="/node/tls.password"
rpc-http-tls-client-auth-enabled=false
host-allowlist=["*"]
metrics-enabled=true
metrics-host="0.0.0.0"
"""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="scripts/network/generate", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--validators", type=int, default=4, help="four bear one that fails; seven, two")
    parser.add_argument(
        "--readers", type=int, default=2, help="nodes that seal nothing: the service asks two"
    )
    parser.add_argument("--chain-id", type=int, required=True)
    parser.add_argument("--period", type=int, default=2, help="seconds between blocks")
    parser.add_argument("--account", action="append", default=[], help="may send transactions; once for each")
    given = parser.parse_args(arguments)
    if given.validators < 4:
        parser.error("QBFT bears no failure with fewer than four validators")
    if given.out.exists():
        parser.error(f"{given.out} exists: keys are never overwritten")
    generate(given.out, given.validators, given.readers, given.chain_id, given.period, given.account)


def generate(
    out: Path, validators: int, readers: int, chain_id: int, period: int, accounts: Sequence[str]
) -> None:
    """Writes the whole network; `secrets/` is readable by its owner only."""
    hosts = [f"validator-{n}" for n in range(validators)] + [f"reader-{n}" for n in range(readers)]
    keys = {host: PrivateKey() for host in hosts}
    addresses = sorted(_address(keys[host]) for host in hosts[:validators])
    enodes = [f"enode://{_public(key).hex()}@{host}.besu:30303" for host, key in keys.items()]
    authority = _Authority()
    shared = {
        "genesis.json": _json(genesis(addresses, chain_id, period)),
        "static-nodes.json": _json(enodes),
        "permissions.toml": f"nodes-allowlist={json.dumps(enodes)}\n"
        f"accounts-allowlist={json.dumps(list(accounts))}\n",
        "besu.toml": BESU,
        "ca.pem": authority.pem,
    }
    private = {
        host: {"key": key.to_hex().encode(), **authority.keystore(f"{host}.besu")}
        for host, key in keys.items()
    }
    (out / "shared").mkdir(parents=True)
    (out / "secrets").mkdir(mode=0o700)
    for name, content in shared.items():
        (out / "shared" / name).write_text(content)
    for host, files in private.items():
        (out / "secrets" / host).mkdir()
        for name, data in files.items():
            with os.fdopen(
                os.open(out / "secrets" / host / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb"
            ) as file:
                file.write(data)
    (out / "validators.json").write_text(_json([f"0x{address.hex()}" for address in addresses]))
    manifests = os.open(out / "secrets" / "kubernetes.yaml", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(manifests, "w") as file:
        yaml.safe_dump_all(_kubernetes(shared, private), file, sort_keys=False)


def genesis(validators: Sequence[bytes], chain_id: int, period: int) -> dict[str, Any]:
    """Of a free gas network: every block's base fee is zero."""
    return {
        "config": {
            "chainId": chain_id,
            "berlinBlock": 0,
            "londonBlock": 0,
            **{f"{fork}Time": 0 for fork in FORKS[: FORKS.index(_fork()) + 1]},
            "zeroBaseFee": True,
            "qbft": {
                "blockperiodseconds": period,
                "epochlength": 30_000,
                "requesttimeoutseconds": 2 * period,
            },
        },
        "nonce": "0x0",
        "timestamp": hex(int(time.time())),
        "extraData": f"0x{ExtraData(bytes(32), tuple(validators), None, 0, ()).encode().hex()}",
        "gasLimit": hex(GAS_LIMIT),
        "difficulty": "0x1",
        "mixHash": f"0x{MIX_HASH.hex()}",
        "coinbase": f"0x{bytes(20).hex()}",
        "alloc": {},
    }


def _fork() -> str:
    """The one that the contracts are compiled for."""
    profile = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
    fork: str = profile["evm_version"]
    return fork


def _public(key: PrivateKey) -> bytes:
    return key.public_key.format(compressed=False)[1:]


def _address(key: PrivateKey) -> bytes:
    return keccak(_public(key))[12:]


def _json(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"


class _Authority:
    """Signs the nodes' certificates; its own key is forgotten when this ends, so no other is ever signed."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "socai network")])
        usage = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = self._sign(self._name, self._key, usage, critical=True)

    @property
    def pem(self) -> str:
        return self._certificate.public_bytes(Encoding.PEM).decode()

    def keystore(self, host: str) -> dict[str, bytes]:
        """PKCS #12, and its password."""
        key, password = ec.generate_private_key(ec.SECP256R1()), secrets.token_urlsafe(24).encode()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        known = x509.SubjectAlternativeName([x509.DNSName(host), x509.DNSName("localhost")])
        certificate = self._sign(name, key, known, critical=False)
        sealed = pkcs12.serialize_key_and_certificates(
            host.encode(), key, certificate, [self._certificate], BestAvailableEncryption(password)
        )
        return {"tls.p12": sealed, "tls.password": password}

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType, critical: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=365 * YEARS))
            .add_extension(extension, critical)
            .sign(self._key, hashes.SHA256())
        )


def _kubernetes(shared: dict[str, str], private: dict[str, dict[str, bytes]]) -> list[dict[str, Any]]:
    nodes = {
        f"{host}.{name}": base64.b64encode(data).decode()
        for host, files in private.items()
        for name, data in files.items()
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "network"}, "data": shared},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "nodes"}, "data": nodes},
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
