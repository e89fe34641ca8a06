"""What is done with tokens of ERC-721, of listings as of licences."""

from collections.abc import Sequence

from ledger.chain import bindings
from ledger.indexer.state import NOBODY, Tokens
from tests.integration.indexer.market.accounts import NAMES, TRADERS, address
from tests.integration.indexer.market.driver import Act, Market

Register = bindings.Listings | bindings.Licences


def approve(m: Market, tokens: Tokens, register: Register) -> Act | None:
    token = m.pick(list(tokens.owners))
    if token is None:
        return None
    to = m.random.choice([NOBODY, *(address(name) for name in TRADERS)])
    return Act(m.owner(tokens, token), register.approve(to, token))


def approve_for_all(m: Market, register: Register) -> Act | None:
    owner, operator = m.random.sample(TRADERS, 2)
    return Act(owner, register.set_approval_for_all(address(operator), m.chance(0.7)))


def transfer(m: Market, tokens: Tokens, register: Register, movable: Sequence[int], how: str) -> Act | None:
    """By the owner, by whom it approved, or by an operator."""
    token = m.pick(movable)
    if token is None:
        return None
    owner = tokens.owners[token]
    senders = [NAMES[owner]]
    if (approved := tokens.approved.get(token, NOBODY)) != NOBODY:
        senders += [NAMES[approved]] * 3
    senders += [NAMES[o] for (of, o), allowed in tokens.operators.items() if of == owner and allowed]
    to = address(m.random.choice(TRADERS))
    moves = {
        "plain": lambda: register.transfer_from(owner, to, token),
        "safe": lambda: register.safe_transfer_from(owner, to, token),
        "data": lambda: register.safe_transfer_from_with_data(owner, to, token, b"data"),
    }
    return Act(m.random.choice(senders), moves[how]())
