"""Sign-In with Ethereum messages: EIP-4361, exactly its ABNF.

    message = parse(text)                  # NotSiwe
    message.check(relying_party, now=…)    # another SiweError, one for each field

The nonce is looked up and consumed by whoever issued it; the signature is over the text as received, never
over a rendering of what was understood.
"""

import re
from dataclasses import dataclass
from typing import Final

from eth_utils.address import is_checksum_address

MAX_LENGTH: Final = 4096
"""Longest message read, in characters."""


class SiweError(Exception):
    """The message does not sign anybody in here and now."""


class NotSiwe(SiweError):
    """Not an EIP-4361 message, version 1."""


class WrongDomain(SiweError):
    """Signed for another site."""


class WrongScheme(SiweError):
    """Signed for another scheme of this site."""


class WrongUri(SiweError):
    """Signed for another resource of this site."""


class WrongChain(SiweError):
    """Signed for another chain."""


class NotYetValid(SiweError):
    """Issued, or valid only, in the future."""


class Expired(SiweError):
    """Its expiration time has come."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks for the signature; `skew` is how many seconds the signer's clock may be ahead."""

    domain: str
    uri: str
    chain_id: int
    scheme: str = "https"
    skew: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The fields of a message in the standard's own notation: times are RFC 3339 text."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: str
    scheme: str | None = None
    statement: str | None = None
    expiration_time: str | None = None
    not_before: str | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None

    def __str__(self) -> str:
        lines = [
            f"{self.scheme + '://' if self.scheme is not None else ''}{self.domain}"
            " wants you to sign in with your Ethereum account:",
            self.address,
            "",
            *([] if self.statement is None else [self.statement]),
            "",
            f"URI: {self.uri}",
            "Version: 1",
            f"Chain ID: {self.chain_id}",
            f"Nonce: {self.nonce}",
            f"Issued At: {self.issued_at}",
            *([] if self.expiration_time is None else [f"Expiration Time: {self.expiration_time}"]),
            *([] if self.not_before is None else [f"Not Before: {self.not_before}"]),
            *([] if self.request_id is None else [f"Request ID: {self.request_id}"]),
            *([] if self.resources is None else ["Resources:", *(f"- {uri}" for uri in self.resources)]),
        ]
        return "\n".join(lines)

    def check(self, party: RelyingParty, *, now: float) -> None:
        """Raises unless the message was made for `party` and is valid at `now` (Unix seconds).

        The scheme may be left out (wallets then assume https); where it is given it must be the party's. An
        expiration time counts from its own second on.
        """
        if self.domain != party.domain:
            raise WrongDomain("the message was signed for another domain")
        if self.scheme not in (None, party.scheme):
            raise WrongScheme("the message was signed for another scheme")
        if self.uri != party.uri:
            raise WrongUri("the message was signed for another URI")
        if self.chain_id != party.chain_id:
            raise WrongChain(f"the message was signed for chain {self.chain_id}")
        if seconds(self.issued_at) > now + party.skew:
            raise NotYetValid("the message was issued in the future")
        if self.not_before is not None and seconds(self.not_before) > now + party.skew:
            raise NotYetValid("the message is not valid yet")
        if self.expiration_time is not None and seconds(self.expiration_time) <= now:
            raise Expired("the message has expired")


def parse(text: str) -> Message:
    """`str` of the result is `text` again, but for leading zeros of the chain id. Raises NotSiwe."""
    if len(text) > MAX_LENGTH:
        raise NotSiwe(f"a sign-in message has at most {MAX_LENGTH} characters")
    match = _MESSAGE.fullmatch(text)
    if match is None:
        raise NotSiwe("not an EIP-4361 message")
    if not is_checksum_address(match["address"]):
        raise NotSiwe("the address is not in EIP-55 spelling")
    for time in (match["issued_at"], match["expiration_time"], match["not_before"]):
        if time is not None:
            seconds(time)
    resources = match["resources"]
    return Message(
        scheme=match["scheme"],
        domain=match["domain"],
        address=match["address"],
        statement=match["statement"],
        uri=match["uri"],
        chain_id=int(match["chain_id"]),
        nonce=match["nonce"],
        issued_at=match["issued_at"],
        expiration_time=match["expiration_time"],
        not_before=match["not_before"],
        request_id=match["request_id"],
        resources=None if resources is None else tuple(line[2:] for line in resources.split("\n")[2:]),
    )


def seconds(time: str) -> int:
    """Unix seconds of an RFC 3339 date-time, fractions dropped. Raises NotSiwe if there is no such time."""
    match = _DATE_TIME.fullmatch(time)
    if match is None:
        raise NotSiwe("a time is not in RFC 3339 spelling")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    leap_second = second == 60 and minute == 59
    if not (1 <= month <= 12 and 1 <= day <= lengths[month - 1] and hour < 24 and minute < 60):
        raise NotSiwe("a time does not exist")
    if not (second < 60 or leap_second):
        raise NotSiwe("a time does not exist")
    offset = 0
    if match["sign"]:
        hours, minutes = int(match["hours"]), int(match["minutes"])
        if not (hours < 24 and minutes < 60):
            raise NotSiwe("a time zone does not exist")
        offset = (hours * 60 + minutes) * (-60 if match["sign"] == "-" else 60)
    years = year - 1
    days = years * 365 + years // 4 - years // 100 + years // 400 + sum(lengths[: month - 1]) + day - 1
    return (days - _UNIX_EPOCH) * 86_400 + hour * 3600 + minute * 60 + second - offset


_UNIX_EPOCH: Final = 719_162
"""Days from 0001-01-01 to 1970-01-01."""

_DATE_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))"
)


def _grammar() -> str:
    """The ABNF of EIP-4361 over that of RFC 3986, under the same rule names."""
    sub_delims = r"!$&'()*+,;="
    unreserved = r"A-Za-z0-9._~\-"
    pct_encoded = r"%[0-9A-Fa-f]{2}"
    pchar = rf"(?:[{unreserved}{sub_delims}:@]|{pct_encoded})"
    scheme = r"[A-Za-z][A-Za-z0-9+.\-]*"

    octet = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    ipv4 = rf"{octet}(?:\.{octet}){{3}}"
    h16 = r"[0-9A-Fa-f]{1,4}"
    ls32 = rf"(?:{h16}:{h16}|{ipv4})"
    before = [rf"(?:(?:{h16}:){{0,{most}}}{h16})?::" for most in range(7)]
    ipv6 = "|".join(
        [
            rf"(?:{h16}:){{6}}{ls32}",
            rf"::(?:{h16}:){{5}}{ls32}",
            *(rf"{before[most]}(?:{h16}:){{{4 - most}}}{ls32}" for most in range(5)),
            rf"{before[5]}{h16}",
            before[6],
        ]
    )
    ip_future = rf"[Vv][0-9A-Fa-f]+\.[{unreserved}{sub_delims}:]+"
    reg_name = rf"(?:[{unreserved}{sub_delims}]|{pct_encoded})*"
    userinfo = rf"(?:[{unreserved}{sub_delims}:]|{pct_encoded})*"
    authority = rf"(?:{userinfo}@)?(?:\[(?:{ipv6}|{ip_future})\]|{reg_name})(?::[0-9]*)?"

    segments = rf"(?:/{pchar}*)*"
    hier_part = rf"(?://{authority}{segments}|/(?:{pchar}+{segments})?|{pchar}+{segments}|)"
    tail = rf"(?:{pchar}|[/?])*"
    uri = rf"{scheme}:{hier_part}(?:\?{tail})?(?:\#{tail})?"

    return (
        rf"(?:(?P<scheme>{scheme})://)?(?P<domain>{authority})"
        r" wants you to sign in with your Ethereum account:\n"
        r"(?P<address>0x[0-9A-Fa-f]{40})\n"
        r"\n"
        rf"(?:(?P<statement>[{unreserved}{sub_delims}:/?#\[\]@ ]*)\n)?"
        r"\n"
        rf"URI: (?P<uri>{uri})\n"
        r"Version: 1\n"
        r"Chain ID: (?P<chain_id>[0-9]+)\n"
        r"Nonce: (?P<nonce>[A-Za-z0-9]{8,})\n"
        r"Issued At: (?P<issued_at>[^\n]+)"
        r"(?:\nExpiration Time: (?P<expiration_time>[^\n]+))?"
        r"(?:\nNot Before: (?P<not_before>[^\n]+))?"
        rf"(?:\nRequest ID: (?P<request_id>{pchar}*))?"
        rf"(?P<resources>\nResources:(?:\n- {uri})*)?"
    )


_MESSAGE: Final = re.compile(_grammar())
