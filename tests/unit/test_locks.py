"""What is installed is what was locked, or nothing."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PYTHON = sorted(Path().glob("requirements*.lock"))
NPM = [Path("package-lock.json"), Path("tests/integration/validators/package-lock.json")]
PIN = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z0-9,._-]+\])?==[^ ]+(?: ; [^\\]+)? \\$", re.I)


@pytest.mark.parametrize("lock", PYTHON, ids=str)
def test_threat_S26_each_python_package_is_one_version_with_hashes(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if line.strip() and "#" not in line[:6]]
    pinned = [at for at, line in enumerate(lines) if not line.startswith(" ")]
    assert len(pinned) > 3
    for at in pinned:
        assert PIN.match(lines[at]), lines[at]
        assert re.match(r"    --hash=sha256:[0-9a-f]{64}", lines[at + 1]), lines[at]
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", NPM, ids=str)
def test_threat_S26_each_npm_package_is_one_content(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    installed = {name: one for name, one in packages.items() if "node_modules/" in name and "link" not in one}
    assert len(installed) > 3
    assert [name for name, one in installed.items() if not one["integrity"].startswith("sha512-")] == []
    assert [name for name, one in installed.items() if "resolved" in one] == []


def test_threat_S26_an_altered_package_is_not_installed(tmp_path: Path) -> None:
    locked = re.search(
        r"^idna==(\S+) \\\n(?:    --hash=\S+(?: \\)?\n)+", Path("requirements.lock").read_text(), re.M
    )
    assert locked is not None
    (tmp_path / "lock").write_text(locked[0])
    about = f"idna-{locked[1]}.dist-info"
    with zipfile.ZipFile(tmp_path / f"idna-{locked[1]}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("idna/__init__.py", "altered = True\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: idna\nVersion: {locked[1]}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    command = (sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(tmp_path))
    target = ("--target", str(tmp_path / "installed"), "--require-hashes", "-r", str(tmp_path / "lock"))
    done = subprocess.run((*command, *target), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "installed").exists()
