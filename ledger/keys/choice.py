"""Which custodian, by its address.

vault+https://HOST[:PORT]/MOUNT/KEY            Transit; the secret is the token
pkcs11:token=TOKEN;object=LABEL?module-path=/…  RFC 7512; the secret is the PIN
aws-kms:alias/NAME                             credentials as every AWS tool finds them
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from ledger.keys.port import CustodyError, KeyCustody

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class BadCustodyAddress(CustodyError):
    """No custodian has such an address, or its library is not installed. The message holds no secret."""


def open_custody(address: str, secret: str) -> KeyCustody:
    """The custodian at `address`; it is not asked yet. Raises `BadCustodyAddress`, `CustodyUnavailable`."""
    scheme = address.partition(":")[0]
    opening = {"vault+https": _vault, "vault+http": _vault, "pkcs11": _pkcs11, "aws-kms": _aws}.get(scheme)
    if opening is None:
        raise BadCustodyAddress("a custodian starts with vault+https:, pkcs11: or aws-kms:")
    try:
        return opening(address, secret)
    except ImportError as error:
        extra = {"pkcs11": "pkcs11", "aws-kms": "aws"}.get(scheme, "vault")
        raise BadCustodyAddress(f"{error.name} is not installed: pip install 'socai[{extra}]'") from None


def _vault(address: str, secret: str) -> KeyCustody:
    from ledger.keys.vault import VaultTransit

    parts = urlsplit(address.removeprefix("vault+"))
    mount, _, key = parts.path.strip("/").rpartition("/")
    if not parts.hostname or not mount or not key or parts.username or parts.query:
        raise BadCustodyAddress("a Vault address is like vault+https://vault.example:8200/transit/socai")
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise BadCustodyAddress("Vault is asked over TLS, except on this machine")
    return VaultTransit(f"{parts.scheme}://{parts.netloc}", secret, mount=mount, key=key)


def _pkcs11(address: str, secret: str) -> KeyCustody:
    from ledger.keys.pkcs11 import Pkcs11Keys

    path, _, query = address.removeprefix("pkcs11:").partition("?")
    named = dict(part.partition("=")[::2] for part in path.split(";"))
    module = parse_qs(query).get("module-path", [""])[0]
    if set(named) != {"token", "object"} or not all(named.values()) or not module:
        raise BadCustodyAddress("a PKCS#11 address is like pkcs11:token=T;object=KEY?module-path=/usr/lib/…")
    return Pkcs11Keys(module, unquote(named["token"]), secret, label=unquote(named["object"]))


def _aws(address: str, secret: str) -> KeyCustody:
    from ledger.keys.aws import AwsKms

    if not re.fullmatch(r"aws-kms:alias/[A-Za-z0-9/_-]{1,250}", address):
        raise BadCustodyAddress("an AWS address is like aws-kms:alias/socai")
    return AwsKms(address.removeprefix("aws-kms:"))
