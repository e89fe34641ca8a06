"""The process that opens the key file, so that the service does not: `python -m ledger.keys.agent`.

`LocalKeyStore` starts one and asks it over a pipe, one line of JSON each way, bytes in hexadecimal; it ends
when the pipe does. The agent itself keeps the passphrase, and the key that Argon2id makes of it: to derive
that at each call would take 0.1 s and 64 MiB. It never reads a master key. Every question is answered by a
child that it forks, which opens the file, answers and ends; with it end all the copies of the master key that
Python and OpenSSL made of it, which no program can be sure to wipe.

So a master key is in memory for one call, in a process that lives for that call, parses nothing that came
over a network, and leaves no core dump. It does not stand up to whoever can trace processes of this user or
read the passphrase where the service got it from: against those there is a KMS.
"""

from __future__ import annotations

import contextlib
import ctypes
import hmac
import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ledger.keys import secretfile, wrapping
from ledger.keys.port import CustodyError
from ledger.keys.secretfile import BadSecret, Opener, SecretFileDamaged, SecretFileError, WrongPassphrase

_SET_DUMPABLE: Final = 4  # prctl(2)


def main() -> None:
    _harden()
    first = json.loads(sys.stdin.buffer.readline())
    file = Opener(Path(first["path"]), first["passphrase"])
    for line in sys.stdin.buffer:
        with contextlib.suppress(SecretFileError):  # the child comes to the same, and says so
            file.prepare()
        child = os.fork()
        if child == 0:
            os.write(sys.stdout.fileno(), _answer(file, json.loads(line)))
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            os.write(sys.stdout.fileno(), _unavailable("its child was killed"))


def _answer(file: Opener, asked: dict[str, Any]) -> bytes:
    try:
        answer = {"answer": _OPERATIONS[asked.pop("do")](file, **asked)}
    except (CustodyError, SecretFileError) as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    except Exception as error:  # the message might hold anything
        return _unavailable(type(error).__name__)
    return json.dumps(answer).encode() + b"\n"


def _unavailable(why: str) -> bytes:
    return (
        json.dumps({"error": "CustodyUnavailable", "message": f"the key agent failed: {why}"}).encode()
        + b"\n"
    )


def _open(file: Opener) -> dict[str, Any]:
    secrets = file.secrets()
    if not wrapping.current(secrets):
        raise SecretFileDamaged(f"{file.path} holds no master key")
    return {name: value.hex() for name, value in secrets.items() if not name.startswith(wrapping.MASTER)}


def _current(file: Opener) -> int:
    return wrapping.current(file.secrets())


def _wrap(file: Opener, key: str, aad: str) -> str:
    return wrapping.wrap(file.secrets(), bytes.fromhex(key), bytes.fromhex(aad)).hex()


def _unwrap(file: Opener, key: str, aad: str) -> str:
    return wrapping.unwrap(file.secrets(), bytes.fromhex(key), bytes.fromhex(aad)).hex()


def _rewrap(file: Opener, key: str, aad: str) -> str:
    return wrapping.rewrap(file.secrets(), bytes.fromhex(key), bytes.fromhex(aad)).hex()


def _rotate(file: Opener) -> int:
    def add(secrets: dict[str, bytes]) -> None:
        secrets[f"{wrapping.MASTER}{wrapping.current(secrets) + 1}"] = os.urandom(64)

    return wrapping.current(secretfile.update(file.path, file.passphrase, add))


def _destroy(file: Opener, version: str, passphrase: str) -> None:
    def drop(secrets: dict[str, bytes]) -> None:
        if version == str(wrapping.current(secrets)):
            raise BadSecret("the current master key is in use: rotate and re-wrap first")
        if secrets.pop(f"{wrapping.MASTER}{version}", None) is None:
            raise BadSecret(f"there is no master key version {version[:20]}")

    secretfile.update(file.path, _told(file, passphrase), drop)


def _put(file: Opener, name: str, value: str, passphrase: str) -> None:
    def add(secrets: dict[str, bytes]) -> None:
        if name in secrets or name.startswith(wrapping.MASTER):
            raise BadSecret(f"the name {name[:80]!r} is taken")
        secrets[name] = bytes.fromhex(value)

    secretfile.update(file.path, _told(file, passphrase), add)


def _told(file: Opener, passphrase: str) -> str:
    """What cannot be undone is asked for with the passphrase, by whoever wants it."""
    if not hmac.compare_digest(secretfile.normal(passphrase), secretfile.normal(file.passphrase)):
        raise WrongPassphrase(f"this passphrase does not open {file.path}")
    return passphrase


_OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "open": _open,
    "current": _current,
    "wrap": _wrap,
    "unwrap": _unwrap,
    "rewrap": _rewrap,
    "rotate": _rotate,
    "destroy": _destroy,
    "put": _put,
}


def _harden() -> None:
    """No core dump, and on Linux no tracing by other processes of the same user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    main()
