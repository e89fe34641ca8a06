"""What the signed-in account holds, sold and was paid."""

from typing import Annotated

from pydantic import Field

from api.schemas.catalogue import LicenceInfo, Seconds
from api.schemas.history import AsOfIndex
from api.schemas.values import Address, Decimal, Hash, Schema
from ledger.domain.dealings import Part

Next = Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


class HoldingInfo(Schema):
    licence: LicenceInfo
    listing: Decimal
    title: str | None


class Holdings(AsOfIndex):
    items: Annotated[list[HoldingInfo], Field(description="The newest first.")]
    next: Next


class SaleInfo(Schema):
    """A purchase, and the licence as it is now."""

    licence: LicenceInfo
    buyer: Address
    price: Decimal
    time: Seconds


class Sales(AsOfIndex):
    items: Annotated[list[SaleInfo], Field(description="The newest first.")]
    next: Next


class MovementInfo(Schema):
    part: Part
    licence: Annotated[Decimal | None, Field(description="Null for a withdrawal.")]
    currency: int
    amount: Decimal
    by_bank: Annotated[bool, Field(description="Owed by the payment provider, not by the exchange.")]
    time: Seconds
    block_number: int
    transaction: Hash


class StatementInfo(AsOfIndex):
    """Everything that came to be owed to the account in a period, and what it withdrew."""

    account: Address
    since: Seconds
    until: Seconds
    movements: list[MovementInfo]
