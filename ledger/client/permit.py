"""Leave for the exchange to take the price of a purchase (ERC-2612)."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from ledger.chain import bindings
from ledger.chain.bindings import structs

PERMIT_SECONDS: Final = 3600


async def permit(
    account: LocalAccount,
    exchange: bindings.Exchange,
    terms: structs.Plan,
    reads: Callable[..., Awaitable[list[Any]]],
) -> structs.Permit:
    """For exactly the price, signed by the account; `reads` answers what views say."""
    (money,) = await reads(exchange.money(terms.currency))
    token = bindings.SettlementToken(money.token)
    domain, nonce = await reads(token.eip712_domain(), token.nonces(account.address))
    _, name, version, chain_id, verifier, _, _ = domain
    deadline = int(time.time()) + PERMIT_SECONDS
    signed = account.sign_typed_data(
        {"name": name, "version": version, "chainId": chain_id, "verifyingContract": verifier},
        {
            "Permit": [
                {"name": "owner", "type": "address"},
                {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        {
            "owner": account.address,
            "spender": exchange.address,
            "value": terms.price,
            "nonce": nonce,
            "deadline": deadline,
        },
    )
    return structs.Permit(deadline, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
