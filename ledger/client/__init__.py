"""What a participant's program does with an exchange: `Client`, one account on one exchange.

    async with Client.open(...) as client:
        listing = await client.publish(Path("cities.csv"), metadata, classification, [plan])
        bought = await client.buy(plan)
        await client.fetch(bought.licence, Path("cities.csv"))

The `socai` command is written with it.
"""

from ledger.client.client import Client
from ledger.client.errors import ClientError
from ledger.client.results import AlreadyHeld
from ledger.client.service import Refused, ServiceError, ServiceUnreachable

__all__ = ["AlreadyHeld", "Client", "ClientError", "Refused", "ServiceError", "ServiceUnreachable"]
