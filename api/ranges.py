"""Conditional and range requests, RFC 9110 sections 13 and 14: one range of bytes, or all of them."""

import re
from typing import Final

_RANGE: Final = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class RangeNotSatisfiable(Exception):
    """The range asked for lies behind the end."""

    def __init__(self, size: int) -> None:
        super().__init__(f"there are {size} bytes")
        self.headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}


def matches(if_none_match: str, etag: str) -> bool:
    """Whether the caller has what `etag` names."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) of `size` that `header` asks for; None for all of them.

    All of them is also the answer to several ranges or to anything not understood, as the standard allows.
    Raises RangeNotSatisfiable.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return start, end


def select(
    header: str | None, if_range: str | None, etag: str, size: int
) -> tuple[int, int, int, dict[str, str]]:
    """Start, end, status and headers of the answer to a range, if there is one and it is of this `etag`.

    Raises RangeNotSatisfiable.
    """
    part = parse(header, size) if if_range in (None, etag) else None
    start, end = part or (0, size)
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return start, end, 206 if part else 200, headers
