"""The page: the files that `scripts/setup` built from api/web, served at `/`.

Assets carry a hash of their content in their name and never change; index.html names the newest ones.
"""

import gzip
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

BUILT: Final = Path(__file__).parent / "web" / "dist"
COMPRESSED: Final = ("text/", "application/json", "image/svg+xml")
FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    compressed: bytes | None
    media_type: str


def policy(rpc_url: str | None) -> str:
    """Nothing but our own files, no inline script, no string that becomes one; the chain may be asked."""
    connect = " ".join(["'self'", *([] if rpc_url is None else [rpc_url])])
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types svelte-trusted-html socai-worker",
        )
    )


def router(rpc_url: str | None, folder: Path = BUILT) -> APIRouter:
    """Answers for every built file; 404 for all when there is none."""
    files = {str(path.relative_to(folder)): _read(path) for path in sorted(folder.rglob("[!.]*.*"))}
    headers = {"Content-Security-Policy": policy(rpc_url), "Vary": "Accept-Encoding"}
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def index(request: Request) -> Response:
        return _answer(request, files.get("index.html"), headers | {"Cache-Control": "no-cache"})

    @routes.get("/worker.js")
    async def worker(request: Request) -> Response:
        return _answer(request, files.get("worker.js"), headers | {"Cache-Control": "no-cache"})

    @routes.get("/assets/{name}")
    async def asset(request: Request, name: str) -> Response:
        return _answer(request, files.get(f"assets/{name}"), headers | {"Cache-Control": FOREVER})

    return routes


def _read(path: Path) -> File:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    body = path.read_bytes()
    return File(body, gzip.compress(body, mtime=0) if media_type.startswith(COMPRESSED) else None, media_type)


def _answer(request: Request, file: File | None, headers: dict[str, str]) -> Response:
    if file is None:
        raise HTTPException(404)
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            file.compressed, media_type=file.media_type, headers=headers | {"Content-Encoding": "gzip"}
        )
    return Response(file.body, media_type=file.media_type, headers=headers)
