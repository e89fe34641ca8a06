"""The service as a child of `socai up`, which never outlives the next `socai up` on the same folder."""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path


class ChildError(Exception):
    """The service did not start, or one that an earlier run left does not end."""


@contextlib.asynccontextmanager
async def service(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs `python -m api`; ends it at exit. Its log is service.log in the folder.

    The child inherits a lock on service.pid: whoever holds it is the process whose id stands there, so one
    that an earlier, killed `socai up` left behind is found for certain, and ended first. Raises ChildError.
    """
    with (folder / "service.pid").open("a+") as lock, (folder / "service.log").open("ab") as log:
        await _take(lock.fileno(), folder / "service.pid")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api"),
            env=os.environ | settings,
            stdout=log,
            stderr=log,
            pass_fds=[lock.fileno()],
            start_new_session=True,  # a terminal's Ctrl-C is for us, who end it in order
        )
        (folder / "service.pid").write_text(str(process.pid))
        try:
            yield process
        finally:
            await _end(process)


async def _take(lock: int, path: Path) -> None:
    if _locked(lock):
        return
    with contextlib.suppress(ProcessLookupError, ValueError):
        os.kill(int(path.read_text()), signal.SIGTERM)  # noqa: ASYNC240 - a few bytes
    for _ in range(100):
        await asyncio.sleep(0.1)
        if _locked(lock):
            return
    raise ChildError(f"the service that an earlier run left does not end: see {path}")


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
