"""Ethereum accounts (secp256k1) from an encrypted key file or the environment; never from an argument or a
plain file.

Key files are the Web3 Secret Storage of Ethereum clients, version 3 (``geth account``, ``cast wallet``).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HEX_KEY: Final = re.compile(r"(0x)?[0-9a-fA-F]{64}")


class AccountError(Exception):
    """Any refusal to load an account. No message holds key material."""


class KeyFileMissing(AccountError):
    """There is no such key file."""


class BadKeyFile(AccountError):
    """The file is not an encrypted key file of version 3."""


class WrongKeyFilePassphrase(AccountError):
    """The passphrase does not open the key file, or the file was altered (its MAC does not tell which)."""


class VariableMissing(AccountError):
    """The environment variable is not set, or empty."""


class BadPrivateKey(AccountError):
    """Not 32 bytes that are a secp256k1 private key."""


def new_private_key() -> bytes:
    """32 random bytes between 1 and the order of the curve."""
    while True:
        key = os.urandom(32)
        if 0 < int.from_bytes(key, "big") < _ORDER:
            return key


def from_private_key(key: bytes) -> LocalAccount:
    """The account of a 32-byte private key. Raises `BadPrivateKey`."""
    if len(key) != 32 or not 0 < int.from_bytes(key, "big") < _ORDER:
        raise BadPrivateKey("not a secp256k1 private key")
    return cast("LocalAccount", _library().from_key(key))


def from_environment(name: str, environ: Mapping[str, str] | None = None) -> LocalAccount:
    """The account whose private key (64 hex digits) is in the environment variable `name`.

    Raises `VariableMissing`, `BadPrivateKey`.
    """
    value = (os.environ if environ is None else environ).get(name, "").strip()
    if not value:
        raise VariableMissing(f"the environment variable {name} is not set")
    if not _HEX_KEY.fullmatch(value):
        raise BadPrivateKey(f"{name} does not hold 64 hex digits")
    return from_private_key(bytes.fromhex(value.removeprefix("0x")))


def from_key_file(path: Path, passphrase: str) -> LocalAccount:
    """The account in an encrypted key file. Raises `KeyFileMissing`, `BadKeyFile`, `WrongKeyFilePassphrase`.

    Takes as long as the file's own key derivation asks for (usually about a second).
    """
    try:
        content: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise KeyFileMissing(f"there is no {path}") from None
    except (OSError, ValueError):
        raise BadKeyFile(f"{path} is not a key file") from None
    if not isinstance(content, dict) or content.get("version") != 3:
        raise BadKeyFile(f"{path} is not a key file of version 3")
    try:
        key = bytes(_library().decrypt(content, passphrase))
    except ValueError as error:
        if "MAC mismatch" in str(error):
            raise WrongKeyFilePassphrase(f"this passphrase does not open {path}") from None
        raise BadKeyFile(f"{path} is not a key file that can be read") from None
    except (KeyError, TypeError, AttributeError, NotImplementedError):
        raise BadKeyFile(f"{path} is not a key file that can be read") from None
    return from_private_key(key)


def write_key_file(path: Path, account: LocalAccount, passphrase: str) -> None:
    """Write `account` as a new encrypted key file of mode 0600 (scrypt). Raises `FileExistsError`."""
    content = json.dumps(_library().encrypt(account.key, passphrase)).encode()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)


def _library() -> Any:
    """Takes a second to import, which the key agent has no use for."""
    from eth_account import Account

    return Account
