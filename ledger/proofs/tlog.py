"""Transparency logs as C2SP has them: tlog-tiles, tlog-checkpoint, signed-note; trees of RFC 6962, SHA-256.

    checkpoint                      a signed note: origin, size, root
    tile/<L>/<N>[.p/<W>]            W (256 when full) hashes of level 8L from N × 256 on, 32 bytes each
    tile/entries/<N>[.p/<W>]        the entries of tile/0/<N>, each after its length in two bytes, big-endian

Full tiles never change. Whoever has the tiles under a checkpoint makes every proof from them (`proof_tree`);
who reads all entries needs none (`fsck`). Known sizes and roots, such as those anchored on a chain, show that
a log which was rewritten is another, whatever its operator signs now.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.crypto.merkle import EMPTY_ROOT, HASH, RootBuilder, Tree, leaf_hash, node_hash
from ledger.proofs.error import ProofError

WIDTH: Final = 256
"""Hashes in a full tile, whose root is one hash of the level above."""
LARGEST: Final = (1 << 16) - 1
"""Bytes of an entry."""
_ED25519: Final = b"\x01"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_DASH: Final = "— "


class LogError(ProofError):
    """Any refusal of this module; proofs that do not hold are refused by `ledger.crypto.merkle`."""


class BadNote(LogError):
    """Not a signed note, or not one that this key signed."""


class BadCheckpoint(LogError):
    """Not a checkpoint, or one of another log."""


class BadTile(LogError):
    """Not the bytes of a tile or of entries, or of another width."""


class LogMismatch(LogError):
    """The entries are not those the log committed to; the message says from where on."""


class LogShrunk(LogMismatch):
    """The log has fewer entries than it once committed to."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public key of a log by the name it signs under: neither space nor plus."""

    name: str
    key: bytes

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^\s+]+", self.name) or len(self.key) != HASH:
            raise BadNote("a name has neither space nor plus, an Ed25519 key has 32 bytes")

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.key).decode()}"

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """From what `str` gives. Raises BadNote."""
        name, _, rest = text.partition("+")
        found, _, encoded = rest.partition("+")
        key = _base64(encoded)
        verifier = cls(name, key[1:])
        if key[:1] != _ED25519 or found != verifier.id.hex():
            raise BadNote("not an Ed25519 verifier key, or its hash is another")
        return verifier

    def open(self, note: bytes) -> str:
        """The text of a signed note, once this key's signature on it is verified. Raises BadNote."""
        try:
            text, _, signatures = note.decode().rpartition("\n\n")
        except UnicodeDecodeError:
            raise BadNote("a note is UTF-8") from None
        text += "\n"
        if not text.strip() or not signatures.endswith("\n"):
            raise BadNote("a note is text, an empty line, signatures")
        for line in signatures[:-1].split("\n"):
            name, _, encoded = line.removeprefix(_DASH).partition(" ")
            if not line.startswith(_DASH) or not name:
                raise BadNote("a signature begins with a dash and a name")
            blob = _base64(encoded)
            if (name, blob[:4]) == (self.name, self.id):
                try:
                    Ed25519PublicKey.from_public_bytes(self.key).verify(blob[4:], text.encode())
                except InvalidSignature:
                    raise BadNote("the signature does not hold") from None
                return text
        raise BadNote(f"{self.name} did not sign this note")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: `size` entries under `root`."""

    origin: str
    size: int
    root: bytes

    def sign(self, key: Ed25519PrivateKey) -> bytes:
        """The signed note, under the origin's name."""
        text = f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"
        verifier = Verifier(self.origin, key.public_key().public_bytes_raw())
        blob = base64.b64encode(verifier.id + key.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.origin} {blob}\n".encode()

    @classmethod
    def open(cls, note: bytes, verifier: Verifier) -> "Checkpoint":
        """From a note that the log of that name signed. Raises BadNote, BadCheckpoint."""
        lines = verifier.open(note).split("\n")
        if len(lines) < 4 or lines[0] != verifier.name or not _NUMBER.fullmatch(lines[1]):
            raise BadCheckpoint("a checkpoint is the origin, the size, the root")
        root = _base64(lines[2])
        if len(root) != HASH:
            raise BadCheckpoint("the root is not 32 bytes")
        return cls(lines[0], int(lines[1]), root)


def tile_path(level: int | None, index: int, width: int = WIDTH) -> str:
    """Where tile `index` of `level` lies, or the entries of that tile when `level` is None."""
    if not 1 <= width <= WIDTH or index < 0:
        raise BadTile(f"there is no tile {index} of width {width}")
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03d}")
    where = "entries" if level is None else str(level)
    return f"tile/{where}/{'/'.join(parts)}" + ("" if width == WIDTH else f".p/{width}")


def parse_tile_path(path: str) -> tuple[int | None, int, int]:
    """Level (None for entries), index and width of what `tile_path` gives. Raises BadTile."""
    found = re.fullmatch(
        r"tile/(entries|[0-5]?[0-9])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?", path
    )
    if found is None:
        raise BadTile("no such tile")
    level = None if found[1] == "entries" else int(found[1])
    index, width = int(found[2].replace("x", "").replace("/", "")), int(found[3] or WIDTH)
    if tile_path(level, index, width) != path:
        raise BadTile("no such tile")
    return level, index, width


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """An entry bundle. Raises BadTile for an entry that is too long."""
    bundle = bytearray()
    for entry in entries:
        if len(entry) > LARGEST:
            raise BadTile(f"an entry of {len(entry)} bytes: at most {LARGEST}")
        bundle += len(entry).to_bytes(2) + entry
    return bytes(bundle)


def decode_entries(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle, `width` of them. Raises BadTile."""
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        if at + 2 > len(data) or end > len(data):
            raise BadTile("an entry is cut off")
        entries.append(data[at + 2 : end])
        at = end
    if len(entries) != width:
        raise BadTile(f"{len(entries)} entries where {width} are expected")
    return entries


def root_of_tile(hashes: Sequence[bytes]) -> bytes:
    """The hash that a full tile is on the level above."""
    builder = RootBuilder()
    for found in hashes:
        builder.append(found)
    return builder.root()


def root(edges: Sequence[Sequence[bytes]]) -> bytes:
    """The root of a log from its partial tiles, level 0 first: `edges[L]` has ⌊size ÷ 256^L⌋ mod 256."""
    node: bytes | None = None
    for hashes in edges:
        while hashes:
            low = len(hashes) & -len(hashes)
            left = root_of_tile(hashes[-low:])
            node = left if node is None else node_hash(left, node)
            hashes = hashes[:-low]
    return EMPTY_ROOT if node is None else node


def tiles(first: int, size: int) -> Iterator[tuple[int, int]]:
    """Index and width of the tiles of level 0 that hold entries `first` … `size` - 1."""
    for index in range(first // WIDTH, -(-size // WIDTH)):
        yield index, min(WIDTH, size - index * WIDTH)


def proof_tree(size: int, fetch: Callable[[str], bytes]) -> Tree:
    """The tree under a checkpoint, from the log's tiles of level 0: makes every proof. Raises BadTile.

    Compare its root with the checkpoint's before anything else.
    """
    tree = Tree()
    for index, width in tiles(0, size):
        data = fetch(tile_path(0, index, width))
        if len(data) != width * HASH:
            raise BadTile(f"tile {index} has {len(data)} bytes, {width * HASH} are expected")
        for at in range(0, len(data), HASH):
            tree.append(data[at : at + HASH])
    return tree


def fsck(entries: Iterable[bytes], checkpoint: Checkpoint, known: Mapping[int, bytes]) -> None:
    """Check that the entries are those of the checkpoint, and every known root that of so many of them.

    An edit, a deletion, an insertion, a fork raise LogMismatch, a truncation LogShrunk: also when the log's
    operator signed a checkpoint anew, if a root from before is known.
    """
    if (longest := max(known, default=0)) > checkpoint.size:
        raise LogShrunk(f"the log has {checkpoint.size} entries and once committed to {longest}")
    expected = {**known, checkpoint.size: known.get(checkpoint.size, checkpoint.root)}
    builder, sound = RootBuilder(), 0

    def compare() -> None:
        nonlocal sound
        if expected.get(builder.size, builder.root()) != builder.root():
            raise LogMismatch(
                f"the first {sound} entries are sound; among the next {builder.size - sound} some are not "
                "those the log committed to"
            )
        if builder.size in expected:
            sound = builder.size

    compare()
    for entry in entries:
        builder.append(leaf_hash(entry))
        if builder.size in expected:
            compare()
    if builder.size < checkpoint.size:
        raise LogShrunk(f"{builder.size} entries where the checkpoint commits to {checkpoint.size}")
    if builder.size > checkpoint.size or builder.root() != checkpoint.root:
        raise LogMismatch(f"{builder.size} entries are not the {checkpoint.size} of the checkpoint")


def _base64(text: str) -> bytes:
    """The bytes, which have one spelling. Raises BadNote."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise BadNote("not Base64")
    return data
