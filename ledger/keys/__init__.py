"""Key custody: data keys at rest in wrapped form only, and the service's own secrets.

`KeyCustody` is the port, `LocalKeyStore` its adapter over a passphrase-protected file; those over Vault
Transit, PKCS#11 and AWS KMS are opened by `choice` and need an extra each. `account` loads Ethereum accounts.
"""

from ledger.keys.local import LocalKeyStore
from ledger.keys.port import (
    BadWrappedKey,
    CustodyError,
    CustodyUnavailable,
    KeyCustody,
    UnknownKeyVersion,
    UnwrapFailed,
    new_data_key,
    wrap_aad,
)
from ledger.keys.secretfile import (
    BadSecret,
    Cost,
    SecretFileDamaged,
    SecretFileError,
    SecretFileExists,
    SecretFileMissing,
    UnsafePermissions,
    WrongPassphrase,
)

__all__ = [
    "BadSecret",
    "BadWrappedKey",
    "Cost",
    "CustodyError",
    "CustodyUnavailable",
    "KeyCustody",
    "LocalKeyStore",
    "SecretFileDamaged",
    "SecretFileError",
    "SecretFileExists",
    "SecretFileMissing",
    "UnknownKeyVersion",
    "UnsafePermissions",
    "UnwrapFailed",
    "WrongPassphrase",
    "new_data_key",
    "wrap_aad",
]
