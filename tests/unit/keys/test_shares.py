"""Shares of data keys: made in every place, believed when destroyed in one."""

import asyncio
import os
from pathlib import Path

import pytest

from ledger.crypto.seal import DepositContext
from ledger.keys import Cost, CustodyUnavailable, LocalKeyStore, new_data_key, wrap_aad
from ledger.keys.shares import DataKeys, FolderShares, KeyErased

ONE, TWO = b"\x01" * 32, b"\x02" * 32


def overwrite(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    return [tmp_path / name for name in ("here", "there", "far")]


def files(places: list[Path]) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()}


async def test_R13_a_share_is_in_every_place_and_read_from_any(places: list[Path]) -> None:
    shares = FolderShares(places)
    made = await asyncio.gather(*(FolderShares(places).make(ONE) for _ in range(8)))
    assert len(set(made)) == 1  # whoever came first
    assert await shares.make(TWO) != made[0]
    assert len(files(places)) == 6
    for path in files(places):
        assert os.stat(path).st_mode & 0o777 == 0o600  # noqa: PTH116
    for place in places:
        assert await FolderShares([place]).find(ONE) == made[0]
    for path in list(files(places))[:2]:  # lost, and damaged
        overwrite(path, files(places)[path][:-1])
    assert await shares.find(ONE) == made[0]
    with pytest.raises(CustodyUnavailable):
        await shares.find(b"\x03" * 32)


async def test_R23_destroyed_is_destroyed_in_every_place_and_believed_from_one(places: list[Path]) -> None:
    shares = FolderShares(places)
    share = await shares.make(ONE)
    before = files(places)
    for _ in range(2):
        await shares.destroy(ONE)
    assert not any(share in content for content in files(places).values())
    for path in list(before)[:2]:  # two places come back from a backup that there should not be
        overwrite(path, before[path])
    for asked in (shares.find, shares.make):
        with pytest.raises(KeyErased):
            await asked(ONE)


async def test_R23_not_destroyed_before_every_place_says_so(places: list[Path]) -> None:
    shares = FolderShares(places)
    await shares.make(ONE)
    away = places[2].rename(places[2].with_name("away"))
    places[2].write_text("not mounted")
    with pytest.raises(CustodyUnavailable):
        await shares.destroy(ONE)
    with pytest.raises(KeyErased):  # fails closed meanwhile
        await shares.find(ONE)
    with pytest.raises(CustodyUnavailable):
        await shares.make(TWO)
    places[2].unlink()
    away.rename(places[2])
    await shares.destroy(ONE)
    assert all(path.endswith(".erased") for path in files(places) if ONE.hex() in path)


async def test_R23_what_custody_opens_without_the_share_is_not_the_key(
    places: list[Path], tmp_path: Path
) -> None:
    custody = LocalKeyStore.create(
        tmp_path / "keys", "words", cost=Cost(memory_kib=64, iterations=1, lanes=1)
    )
    keys, context, key = DataKeys(custody, FolderShares(places)), deposit(ONE), new_data_key()
    wrapped = await keys.hold(key, context)
    assert await keys.open(wrapped, context) == key
    half = await custody.unwrap(wrapped, wrap_aad(context))
    assert half != key
    assert not any(key in content or half in content for content in files(places).values())
    await keys.erase(ONE)
    with pytest.raises(KeyErased):
        await keys.open(wrapped, context)
    with pytest.raises(KeyErased):
        await keys.hold(key, context)


def deposit(deposit_id: bytes) -> DepositContext:
    return DepositContext(1337, b"\xaa" * 20, b"\xbb" * 20, deposit_id)
