"""Loading Ethereum accounts: from key files and the environment, with clear errors and nothing shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from ledger.keys.account import (
    AccountError,
    BadKeyFile,
    BadPrivateKey,
    KeyFileMissing,
    VariableMissing,
    WrongKeyFilePassphrase,
    from_environment,
    from_key_file,
    from_private_key,
    new_private_key,
    write_key_file,
)

# The first account of every local development chain (BIP-39 "test test … junk"): known to all, worth nothing.
KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"

# The PBKDF2 test vector of the Web3 Secret Storage definition.
VECTOR: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt("0x" + KEY, "words", kdf="pbkdf2", iterations=100)))
    return path


def test_the_environment() -> None:
    for value in (KEY, "0x" + KEY, KEY.upper(), f" {KEY}\n"):
        assert from_environment("SOCAI_KEY", {"SOCAI_KEY": value}).address == ADDRESS
    for environ in ({}, {"SOCAI_KEY": ""}, {"SOCAI_KEY": "  "}):
        with pytest.raises(VariableMissing, match="SOCAI_KEY is not set"):
            from_environment("SOCAI_KEY", environ)
    for value in (KEY[:-1], KEY + "0", "z" * 64, "0x", "0x0x" + KEY[:62], "00" * 32, "ff" * 32):
        with pytest.raises(BadPrivateKey) as refusal:
            from_environment("SOCAI_KEY", {"SOCAI_KEY": value})
        assert value not in str(refusal.value)


def test_the_real_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCAI_TEST_KEY", KEY)
    assert from_environment("SOCAI_TEST_KEY").address == ADDRESS


def test_a_key_file_of_the_standard(tmp_path: Path) -> None:
    path = tmp_path / "vector.json"
    path.write_text(json.dumps(VECTOR))
    account = from_key_file(path, "testpassword")
    assert account.key.hex() == "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"


def test_each_failure_of_a_key_file_is_its_own(key_file: Path, tmp_path: Path) -> None:
    assert from_key_file(key_file, "words").address == ADDRESS
    with pytest.raises(WrongKeyFilePassphrase):
        from_key_file(key_file, "other words")
    with pytest.raises(KeyFileMissing):
        from_key_file(tmp_path / "none", "words")
    good = json.loads(key_file.read_text())
    for bad in (
        b"",
        b"\xff",
        b"[]",
        KEY.encode(),
        json.dumps({**good, "version": 1}).encode(),
        json.dumps({"version": 3}).encode(),
        json.dumps({**good, "crypto": {**good["crypto"], "kdf": "none"}}).encode(),
    ):
        key_file.write_bytes(bad)
        with pytest.raises(BadKeyFile):
            from_key_file(key_file, "words")
    with pytest.raises(BadKeyFile):
        from_key_file(tmp_path, "words")


def test_a_written_key_file_is_new_private_and_opens(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    account = from_private_key(new_private_key())
    write_key_file(path, account, "words")
    assert path.stat().st_mode & 0o777 == 0o600
    assert account.key.hex() not in path.read_text()
    assert from_key_file(path, "words").address == account.address
    with pytest.raises(FileExistsError):
        write_key_file(path, account, "words")


def test_threat_S10_no_account_shows_its_key(key_file: Path) -> None:
    account = from_key_file(key_file, "words")
    shown = [repr(account), str(account)]
    with pytest.raises(AccountError) as refusal:
        from_key_file(key_file, "canary")
    shown += [repr(refusal.value)]
    assert not any(secret in text for text in shown for secret in (KEY, "canary", str(int(KEY, 16))))
    for bad in (b"", bytes(32), b"\xff" * 32, bytes(31)):
        with pytest.raises(BadPrivateKey):
            from_private_key(bad)
