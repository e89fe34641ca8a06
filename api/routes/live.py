from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from api.deps import CurrentSession, HistoryService, LiveService
from api.errors import documented
from api.routes.history import OVERSEEN, entry_info
from ledger.domain.history import AsOf
from ledger.services.live import ANYBODY, OVERSEERS, Live, TooManySubscribers

router = APIRouter(tags=["events"])

STREAM: Final[dict[str, Any]] = {"text/event-stream": {"schema": {"type": "string"}}}
COMMENT: Final = b":\n\n"
NO_BUFFER: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A reverse proxy shall not hold events back."""


@router.get(
    "/history/stream",
    response_class=StreamingResponse,
    responses=documented(*OVERSEEN, TooManySubscribers)
    | {200: {"description": "Events `entry`, each with its block and log index as id.", "content": STREAM}},
)
async def history_stream(
    current: CurrentSession,
    history: HistoryService,
    live: LiveService,
    last_event_id: Annotated[
        str | None, Header(pattern="^[0-9]{1,18}-[0-9]{1,9}$", description="Goes on behind this entry.")
    ] = None,
) -> StreamingResponse:
    """Every entry once its block is final, as server-sent events; by default from now on."""
    after = None
    if last_event_id is not None:
        block, _, log = last_event_id.partition("-")
        after = int(block), int(log)
    await history.record(current.account, "stream", {} if after is None else {"after": list(after)})
    return _answer(_entries(live, after), live, OVERSEERS)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=documented(TooManySubscribers)
    | {
        200: {
            "description": "Events `listing` for each listing that entries of a block are of, and `block` "
            "with the block's number as id.",
            "content": STREAM,
        }
    },
)
async def events(
    live: LiveService,
    last_event_id: Annotated[
        int | None, Header(ge=0, lt=1 << 53, description="Goes on behind this block, unless long ago.")
    ] = None,
) -> StreamingResponse:
    """New final blocks and the listings that they changed, as server-sent events; by default from now on."""
    return _answer(_blocks(live, last_event_id), live, ANYBODY)


def _answer(events: AsyncIterator[bytes], live: Live, most: int) -> StreamingResponse:
    place = live.subscribed(most)
    place.__enter__()

    async def stream() -> AsyncIterator[bytes]:
        try:
            yield COMMENT
            async for event in events:
                yield event
        finally:
            place.__exit__(None, None, None)

    return StreamingResponse(stream(), media_type="text/event-stream", headers=NO_BUFFER)


async def _entries(live: Live, after: tuple[int, int] | None) -> AsyncIterator[bytes]:
    async for entry in live.history(after):
        if entry is None:
            yield COMMENT
            continue
        info = entry_info(entry, AsOf(entry.block_number, entry.block_hash, entry.block_number))
        place = f"{entry.block_number}-{entry.log_index}"
        yield format_sse_event(event="entry", id=place, data_str=info.model_dump_json())


async def _blocks(live: Live, after: int | None) -> AsyncIterator[bytes]:
    async for block in live.blocks(after):
        if block is None:
            yield COMMENT
            continue
        for listing in block.listings:
            said = f'{{"listing": "{listing}", "block_number": {block.number}}}'
            yield format_sse_event(event="listing", data_str=said)
        said = (
            f'{{"block_number": {block.number}, "block_hash": "0x{block.hash.hex()}", "time": {block.time}}}'
        )
        yield format_sse_event(event="block", id=str(block.number), data_str=said)
