"""What every custodian must do, whichever it is."""

import asyncio
import traceback

import aiohttp
import botocore.session
import pytest

from ledger.crypto.seal import DepositContext
from ledger.keys import (
    BadWrappedKey,
    CustodyError,
    CustodyUnavailable,
    SecretFileMissing,
    UnknownKeyVersion,
    UnwrapFailed,
    new_data_key,
    wrap_aad,
)
from ledger.keys.choice import BadCustodyAddress, open_custody
from tests.integration.keys.conftest import Case

AAD = wrap_aad(DepositContext(1337, b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 32))
OTHER = wrap_aad(DepositContext(1337, b"\xaa" * 20, b"\xbb" * 20, b"\xcd" * 32))


async def test_R12_what_is_wrapped_opens_here_and_after_a_restart(case: Case) -> None:
    keys = [new_data_key() for _ in range(16)]
    wrapped = await asyncio.gather(*(case.custody.wrap(key, AAD) for key in keys))
    assert await asyncio.gather(*(case.custody.unwrap(one, AAD) for one in wrapped)) == keys
    assert await asyncio.gather(*(case.again().unwrap(one, AAD) for one in wrapped[:3])) == keys[:3]
    current = await case.custody.current_version()
    assert {case.custody.version(one) for one in wrapped} == {current}
    assert not any(key in one for key in keys for one in wrapped)
    assert await case.custody.rewrap(wrapped[0], AAD) == wrapped[0]
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        await case.custody.wrap(keys[0][:-1], AAD)


async def test_custodians_of_one_process_may_be_asked_at_once(case: Case) -> None:
    key, custodians = new_data_key(), [case.again() for _ in range(8)]
    for _ in range(5):
        wrapped = await asyncio.gather(*(custody.wrap(key, AAD) for custody in custodians))
        opened = await asyncio.gather(
            *(custody.unwrap(one, AAD) for custody, one in zip(custodians, wrapped, strict=True))
        )
        assert set(opened) == {key}


async def test_threat_S07_a_wrapped_key_opens_for_its_deposit_and_custodian_only(case: Case) -> None:
    wrapped = await case.custody.wrap(new_data_key(), AAD)
    for opening in (case.custody.unwrap, case.custody.rewrap):
        with pytest.raises(UnwrapFailed):
            await opening(wrapped, OTHER)
    if case.foreign is not None:
        with pytest.raises(CustodyError):
            await case.foreign.unwrap(wrapped, AAD)
    for bad in (b"", b"\0", wrapped[: len(wrapped) // 4], b"\x09" + wrapped[1:], bytes(53)):
        with pytest.raises(BadWrappedKey):
            case.custody.version(bad)
        with pytest.raises(BadWrappedKey):
            await case.custody.unwrap(bad, AAD)


async def test_threat_S07_a_wrapped_key_with_any_part_changed_is_refused(case: Case) -> None:
    wrapped = await case.custody.wrap(new_data_key(), AAD)
    await case.custody.rotate()  # so that a version changed may be one that exists
    step = max(1, len(wrapped) // 40)
    for place in [*range(0, len(wrapped), step), len(wrapped) - 2]:
        damaged = bytearray(wrapped)
        damaged[place] ^= 1
        with pytest.raises(CustodyError):
            await case.custody.unwrap(bytes(damaged), AAD)


async def test_R13_rotation_moves_keys_and_keeps_old_ones_until_destroyed(case: Case) -> None:
    key = new_data_key()
    old = await case.custody.wrap(key, AAD)
    before, after = case.custody.version(old), await case.custody.rotate()
    assert before != after == await case.custody.current_version() == await case.again().current_version()
    assert await case.custody.unwrap(old, AAD) == key
    new = await case.custody.rewrap(old, AAD)
    assert case.custody.version(new) == after
    assert await case.custody.rewrap(new, AAD) == new
    if case.destroy is None:
        return
    case.destroy(before)
    for custody in (case.custody, case.again()):
        with pytest.raises(UnknownKeyVersion):
            await custody.unwrap(old, AAD)
        with pytest.raises(UnknownKeyVersion):
            await custody.rewrap(old, AAD)
        assert await custody.unwrap(new, AAD) == key


async def test_threat_S10_out_of_reach_is_said_without_a_secret(case: Case) -> None:
    key = new_data_key()
    wrapped = await case.custody.wrap(key, AAD)
    shown = [repr(case.custody), str(case.lost)]
    for call in (case.lost.wrap(key, AAD), case.lost.current_version(), case.lost.rotate()):
        with pytest.raises((CustodyUnavailable, SecretFileMissing)) as refused:
            await call
        shown.append("".join(traceback.format_exception(refused.value)))
    for text in shown:
        assert case.secret not in text
        assert key.hex() not in text
        assert wrapped.hex() not in text


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("local", "starts with"),
        ("vault+http://vault.example/transit/socai", "TLS"),
        ("vault+https://vault.example/socai", "is like"),
        ("vault+https://user:pass@vault.example/transit/socai", "is like"),
        ("pkcs11:token=socai?module-path=/x", "is like"),
        ("pkcs11:token=socai;object=k", "is like"),
        ("aws-kms:socai", "is like"),
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(address: str, why: str) -> None:
    with pytest.raises(BadCustodyAddress, match=why) as refused:
        open_custody(address, "the secret")
    assert "secret" not in str(refused.value)
    assert "user:pass" not in str(refused.value)


async def test_a_wrong_secret_is_not_a_wrong_key(softhsm: str) -> None:
    custody = open_custody(softhsm.replace("token=socai", "token=unopened").format("none"), "999999")
    with pytest.raises(CustodyUnavailable, match="PinIncorrect"):
        await custody.current_version()


async def test_R23_a_key_that_aws_deleted_opens_nothing(aws: str) -> None:
    client = botocore.session.get_session().create_client("kms")
    client.create_alias(AliasName="alias/gone", TargetKeyId=client.create_key()["KeyMetadata"]["KeyId"])
    custody = open_custody("aws-kms:alias/gone", "")
    wrapped = await custody.wrap(new_data_key(), AAD)
    async with aiohttp.ClientSession() as http:
        await (await http.post(f"{aws}/moto-api/reset")).read()
    with pytest.raises(UnknownKeyVersion):
        await custody.unwrap(wrapped, AAD)
