"""Runs a program with no network: in a network namespace of its own, or else refusing it sockets."""

import subprocess
import sys
from functools import cache
from pathlib import Path

REFUSING = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"):
        raise OSError("there is no network here")

sys.addaudithook(refuse)
sys.argv = sys.argv[1:]
"""


@cache
def namespace() -> tuple[str, ...]:
    """How this machine lets us have a namespace; nothing when it does not."""
    for prefix in (("unshare", "--net"), ("unshare", "--net", "--map-root-user")):
        try:
            if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
                return prefix
        except FileNotFoundError:
            break
    return ()


def offline(program: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs Python code with arguments, where no network is."""
    told = [sys.executable, "-c", (program if namespace() else REFUSING + program), *map(str, arguments)]
    if not namespace():
        told.insert(3, "-")
    return subprocess.run(
        [*namespace(), *told], capture_output=True, text=True, check=False, cwd=cwd, timeout=60
    )
