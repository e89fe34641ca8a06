"""The sample contract, compiled and bound as the real ones are, in a project of its own."""

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ledger.chain import bindgen
from ledger.chain.compiler import ROOT, Compilation, compile_contracts

SAMPLE = Path(__file__).parent / "sample"


def project(folder: Path, *sources: Path) -> Path:
    """A project with these contracts and our settings."""
    (folder / "contracts").mkdir(parents=True)
    for name in ("foundry.toml", "package.json", "package-lock.json"):
        shutil.copy(ROOT / name, folder)
    for name in ("node_modules", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    for source in sources:
        shutil.copy(source, folder / "contracts")
    return folder


@pytest.fixture(scope="session")
def sample_compilation(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    return compile_contracts(project(tmp_path_factory.mktemp("sample") / "root", SAMPLE / "Sample.sol"))


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory, sample_compilation: Compilation) -> Iterator[ModuleType]:
    """The generated package."""
    folder = tmp_path_factory.mktemp("bindings")
    bindgen.write(bindgen.generate(sample_compilation), folder / "sample_bindings")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("sample_bindings")
    sys.path.remove(str(folder))


@pytest.fixture
def high_recursion_limit() -> Iterator[None]:
    """As py_ecc sets it when eth_account is imported."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(limit)
