"""A market that random acts drive through the bindings, on a real chain, with every contract taking part.

The acts are chosen by what replaying the events so far says is possible, so most succeed; those that revert
leave nothing behind and count for nothing. The same seed gives the same acts on the same clock.
"""

# importing them registers their acts
from tests.integration.indexer.market import (  # noqa: F401
    exchange,
    licences,
    listings,
    participants,
    reviews,
    system,
)
from tests.integration.indexer.market.accounts import address
from tests.integration.indexer.market.driver import CHOOSERS, Act, Market, saying
from tests.integration.indexer.market.founding import found

__all__ = ["CHOOSERS", "Act", "Market", "address", "found", "saying"]
