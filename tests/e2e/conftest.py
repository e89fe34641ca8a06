"""A whole exchange as `socai up` runs it, and the command as people type it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SOCAI = Path(sys.executable).parent / "socai"

STARTED_WITHIN = 180
"""Seconds. 8 on a machine of one's own; shared ones are slower by what others do."""


@dataclass
class Answer:
    """`code`: the exit code; `facts`: the JSON that was printed."""

    code: int
    facts: dict[str, Any]
    errors: str


@dataclass
class Local:
    """One exchange on this machine, in `folder`."""

    folder: Path
    port: int = field(default_factory=lambda: free_port())
    rpc_port: int = field(default_factory=lambda: free_port())
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Returns the seconds until it is up."""
        started = time.monotonic()
        with (self.folder / "up.log").open("ab") as log:
            arguments = ["up", "--port", str(self.port), "--rpc-port", str(self.rpc_port)]
            self.process = subprocess.Popen(
                [SOCAI, "--data", self.folder, "--json", *arguments], stdout=log, stderr=log
            )
        (self.folder / "running.json").unlink(missing_ok=True)
        while not (self.folder / "running.json").exists():
            assert self.process.poll() is None, (self.folder / "up.log").read_text()
            if time.monotonic() > started + STARTED_WITHIN:
                self.stop()
                raise AssertionError((self.folder / "up.log").read_text())
            time.sleep(0.05)
        return time.monotonic() - started

    def stop(self, sign: signal.Signals = signal.SIGINT) -> int:
        """Returns the exit status."""
        assert self.process is not None
        self.process.send_signal(sign)
        return self.process.wait(30)

    def __call__(self, *arguments: object, name: str = "buyer", env: dict[str, str] | None = None) -> Answer:
        done = self.run("--json", "--as", name, *arguments, env=env)
        facts = json.loads(done.stdout) if done.stdout else {}
        return Answer(done.returncode, facts, done.stderr)

    def run(self, *arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SOCAI, "--data", self.folder, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | (env or {}),
            timeout=120,
        )

    def popen(self, *arguments: object, name: str = "buyer") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [SOCAI, "--data", self.folder, "--json", "--as", name, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    local = Local(tmp_path_factory.mktemp("exchange"))
    local.start()
    yield local
    local.stop()
