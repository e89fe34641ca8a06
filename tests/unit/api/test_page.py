"""How the built page is served."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.types import Message

from api import page


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    def __init__(self, folder: Path, rpc_url: str | None = None) -> None:
        self._app = FastAPI()
        self._app.include_router(page.router(rpc_url, folder))

    async def get(self, path: str, accepts: str = "gzip, br") -> Answer:
        answer = Answer(0, {}, b"")

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            answer.status = message.get("status", answer.status)
            answer.headers |= {name.decode(): value.decode() for name, value in message.get("headers", ())}
            answer.body += message.get("body", b"")

        headers = [(b"accept-encoding", accepts.encode())]
        asked = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
        await self._app(asked, receive, send)
        return answer


@pytest.fixture
def client(tmp_path: Path) -> Client:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>Sổ cái</title>")
    (tmp_path / "assets" / "index-1a2b.js").write_text("start();" * 100)
    (tmp_path / ".stamp").write_text("not for readers")
    return Client(tmp_path, "https://rpc.example")


async def test_assets_are_kept_for_ever_and_the_index_never(client: Client) -> None:
    assert (await client.get("/")).headers["cache-control"] == "no-cache"
    asset = await client.get("/assets/index-1a2b.js")
    assert asset.headers["cache-control"] == page.FOREVER
    assert asset.headers["content-type"].startswith("text/javascript")


async def test_what_is_text_goes_compressed_to_whoever_takes_it(client: Client) -> None:
    packed = await client.get("/assets/index-1a2b.js")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == b"start();" * 100
    plain = await client.get("/assets/index-1a2b.js", accepts="identity")
    assert plain.body == b"start();" * 100
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["/assets/../.stamp", "/.stamp", "/assets/none.js", "//etc/passwd"])
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


async def test_threat_S21_the_policy_lets_no_other_script_run_and_names_the_chain(client: Client) -> None:
    policy = (await client.get("/")).headers["content-security-policy"]
    rules = dict(rule.partition(" ")[::2] for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self' https://rpc.example"
    assert rules["require-trusted-types-for"] == "'script'"
    assert not any(word in policy for word in ("unsafe", "*", "http:"))


async def test_without_a_built_page_there_is_nothing_at_all(tmp_path: Path) -> None:
    assert (await Client(tmp_path / "none").get("/")).status == 404
