"""A file without anything around it, from the server of the service: python -m tests.bench.plain FILE PORT"""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from api.zerocopy import ZeroCopyProtocol
from ledger.objects.stored import ObstoreObjects


def main(path: Path, port: int) -> None:
    app, objects = FastAPI(), ObstoreObjects.local(path.parent)
    length = {"Content-Length": str(path.stat().st_size)}

    @app.get("/")
    async def plain() -> StreamingResponse:
        pieces = (memoryview(piece) async for piece in objects.read(path.name))
        return StreamingResponse(pieces, headers=length, media_type="application/octet-stream")

    uvicorn.run(app, http=ZeroCopyProtocol, port=port, log_level="error")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
