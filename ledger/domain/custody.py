"""The vault's signed word that it holds a payload: EIP-712 typed data that the Reviews contract checks."""

from dataclasses import asdict, dataclass
from typing import Final

from ledger.domain.typed_data import Struct

_CUSTODY: Final = Struct(
    "Socai Reviews",
    "Custody",
    {
        "seller": "address",
        "root": "bytes32",
        "size": "uint64",
        "depositId": "bytes32",
        "region": "bytes2",
        "deadline": "uint64",
    },
)


@dataclass(frozen=True, slots=True)
class Custody:
    """`seller` 20 bytes, `region` two letters of ISO 3166-1, `deadline` the last Unix second to use it in."""

    seller: bytes
    root: bytes
    size: int
    deposit: bytes
    region: bytes
    deadline: int

    def digest(self, chain_id: int, reviews: bytes) -> bytes:
        """The 32 bytes that the custodian signs for the Reviews contract at `reviews`."""
        values = asdict(self)
        return _CUSTODY.digest(chain_id, reviews, values | {"depositId": self.deposit})
