"""Who takes part, by name, and what they sign."""

from typing import Final

from eth_abi.abi import encode
from eth_account import Account
from eth_hash.auto import keccak
from eth_typing import Hash32

from ledger.chain.devnet import CHAIN_ID, dev_accounts
from ledger.domain.market import Role

HOUR: Final = 3600
DAY: Final = 24 * HOUR
TRADERS: Final = ("seller", "seller2", "buyer", "buyer2", "outsider")
OVERSIGHT: Final = {
    Role.REVIEWER: "reviewer",
    Role.CUSTODIAN: "custodian",
    Role.PAYMENT_PROVIDER: "provider",
    Role.ARBITER: "arbiter",
    Role.SUPERVISOR: "supervisor",
}
HOLDERS: Final = {1: "operator", 2: "governor", 3: "guardian", 4: "operator"}
"""Who holds the roles of `ledger.chain.deploy`."""


def address(name: str) -> str:
    return dev_accounts()[name].address


NAMES: Final = {account.address: name for name, account in dev_accounts().items()}


def sign(name: str, digest: bytes) -> bytes:
    """65 bytes: r, s, v."""
    account = Account.from_key(dev_accounts()[name].key)
    return bytes(account.unsafe_sign_hash(Hash32(digest)).signature)


def domain_separator(name: str, contract: str) -> bytes:
    kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    return keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [keccak(kind), keccak(name.encode()), keccak(b"1"), CHAIN_ID, contract],
        )
    )
