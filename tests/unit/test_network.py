"""What `scripts/network` makes and holds, as far as it shows without a cluster."""

import json
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from coincurve import PrivateKey
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import pkcs12
from kubernetes_validate import ValidationError, validate

from api.app import create_app
from api.settings import Settings
from ledger.proofs import seals
from ledger.proofs.keccak import keccak
from scripts.network.generate import main

NETWORK: Final = Path(__file__).parents[2] / "scripts" / "network"
ACCOUNT: Final = "0x" + "ab" * 20
HOSTS: Final = [*(f"validator-{n}" for n in range(4)), "reader-0", "reader-1"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("network") / "out"
    main([str(out), "--chain-id", "84085", "--account", ACCOUNT])
    return out


def address(key: bytes) -> bytes:
    return keccak(PrivateKey(key).public_key.format(compressed=False)[1:])[12:]


def key_of(out: Path, host: str) -> bytes:
    return bytes.fromhex((out / "secrets" / host / "key").read_text())


def test_the_genesis_block_names_the_validators_by_our_own_reading(out: Path) -> None:
    genesis = json.loads((out / "shared" / "genesis.json").read_text())
    extra = seals.decode(bytes.fromhex(genesis["extraData"][2:]))
    expected = sorted(address(key_of(out, host)) for host in HOSTS[:4])
    assert list(extra.validators) == expected
    assert (extra.vote, extra.round, extra.seals, extra.vanity) == (None, 0, (), bytes(32))
    assert json.loads((out / "validators.json").read_text()) == [f"0x{one.hex()}" for one in expected]
    assert genesis["mixHash"] == f"0x{seals.MIX_HASH.hex()}"
    config = genesis["config"]
    assert (config["chainId"], config["zeroBaseFee"]) == (84085, True)
    fork = tomllib.loads((NETWORK.parents[1] / "foundry.toml").read_text())["profile"]["default"][
        "evm_version"
    ]
    assert config[f"{fork}Time"] == 0


def test_only_known_nodes_connect_and_only_known_accounts_transact(out: Path) -> None:
    permissions = tomllib.loads((out / "shared" / "permissions.toml").read_text())
    enodes = json.loads((out / "shared" / "static-nodes.json").read_text())
    assert permissions == {"nodes-allowlist": enodes, "accounts-allowlist": [ACCOUNT]}
    for host, enode in zip(HOSTS, enodes, strict=True):
        found = re.fullmatch(r"enode://([0-9a-f]{128})@([a-z0-9-]+)\.besu:30303", enode)
        assert found is not None
        assert found[2] == host
        assert keccak(bytes.fromhex(found[1]))[12:] == address(key_of(out, host))
    besu = tomllib.loads((out / "shared" / "besu.toml").read_text())
    assert besu["permissions-nodes-config-file-enabled"] is True
    assert besu["permissions-accounts-config-file-enabled"] is True
    assert (besu["min-gas-price"], besu["rpc-http-tls-enabled"]) == (0, True)
    assert not {"ADMIN", "DEBUG", "PERM"} & set(besu["rpc-http-api"])


def test_each_node_has_a_certificate_of_its_name_and_secrets_are_private(out: Path) -> None:
    authority = x509.load_pem_x509_certificate((out / "shared" / "ca.pem").read_bytes())
    public = authority.public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    for host in HOSTS:
        folder = out / "secrets" / host
        password = (folder / "tls.password").read_bytes()
        store = pkcs12.load_pkcs12((folder / "tls.p12").read_bytes(), password)
        assert store.cert is not None
        certificate = store.cert.certificate
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert f"{host}.besu" in names.get_values_for_type(x509.DNSName)
        assert certificate.signature_hash_algorithm is not None
        algorithm = ECDSA(certificate.signature_hash_algorithm)
        public.verify(certificate.signature, certificate.tbs_certificate_bytes, algorithm)
    private = [path for path in (out / "secrets").rglob("*") if path.is_file()]
    assert len(private) == 3 * len(HOSTS) + 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    shared = "".join(path.read_text() for path in (out / "shared").iterdir())
    assert not any(key_of(out, host).hex() in shared for host in HOSTS)


def test_keys_are_never_made_over_others(out: Path, tmp_path: Path) -> None:
    for arguments in (
        [str(out), "--chain-id", "1"],
        [str(tmp_path / "x"), "--chain-id", "1", "--validators", "3"],
    ):
        with pytest.raises(SystemExit):
            main(arguments)
    assert not (tmp_path / "x").exists()


def manifests(*paths: Path) -> list[dict[str, Any]]:
    return [found for path in paths for found in yaml.safe_load_all(path.read_text())]


def test_kubernetes_manifests_fit_the_schema(out: Path) -> None:
    paths = [*(NETWORK / "kubernetes").iterdir(), out / "secrets" / "kubernetes.yaml"]
    found = manifests(*paths)
    assert len(found) > 10
    for manifest in found:
        validate(manifest, "1.31", strict=True)
    broken = next(one for one in found if one["kind"] == "Deployment")
    broken["spec"]["replicas"] = "three"
    with pytest.raises(ValidationError):
        validate(broken, "1.31", strict=True)


def test_pods_find_the_files_that_were_generated(out: Path) -> None:
    found = manifests(*(NETWORK / "kubernetes").iterdir(), out / "secrets" / "kubernetes.yaml")
    nodes = next(one for one in found if one["kind"] == "Secret" and one["metadata"]["name"] == "nodes")
    for stateful in (one for one in found if one["kind"] == "StatefulSet"):
        for number in range(stateful["spec"]["replicas"]):
            for name in ("key", "tls.p12", "tls.password"):
                assert f"{stateful['metadata']['name']}-{number}.{name}" in nodes["data"]
        selector = stateful["spec"]["selector"]["matchLabels"].items()
        assert selector <= stateful["spec"]["template"]["metadata"]["labels"].items()


def test_threat_S13_only_the_ingress_reaches_a_service_that_believes_its_proxy() -> None:
    found = manifests(NETWORK / "kubernetes" / "service.yaml")
    (policy,) = (one for one in found if one["kind"] == "NetworkPolicy")
    (pods,) = (one["spec"]["template"] for one in found if one["kind"] == "Deployment")
    selected = policy["spec"]["podSelector"]["matchLabels"].items()
    assert selected <= pods["metadata"]["labels"].items()
    assert all(rule["from"] for rule in policy["spec"]["ingress"])
    assert sorted(port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]) == [
        8000,
        9464,
    ]


def environment(value: Any) -> dict[str, str]:
    """Every SOCAI_… that is set anywhere in a document."""
    if isinstance(value, dict):
        own = {key: str(text) for key, text in value.items() if str(key).startswith("SOCAI_")}
        return own | {k: v for inner in value.values() for k, v in environment(inner).items()}
    return {k: v for one in value for k, v in environment(one).items()} if isinstance(value, list) else {}


@pytest.mark.parametrize("path", ["compose.yaml", "kubernetes/service.yaml"])
def test_R31_what_is_deployed_is_a_production_profile_of_real_settings(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = environment(manifests(NETWORK / path))
    assert {name.removeprefix("SOCAI_").lower() for name in found} <= set(Settings.model_fields)
    for name, value in found.items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)}|\$\{.*?}", r"\1", value) or "x")
    settings = Settings()
    assert (settings.profile, len(settings.shares)) == ("production", 2)
    assert settings.witnesses


def test_compose_is_whole(out: Path) -> None:
    compose = yaml.safe_load((NETWORK / "compose.yaml").read_text())
    assert set(HOSTS) | {"database", "service-0", "service-1", "balancer"} <= set(compose["services"])
    volumes = [v.split(":")[0] for s in compose["services"].values() for v in s.get("volumes", ())]
    named = {volume for volume in volumes if re.fullmatch(r"[a-z0-9-]+", volume)}
    assert named == set(compose["volumes"])
    for host in HOSTS:  # a node has its own key and no other
        mounted = [v.split(":")[0] for v in compose["services"][host]["volumes"] if v.startswith("$")]
        assert mounted == ["${NETWORK}/shared", "${NETWORK}/secrets/" + host]
    for local in (v for v in volumes if v.startswith("./")):
        assert (NETWORK / local).exists()
    backend = (NETWORK / "haproxy.cfg").read_text()
    assert set(re.findall(r"^  server (\S+) ", backend, re.MULTILINE)) == {"service-0", "service-1"}
    asked = set(re.findall(r"/v1/\w+", backend + (NETWORK / "kubernetes" / "service.yaml").read_text()))
    assert asked == {"/v1/health", "/v1/ready"} <= set(create_app(Settings()).openapi()["paths"])
