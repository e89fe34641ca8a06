"""What to pay per gas."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ledger.chain.sender.errors import FeeAboveCap

#: Nodes refuse a replacement that does not raise both fees by a tenth; an eighth is safe with all of them.
RAISE: Final = Fraction(9, 8)


@dataclass(frozen=True, slots=True)
class Fees:
    """What to pay per gas, in wei: at most `cap`, of which `tip` to the validator. `Fees()` is for free
    chains.

    Explicit, since nodes differ in what they suggest and some suggest nothing.
    """

    tip: int = 0
    cap: int = 0

    def offer(self, base_fee: int) -> tuple[int, int]:
        """(max fee, tip) that stays good while the base fee doubles. Raises FeeAboveCap."""
        if base_fee + self.tip > self.cap:
            raise FeeAboveCap(f"the chain asks {base_fee} and we tip {self.tip} wei per gas; cap {self.cap}")
        return min(self.cap, 2 * base_fee + self.tip), self.tip

    def within(self, base_fee: int) -> tuple[int, int]:
        """(max fee, tip) as `offer`, or the cap when that is too little: for what has to be signed now."""
        return min(self.cap, 2 * base_fee + self.tip), min(self.cap, self.tip)

    def raised(self, max_fee: int, tip: int, base_fee: int) -> tuple[int, int] | None:
        """(max fee, tip) that replaces a transaction with those given; None when the cap forbids it."""
        lowest_tip = _ceil(tip * RAISE)
        lowest = max(_ceil(max_fee * RAISE), base_fee + lowest_tip)
        if lowest > self.cap or max_fee == base_fee == 0:
            return None
        return min(self.cap, max(lowest, 2 * base_fee + lowest_tip)), lowest_tip


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
