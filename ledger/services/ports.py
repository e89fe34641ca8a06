"""What every use case needs from outside; what only one needs stands next to it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

Repository = TypeVar("Repository", covariant=True)

Begin = Callable[[], AbstractAsyncContextManager[Repository]]
"""Opens a repository for one transaction, which commits when the block ends well, or for one snapshot."""

Clock = Callable[[], float]
"""Unix seconds."""
