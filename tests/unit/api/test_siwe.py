"""EIP-4361: every rule of the grammar and every check, each seen from the side that must fail."""

import dataclasses

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_defunct

from ledger.domain import signature, siwe
from ledger.domain.siwe import Message, RelyingParty, parse, seconds

EIP_EXAMPLE = """\
{origin} wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

I accept the ExampleOrg Terms of Service: https://example.com/tos

URI: https://example.com/login
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://example.com/my-web2-claim.json"""

FULL = Message(
    scheme="https",
    domain="data.example:8443",
    address="0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
    statement="Sign in to Socai.",
    uri="https://data.example:8443/v1",
    chain_id=84532,
    nonce="0123456789abcdef",
    issued_at="2026-11-22T00:00:00Z",
    expiration_time="2026-11-22T00:10:00Z",
    not_before="2026-11-21T23:59:00Z",
    request_id="a-1",
    resources=("https://data.example/terms", "urn:isbn:0451450523"),
)
PARTY = RelyingParty(domain="data.example:8443", uri="https://data.example:8443/v1", chain_id=84532)
NOW = seconds("2026-11-22T00:05:00Z")


@pytest.mark.parametrize(
    ("origin", "scheme", "domain"),
    [
        ("example.com", None, "example.com"),
        ("example.com:3388", None, "example.com:3388"),
        ("https://example.com", "https", "example.com"),
    ],
)
def test_the_examples_of_the_standard(origin: str, scheme: str | None, domain: str) -> None:
    text = EIP_EXAMPLE.format(origin=origin)
    message = parse(text)
    assert (message.scheme, message.domain, message.chain_id) == (scheme, domain, 1)
    assert message.resources is not None
    assert message.resources[1] == "https://example.com/my-web2-claim.json"
    assert str(message) == text


OPTIONAL = ["scheme", "statement", "expiration_time", "not_before", "request_id", "resources"]


@pytest.mark.parametrize("left_out", [*([name] for name in OPTIONAL), OPTIONAL])
def test_optional_fields_may_be_left_out(left_out: list[str]) -> None:
    message = dataclasses.replace(FULL, **dict.fromkeys(left_out))  # type: ignore[arg-type]
    assert parse(str(message)) == message


@pytest.mark.parametrize("empty", [{"statement": ""}, {"resources": ()}, {"request_id": ""}])
def test_empty_is_not_absent(empty: dict[str, object]) -> None:
    message = dataclasses.replace(FULL, **empty)  # type: ignore[arg-type]
    assert parse(str(message)) == message


@pytest.mark.parametrize(
    "domain",
    ["user@data.example", "[2001:db8::1]:8443", "[::]", "[::ffff:192.0.2.1]", "[v1.a:b]", "127.0.0.1:80"],
)
def test_any_authority_is_a_domain(domain: str) -> None:
    assert parse(str(dataclasses.replace(FULL, domain=domain))).domain == domain


@pytest.mark.parametrize(
    "tampered",
    [
        {"scheme": "1https"},
        {"scheme": ""},
        {"domain": "data.example/path"},
        {"domain": "data example"},
        {"domain": "[2001:db8::1::2]"},
        {"domain": "[1:2:3:4:5:6:7:8:9]"},
        {"domain": "[::256.0.0.1]"},
        {"domain": "data.example:port"},
        {"address": "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"},
        {"address": "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756CC2"},
        {"address": "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc"},
        {"address": "C02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"},
        {"statement": "two\nlines"},
        {"statement": "Đăng nhập"},
        {"statement": "50%"},
        {"uri": "/relative"},
        {"uri": "https://data.example/a b"},
        {"uri": "https://data.example/%zz"},
        {"chain_id": -1},
        {"nonce": "1234567"},
        {"nonce": "12345678-"},
        {"issued_at": "2026-11-22"},
        {"issued_at": "2026-11-22 00:00:00Z"},
        {"issued_at": "2026-11-22T00:00:00"},
        {"issued_at": "2026-02-29T00:00:00Z"},
        {"issued_at": "2026-13-01T00:00:00Z"},
        {"issued_at": "2026-11-22T24:00:00Z"},
        {"issued_at": "2026-11-22T00:60:00Z"},
        {"issued_at": "2026-11-22T00:00:60Z"},
        {"issued_at": "2026-11-22T00:00:00+24:00"},
        {"issued_at": "٢٠٢٦-11-22T00:00:00Z"},
        {"expiration_time": "soon"},
        {"not_before": "soon"},
        {"request_id": "a b"},
        {"request_id": "a/b"},
        {"resources": ("relative",)},
        {"resources": ("https://ok.example", "")},
    ],
    ids=str,
)
def test_a_field_outside_the_grammar_is_refused(tampered: dict[str, object]) -> None:
    message = dataclasses.replace(FULL, **tampered)  # type: ignore[arg-type]
    with pytest.raises(siwe.NotSiwe):
        parse(str(message))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Version: 1", "Version: 2"),
        ("Version: 1", "version: 1"),
        ("URI: ", "URI:"),
        ("Nonce: ", "Nonce:  "),
        ("\nRequest ID: a-1", ""),
        ("account:\n", "account:\r\n"),
        ("wants you", "Wants you"),
        ("Chain ID: 84532\nNonce: 0123456789abcdef", "Nonce: 0123456789abcdef\nChain ID: 84532"),
        ("\n\nSign in", "\nSign in"),
    ],
)
def test_the_frame_is_exact(old: str, new: str) -> None:
    text = str(FULL)
    assert old in text
    tampered = text.replace(old, new, 1)
    if "Request ID" in old:
        assert parse(tampered).request_id is None
    else:
        with pytest.raises(siwe.NotSiwe):
            parse(tampered)


@pytest.mark.parametrize("text", ["", "\n", str(FULL) + "\n", " " + str(FULL), str(FULL) + "x" * 4096])
def test_nothing_stands_before_or_after(text: str) -> None:
    with pytest.raises(siwe.NotSiwe):
        parse(text)


def test_a_message_that_fits_passes() -> None:
    FULL.check(PARTY, now=NOW)
    dataclasses.replace(FULL, scheme=None).check(PARTY, now=NOW)


@pytest.mark.parametrize(
    ("tampered", "error"),
    [
        ({"domain": "evil.example"}, siwe.WrongDomain),
        ({"domain": "data.example"}, siwe.WrongDomain),
        ({"domain": "DATA.example:8443"}, siwe.WrongDomain),
        ({"scheme": "http"}, siwe.WrongScheme),
        ({"uri": "https://data.example:8443/v2"}, siwe.WrongUri),
        ({"chain_id": 1}, siwe.WrongChain),
        ({"issued_at": "2026-11-22T00:06:01Z"}, siwe.NotYetValid),
        ({"not_before": "2026-11-22T00:06:01Z"}, siwe.NotYetValid),
        ({"expiration_time": "2026-11-22T00:05:00Z"}, siwe.Expired),
        ({"expiration_time": "2026-11-22T07:05:00+07:00"}, siwe.Expired),
    ],
    ids=str,
)
def test_threat_S2_a_message_for_somebody_or_some_time_else(
    tampered: dict[str, object], error: type[siwe.SiweError]
) -> None:
    message = parse(str(dataclasses.replace(FULL, **tampered)))  # type: ignore[arg-type]
    with pytest.raises(error):
        message.check(dataclasses.replace(PARTY, skew=60), now=NOW)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59z", -1),
        ("2000-02-29T12:00:00.999Z", 951_825_600),
        ("2026-11-22t07:00:00+07:00", 1_795_305_600),
        ("2016-12-31T23:59:60Z", 1_483_228_800),
        ("9999-12-31T23:59:59-00:00", 253_402_300_799),
    ],
)
def test_times_are_unix_seconds(time: str, expected: int) -> None:
    assert seconds(time) == expected


KEY = "0x" + "11" * 32
ACCOUNT = Account.from_key(KEY)
ADDRESS = bytes.fromhex(ACCOUNT.address[2:])


def test_an_account_recovers_from_what_its_wallet_signed() -> None:
    text = str(dataclasses.replace(FULL, address=ACCOUNT.address))
    signed = ACCOUNT.sign_message(encode_defunct(text=text))
    assert signature.recover(signature.personal_digest(text), signed.signature) == ADDRESS


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Message)])
def test_threat_S2_every_field_is_under_the_signature(field: str) -> None:
    signed = ACCOUNT.sign_message(encode_defunct(text=str(FULL)))
    other = dataclasses.replace(
        FULL, **{field: 7 if field == "chain_id" else ("urn:x",) if field == "resources" else "x"}
    )
    digest = signature.personal_digest(str(other))
    assert signature.recover(digest, signed.signature) != ADDRESS


def test_threat_S3_the_high_twin_of_a_signature_is_refused() -> None:
    digest = signature.personal_digest("x")
    compact = PrivateKey.from_hex(KEY[2:]).sign_recoverable(digest, hasher=None)
    r, s, v = compact[:32], int.from_bytes(compact[32:64]), compact[64]
    assert signature.recover(digest, r + s.to_bytes(32) + bytes([27 + v])) == ADDRESS
    with pytest.raises(signature.MalleableSignature):
        signature.recover(digest, r + (signature.ORDER - s).to_bytes(32) + bytes([27 + (v ^ 1)]))


@pytest.mark.parametrize("v", [0, 1, 26, 29, 31, 35, 36, 255])
def test_threat_S3_an_odd_v_is_refused(v: int) -> None:
    compact = PrivateKey.from_hex(KEY[2:]).sign_recoverable(b"\x01" * 32, hasher=None)
    with pytest.raises(signature.MalformedSignature):
        signature.recover(b"\x01" * 32, compact[:64] + bytes([v]))


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"\x01" * 64,
        b"\x01" * 66,
        bytes(32) + b"\x01" * 32 + b"\x1b",
        b"\x01" * 32 + bytes(32) + b"\x1b",
        signature.ORDER.to_bytes(32) + b"\x01" * 32 + b"\x1b",
        (5).to_bytes(32) + b"\x01" * 32 + b"\x1b",
    ],
)
def test_threat_S3_no_point_no_account(forged: bytes) -> None:
    with pytest.raises(signature.MalformedSignature):
        signature.recover(b"\x01" * 32, forged)
