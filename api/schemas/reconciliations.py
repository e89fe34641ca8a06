"""Bank payments of one day."""

from typing import Annotated

from pydantic import Field

from api.schemas.history import AsOfIndex
from api.schemas.values import Address, Decimal, Hash, Schema, Time


class BankPaymentInfo(Schema):
    """`confirmed` and `allocated` are sums over the licence, renewals included, as of the index."""

    reference: Annotated[Hash, Field(description="Salted hash of the bank's reference.")]
    provider: Address
    licence: Decimal
    currency: int
    amount: Decimal
    time: Time
    block_number: int
    log_index: int
    order: Annotated[str, Field(description="open, disputed, settled or refunded.")]
    confirmed: Decimal
    allocated: Decimal


class DifferenceInfo(Schema):
    kind: Annotated[
        str, Field(description="split: the order is over, and not split into what was confirmed.")
    ]
    reference: Hash
    on_chain: Decimal | None
    on_statement: Decimal | None
    licence: Decimal | None


class Reconciliation(AsOfIndex):
    """The day begins at midnight in Việt Nam. The statement is compared where it is: `socai reconcile`."""

    day: str
    total: Annotated[Decimal, Field(description="Of the payments in the first currency, đồng.")]
    payments: list[BankPaymentInfo]
    exceptions: Annotated[list[DifferenceInfo], Field(description="Those that show without a statement.")]
