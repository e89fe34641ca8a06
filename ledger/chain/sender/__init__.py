"""Sends transactions of one account: each exactly once, whatever happens between asking and being mined.

    simulate -> take a nonce, sign, write down (one database transaction) -> broadcast -> wait for the receipt

What is written down is enough to finish after a crash at any point: the same signed bytes are sent again, and
the chain takes a nonce once. A simulation that reverts raises before a nonce is taken. `comparison` is the
one place where the log and the chain are compared; everything that can go wrong after the first broadcast is
put right there:

- not mined: broadcast again (dropped from the pool, node restarted, request lost);
- was mined and is not any more (reorganisation, node restarted with older state): opened and broadcast again;
- a nonce that nobody owns below one that waits: filled with an empty transaction to ourselves;
- a nonce spent by a transaction that is not ours: a new nonce, after every block since signing was seen not
  to contain ours, and after `depth` blocks more;
- waiting for long under a fee that is too low: replaced at the same nonce with a higher one, up to the cap.

Any number of processes may share an account through one intent log. Each broadcasts what it has just signed
and written down; comparing log and chain, and all that follows, is for the one that leads, which is asked for
before each comparison and again before its broadcasts. What is *not* survived: an intent log restored from
a backup older than a sent transaction forgets its key.
"""

from ledger.chain.sender.comparison import Pass
from ledger.chain.sender.errors import (
    CallReverted,
    FeeAboveCap,
    InsufficientFunds,
    KeyReused,
    NotMined,
    SenderError,
    TransactionReverted,
    WrongChain,
)
from ledger.chain.sender.fees import Fees
from ledger.chain.sender.intents import Transaction
from ledger.chain.sender.receipts import Log, Receipt
from ledger.chain.sender.sender import Sender

__all__ = [
    "CallReverted",
    "FeeAboveCap",
    "Fees",
    "InsufficientFunds",
    "KeyReused",
    "Log",
    "NotMined",
    "Pass",
    "Receipt",
    "Sender",
    "SenderError",
    "Transaction",
    "TransactionReverted",
    "WrongChain",
]
