"""How long records of decisions are kept (R30)."""

from typing import Final

YEAR: Final = 365 * 86_400 + 86_400 // 4
YEARS: Final = 10
"""What an exchange is held to."""
