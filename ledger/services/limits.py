"""How often somebody may ask."""

from typing import Protocol


class RateLimited(Exception):
    """Too many questions at once; `headers` says after how many seconds to ask again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many requests: try again in {seconds} s")
        self.headers = {"Retry-After": str(seconds)}


class Limiter(Protocol):
    def take(self, who: str) -> None:
        """Counts one question of `who`. Raises RateLimited."""
        ...
