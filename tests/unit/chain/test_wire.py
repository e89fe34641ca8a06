"""HTTP as servers send it, in pieces of any size."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from ledger.chain.wire import AnswerTooLarge, HungUp, Wire, WireError


@asynccontextmanager
async def server(
    *answers: bytes, pieces: int = 1 << 20, hang_up: bool = False, lives: int = 1 << 20
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Gives the answers in turn, on as many connections as are opened; what it was asked.

    After `lives` answers a connection ends when it is asked again, with an answer that is then not given.
    """
    asked: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered = 0
        while left:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            if answered == lives:
                break
            answered += 1
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            asked.append(head + await reader.readexactly(length))
            answer = left.pop(0)
            if not answer:
                break
            for at in range(0, len(answer), pieces):
                writer.write(answer[at : at + pieces])
                await writer.drain()
                await asyncio.sleep(0)
            if hang_up:
                break
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/x?y=1", asked
    finally:
        listening.close()


def wire(url: str, limit: int = 1000) -> Wire:
    return Wire(URL(url), limit=limit, timeout=5, connect_timeout=2)


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\n\r\n"


@pytest.mark.parametrize("pieces", [1, 7, 1 << 20])
async def test_answers_follow_each_other_on_one_connection(pieces: int) -> None:
    async with server(LENGTH, CHUNKED, LENGTH, pieces=pieces) as (url, asked):
        to = wire(url)
        assert [await to.post(b"question") for _ in range(3)] == [(200, b"hello")] * 3
        assert asked[0].startswith(b"POST /x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        assert asked[0].endswith(b"\r\n\r\nquestion")
        to.close()


async def test_a_body_may_last_until_the_server_hangs_up() -> None:
    async with server(b"HTTP/1.1 503 Busy\r\n\r\nno", LENGTH, hang_up=True) as (url, _):
        to = wire(url)
        assert await to.post(b"") == (503, b"no")
        assert await to.post(b"") == (200, b"hello")
        to.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhe",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"SSH-2.0\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        LENGTH + LENGTH,
        b"",
    ],
)
async def test_threat_S15_what_is_no_answer_is_none(answer: bytes) -> None:
    async with server(answer, hang_up=True) as (url, _):
        to = wire(url)
        with pytest.raises(WireError):
            await to.post(b"")
        to.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + bytes(1001) + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" + bytes(100_000),
    ],
)
async def test_threat_S15_an_answer_has_a_limit(answer: bytes) -> None:
    async with server(answer) as (url, _):
        to = wire(url)
        with pytest.raises(AnswerTooLarge):
            await to.post(b"")
        to.close()


async def test_a_name_and_password_of_the_address_are_sent() -> None:
    async with server(LENGTH) as (url, asked):
        to = wire(url.replace("http://", "http://user:secret@"))
        await to.post(b"")
        assert b"Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in asked[0]
        assert b"secret@" not in asked[0]
        to.close()


async def test_threat_S15_a_kept_connection_that_the_server_ends_is_replaced_once() -> None:
    async with server(LENGTH, LENGTH, LENGTH, lives=1) as (url, asked):
        to = wire(url)
        for _ in range(2):
            assert await to.post(b"question", again=True) == (200, b"hello")
        assert len(asked) == 2
        with pytest.raises(HungUp):  # what is not safe twice is not sent twice
            await to.post(b"question")
        assert len(asked) == 2
        to.close()


async def test_threat_S15_a_server_that_only_hangs_up_is_asked_twice_at_most() -> None:
    async with server(LENGTH, b"", b"", b"", lives=1) as (url, asked):
        to = wire(url)
        await to.post(b"", again=True)
        with pytest.raises(HungUp):
            await to.post(b"", again=True)
        assert len(asked) == 2
        with pytest.raises(HungUp):  # a new connection is no kept one
            await to.post(b"", again=True)
        assert len(asked) == 3
        to.close()


async def test_threat_S15_half_an_answer_is_not_asked_for_again() -> None:
    async with server(LENGTH, LENGTH[:9]) as (url, asked):
        to = wire(url)
        await to.post(b"", again=True)
        with pytest.raises(WireError):
            await to.post(b"", again=True)
        assert len(asked) == 2
        to.close()
