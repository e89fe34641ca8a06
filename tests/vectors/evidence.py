"""Evidence that every verifier must judge alike: `evidence.json`, which Python and TypeScript tests read.

    texts     certificates, a trust file, presentations, by name
    cases     `file` and `trust` are a text, or one with parts replaced: [name, [start, end, part], …];
              `now` is the clock, `presented` the challenge of a presentation; `outcome` a refusal or "proven"
    flips     a text with the lowest bit of one byte turned over, at 0, `step`, 2 × `step`, …: all outcomes
    tries     proofs of small tries, most of them spoilt and hashed anew: a refusal, a value, or null
    dossiers  members of a dossier, those of its `evidence` being names of texts, if there are such
    trees     RFC 6962: inclusion when `old` is null, else consistency

Chain data comes from real anvil: `python -m tests.vectors.evidence` writes the file anew.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from functools import partial
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, Final

from coincurve import PrivateKey
from eth_account import Account
from eth_typing import Hash32

from ledger.chain.bindings import structs
from ledger.chain.capture import capture
from ledger.chain.devnet import Devnet, dev_accounts
from ledger.chain.rpc import Rpc, from_hex
from ledger.chain.trust import trust_file
from ledger.crypto import merkle
from ledger.proofs import canonical, dossier, evidence, mpt, presentation, receipts, rlp, trust
from ledger.proofs import header as headers
from ledger.proofs.evidence import Bundle, ReceiptProof
from ledger.proofs.journal import Link
from ledger.proofs.keccak import keccak
from ledger.proofs.presentation import Challenge
from ledger.proofs.receipts import Log
from ledger.proofs.trust import Development
from tests.integration.indexer.market import CHOOSERS, Market, found
from tests.integration.proofs.test_evidence import KEYS, VALIDATORS, free_port, resealed, spoiled

FILE: Final = Path(__file__).with_name("evidence.json")
VERIFIER, NONCE = "bank.example", bytes(range(32))
PINNED: Final = ("Exchange", "Licences", "Listings")

Json = Any


def load() -> Json:
    return json.loads(FILE.read_text())


def text_of(vectors: Json, patched: list[Any]) -> bytes:
    """A text, with parts replaced."""
    text: str = vectors["texts"][patched[0]]
    for start, end, part in reversed(patched[1:]):
        text = text[:start] + part + text[end:]
    return text.encode()


def outcome(check: Callable[[], object]) -> str:
    """`proven`, or the name of the refusal."""
    try:
        check()
    except (evidence.ProofError, merkle.MerkleError) as error:
        return type(error).__name__
    return "proven"


def judge(vectors: Json, case: Json) -> str:
    data, now = text_of(vectors, case["file"]), case["now"]
    asked = case.get("presented")

    def check() -> None:
        believed = trust.read(text_of(vectors, case["trust"]))
        if asked:
            presentation.verify(data, believed, now, asked["verifier"], bytes.fromhex(asked["challenge"][2:]))
        else:
            evidence.verify(data, believed, now)

    return outcome(check)


def judge_dossier(vectors: Json, case: Json) -> str:
    texts, members = vectors["texts"], dict(case["members"])
    if isinstance(found := members.get("evidence"), dict):
        members["evidence"] = {kind: json.loads(texts[name]) for kind, name in found.items()}
    believed = trust.read(texts["trust"].encode())
    return outcome(lambda: dossier.verify(canonical.dumps(members), believed, case["now"]))


def judge_flips(vectors: Json, case: Json) -> list[str]:
    data, believed = text_of(vectors, [case["file"]]), trust.read(text_of(vectors, case["trust"]))
    spoilt = (flip(data, at) for at in range(0, len(data), case["step"]))
    return [outcome(partial(evidence.verify, other, believed, case["now"])) for other in spoilt]


def judge_trie(case: Json) -> str | None:
    root, key, proof = unhex(case["root"]), unhex(case["key"]), list(map(unhex, case["proof"]))
    try:
        value = mpt.prove(root, key, proof)
    except mpt.TrieError as error:
        return type(error).__name__
    return None if value is None else f"0x{value.hex()}"


def judge_tree(case: Json) -> str:
    proof, root, size = list(map(unhex, case["proof"])), unhex(case["root"]), case["size"]
    if case["old"] is None:
        return outcome(lambda: merkle.verify_inclusion(unhex(case["leaf"]), case["index"], size, proof, root))
    return outcome(lambda: merkle.verify_consistency(case["old"], size, proof, unhex(case["old_root"]), root))


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


# Making the file


def patch(name: str, whole: str, other: str) -> list[Any]:
    """What `text_of` makes `other` of, found between quotation marks."""
    if whole == other:
        return [name]
    before, after = re.split('(?<=")', whole), re.split('(?<=")', other)
    starts = [0, *accumulate(map(len, before))]
    changes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    parts = [
        [starts[first], starts[last], "".join(after[low:high])]
        for kind, first, last, low, high in changes
        if kind != "equal"
    ]
    return [name, *parts]


class Writer:
    def __init__(self, now: int, texts: dict[str, str]) -> None:
        self.now, self.texts = now, texts
        self.cases: list[Json] = []

    def add(self, name: str, base: str, data: bytes | str, believed: Json = None, **changes: Any) -> None:
        text = data if isinstance(data, str) else data.decode("latin-1")
        whole = self.texts["trust"]
        trusted = patch("trust", whole, whole if believed is None else json.dumps(believed))
        case = {"name": name, "file": patch(base, self.texts[base], text), "trust": trusted, "now": self.now}
        case |= changes
        case["outcome"] = judge({"texts": self.texts}, case)
        self.cases.append(case)


def write_cases(to: Writer, holder: str) -> None:
    texts = to.texts
    believed = json.loads(texts["trust"])
    for name in ("licence", "refunded", "listing", "payment", "journal", "part"):
        to.add(name, name, texts[name])
    licence = texts["licence"].encode()
    bundle = evidence.decode(licence)
    for count, other in enumerate(spoiled(bundle)):
        to.add(f"spoilt {count}", "licence", other.encode())
    for count, claim in enumerate(altered(bundle.claim)):
        to.add(f"altered {count}", "licence", replace(bundle, claim=claim).encode())
    part = evidence.decode(texts["part"].encode())
    for entries in (part.entries[1:], part.entries[:-1], part.entries[::-1], part.entries * 2):
        to.add("entries", "part", replace(part, entries=entries).encode())
    swapped = replace(part, states=part.states[::-1])
    to.add("later first", "part", swapped.encode())
    payment = evidence.decode(texts["payment"].encode())
    to.add("receipts swapped", "payment", replace(payment, receipts=payment.receipts[::-1]).encode())
    to.add("a receipt missing", "payment", replace(payment, receipts=payment.receipts[:1]).encode())
    for old, new in (
        ("}", "}\n"),
        ('"claim":', '"claim" :'),
        ('"header":"0xf9', '"header":"0xF9'),
        ('"entries":[]', '"entries":[],"entries":[]'),
        ('"index":', '"index":0.0,"was":'),
        ('"index":0', '"index":-0'),
        ('"index":0', '"index":0e0'),
        ('"index":0', '"index":true'),
        ('"index":0', '"index":9007199254740993'),
        ('"used":0', '"used":9007199254740993'),
        ('"used":0', '"used":0.0'),
        ('"used":0', '"used":NaN'),
        ('"used":0', '"used":' + "[" * 30 + "]" * 30),
        ("socai-evidence-1", "socai-evidence-2"),
        ("socai-evidence-1", "\\u0073ocai-evidence-1"),
        ("socai-evidence-1", "socai-evidence-\\ud800"),
        ('"holder":"0x', '"holder":"\\u00e9'),
        ('"holder":"0x', '"holder":"\\u007f'),
        ('"holder":"0x', '"holder":"\x7f'),
        ('"type":"licence"', '"type":"toString"'),
        ('"type":"licence"', '"type":["licence"]'),
        ('"accounts":{', '"accounts":{"__proto__":{"proof":[],"storage":{}},'),
    ):
        to.add(f"{old} to {new}"[:40], "licence", texts["licence"].replace(old, new, 1))
    for data in ("", "[]", "null", "{}", "[" * 40, '"\\ud800"'):
        to.add("no bundle", "licence", data)
    to.add("short topic", "part", replace(part, entries=(Link(bytes(31), b""),)).encode())
    write_receipts(to, bundle)
    write_trust(to, believed)
    write_seals(to, believed, licence)
    write_presentations(to, holder)


def write_receipts(to: Writer, bundle: Bundle) -> None:
    """Receipts that a node of a development chain made up, under a header that commits to them."""
    (proof,) = bundle.receipts
    plain = headers.decode(proof.header)
    sound = receipts.verify(plain.receipts_root, proof.index, proof.proof)
    bought = next(at for at, log in enumerate(sound.logs) if len(log.data) > 100)

    def made_of(name: str, encoded: bytes) -> None:
        trie = mpt.Trie({mpt.index_key(0): encoded})
        forged = replace(plain, receipts_root=trie.root).encode()
        invented = ReceiptProof(forged, 0, tuple(trie.proof(mpt.index_key(0))))
        to.add(f"receipt: {name}", "licence", replace(bundle, receipts=(invented,)).encode())

    def with_log(name: str, *logs: Log) -> None:
        kept = (*sound.logs[:bought], *logs, *sound.logs[bought + 1 :])
        made_of(name, replace(sound, logs=kept, bloom=receipts.bloom_of(kept)).encode())

    log = sound.logs[bought]
    with_log("the same", log)
    with_log("twice", log, log)
    with_log("none")
    with_log("by another", replace(log, address=bytes(20)))
    with_log("cut off", replace(log, data=log.data[:-32]))
    with_log("no word", replace(log, data=log.data[:-1]))
    with_log("too large", replace(log, data=b"\xff" * len(log.data)))
    with_log("a topic less", replace(log, topics=log.topics[:-1]))
    with_log("no topics", replace(log, topics=()))
    made_of("bloom", replace(sound, bloom=bytes(256)).encode())
    made_of("failed", replace(sound, outcome=b"").encode())
    made_of("outcome", replace(sound, outcome=b"\2").encode())
    made_of("state root", replace(sound, outcome=bytes(32)).encode())
    made_of("legacy, state root", replace(sound, type=0, outcome=bytes(32)).encode())
    made_of("type 5", replace(sound, type=5).encode())
    made_of("type 0 said", b"\0" + replace(sound, type=0).encode())
    made_of("five topics", replace(sound, logs=(replace(log, topics=log.topics[:1] * 5),)).encode())
    made_of("a field less", rlp.encode([b"\1", b"\1", bytes(256)]))


def write_trust(to: Writer, believed: Json) -> None:
    licence = to.texts["licence"]
    age = {"maximum_age": 100}
    to.add("as old as may be", "licence", licence, believed | age, now=to.now + 100)
    to.add("too old", "licence", licence, believed | age, now=to.now + 101)
    to.add("ahead as far as may be", "licence", licence, now=to.now - evidence.SKEW)
    to.add("from the future", "licence", licence, now=to.now - evidence.SKEW - 1)
    for change in (
        {"chain_id": 1},
        {"genesis_hash": "0x" + "00" * 32},
        {"format": "socai-trust-2"},
        {"surplus": 1},
        {"maximum_age": -1},
        {"chain_id": "84084"},
        {"anchor": {"type": "nobody"}},
        {"anchor": {"type": "development", "listed": True}},
        {"anchor": {"type": "qbft", "listed": True, "validators": []}},
        {"contracts": []},
    ):
        to.add(f"trust {change}"[:60], "licence", licence, believed | change)
    bare = {"storage": {"storage": [], "types": {}}}
    other = {"contracts": believed["contracts"] | {"Licences": believed["contracts"]["Licences"] | bare}}
    to.add("no layout", "licence", licence, believed | other)
    for name in PINNED:
        rest = {key: held for key, held in believed["contracts"].items() if key != name}
        to.add(f"{name} unknown", "licence", licence, believed | {"contracts": rest})
        for change in ({"address": "0x" + "99" * 20}, {"code_hash": "0x" + "00" * 32}, {"address": "0x99"}):
            other = {"contracts": believed["contracts"] | {name: believed["contracts"][name] | change}}
            to.add(f"{name} elsewhere", "licence", licence, believed | other)


def write_seals(to: Writer, believed: Json, licence: bytes) -> None:
    members = ["0x" + who.hex() for who in VALIDATORS]

    def anchor(*sets: tuple[int, list[str]], listed: bool = True) -> Json:
        validators = [{"from": first, "addresses": who} for first, who in sets]
        return believed | {"anchor": {"type": "qbft", "listed": listed, "validators": validators}}

    all_four, number = anchor((0, members)), evidence.decode(licence).claim["block"]["number"]
    to.texts["sealed"] = resealed(licence, KEYS[:3]).decode()
    sealed = to.texts["sealed"]
    to.add("sealed by three of four", "sealed", sealed, all_four)
    to.add("sealed by all", "sealed", resealed(licence, KEYS), all_four)
    to.add("sealed by two", "sealed", resealed(licence, KEYS[:2]), all_four)
    to.add("sealed twice", "sealed", resealed(licence, [KEYS[0], KEYS[0], KEYS[1]]), all_four)
    strangers = [PrivateKey(bytes([n]) * 32) for n in range(11, 15)]
    to.add("sealed by strangers", "sealed", resealed(licence, [*KEYS[:2], strangers[0]]), all_four)
    to.add("not sealed", "licence", licence, all_four)
    to.add("others trusted", "sealed", sealed, anchor((0, members[:3])))
    to.add("others in time", "sealed", sealed, anchor((0, members), (number, members[:3])))
    to.add("not yet trusted", "sealed", sealed, anchor((number, members)))
    to.add("trusted later", "sealed", sealed, anchor((0, members), (number + 1, members[:3])))
    to.add("a contract keeps them", "sealed", sealed, anchor((0, members), listed=False))
    to.add("sets in disorder", "sealed", sealed, anchor((1, members), (0, members)))
    to.add("a member twice", "sealed", sealed, anchor((0, members * 2)))
    to.add("a set without members", "sealed", sealed, anchor((0, [])))


def write_presentations(to: Writer, holder: str) -> None:
    licence, believed = to.texts["licence"].encode(), trust.read(to.texts["trust"].encode())
    asked = {"verifier": VERIFIER, "challenge": f"0x{NONCE.hex()}"}

    def presented(name: str, data: bytes = licence, **changes: Any) -> bytes:
        challenge = replace(Challenge(VERIFIER, NONCE, to.now + 60), **changes)
        key = Account.from_key(dev_accounts()[name].key)
        signature = bytes(key.unsafe_sign_hash(Hash32(challenge.digest(data, believed))).signature)
        return presentation.encode(data, challenge, signature)

    to.texts["presented"] = presented(holder).decode()
    good = to.texts["presented"]
    to.add("presented", "presented", good, presented=asked)
    to.add("to somebody else", "presented", good, presented=asked | {"verifier": "other.example"})
    to.add("another challenge", "presented", good, presented=asked | {"challenge": "0x" + "00" * 32})
    to.add("deadline reached", "presented", good, presented=asked, now=to.now + 60)
    to.add("deadline past", "presented", good, presented=asked, now=to.now + 61)
    far = presented(holder, deadline=to.now + presentation.LONGEST + 1)
    to.add("deadline too far", "presented", far, presented=asked)
    to.add("by another", "presented", presented("operator"), presented=asked)
    listing = presented(holder, to.texts["listing"].encode())
    to.add("of a listing", "presented", listing, presented=asked)
    to.add("a certificate", "licence", licence, presented=asked)
    to.add("a presentation as certificate", "presented", good)
    value = json.loads(good)
    signature = value["signature"]
    s = int(signature[66:130], 16)
    twin = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - s
    for other in (
        signature[:-2] + "1d",
        f"{signature[:66]}{twin:064x}{'1c' if signature.endswith('1b') else '1b'}",
        "0x" + "00" * 64 + "1b",
        "0x" + "ff" * 64 + "1b",
        signature[:-2],
        signature.upper().replace("0X", "0x"),
    ):
        spoilt = json.dumps(value | {"signature": other}, sort_keys=True, separators=(",", ":"))
        to.add("another signature", "presented", spoilt, presented=asked)
    to.add("with a line end", "presented", good + "\n", presented=asked)


def dossiers(texts: Mapping[str, str], now: int) -> Iterator[Json]:
    licence = json.loads(texts["licence"])["claim"]["licence"]
    whole = {"licence": "licence", "payment": "payment", "listing": "listing"}
    good = {"evidence": whole, "format": dossier.FORMAT, "licence": licence, "made_at": now, "told": {}}
    for name, change in {
        "whole": {},
        "of the licence alone": {"evidence": {"licence": "licence"}},
        "without the licence": {"evidence": {"payment": "payment"}},
        "of another licence": {"licence": "1"},
        "a licence that is a number": {"licence": int(licence)},
        "another's licence": {"evidence": whole | {"licence": "refunded"}},
        "a payment that is a licence": {"evidence": whole | {"payment": "licence"}},
        "a payment that is a journal": {"evidence": whole | {"payment": "journal"}},
        "a listing that is a licence": {"evidence": whole | {"listing": "licence"}},
        "a kind too many": {"evidence": whole | {"journal": "journal"}},
        "a kind called toString": {"evidence": whole | {"toString": "licence"}},
        "evidence that is a list": {"evidence": ["licence"]},
        "no evidence": {"evidence": None},
        "another format": {"format": "socai-dossier-2"},
        "nothing told": {"told": None},
        "of the trust file": {"evidence": whole | {"licence": "trust"}},
        "from the future": {"at": now - evidence.SKEW - 1},
    }.items():
        at = change.pop("at", now)
        case = {"name": name, "members": good | change, "now": at}
        yield case | {"outcome": judge_dossier({"texts": texts}, case)}
    for missing in good:
        rest = {member: value for member, value in good.items() if member != missing}
        case = {"name": f"without {missing}", "members": rest, "now": now}
        yield case | {"outcome": judge_dossier({"texts": texts}, case)}


def altered(value: Json) -> Iterator[Json]:
    """Each leaf of a claim replaced, and each object with a field less."""
    if isinstance(value, dict):
        for name in value:
            yield from ({**value, name: other} for other in altered(value[name]))
        yield {**value, "surplus": 1}
        yield {name: value[name] for name in list(value)[1:]}
    elif isinstance(value, list):
        yield [*value, "custody"]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, str):
        yield value + "0"
    else:
        yield 0


def tries(random: Random) -> Iterator[Json]:
    for size in (0, 1, 2, 3, 5, 17):
        keys = [random.randbytes(random.choice([1, 2, 2, 4])) for _ in range(size)]
        entries = {key: random.randbytes(random.choice([1, 3, 33, 60])) for key in keys}
        trie = mpt.Trie(entries)
        for key in [*list(entries)[:2], random.randbytes(2), b""]:
            proof = trie.proof(key)
            yield _trie(trie.root, key, proof)
            for _ in range(6 if proof else 0):
                yield _trie(*respun(proof, key, random))
            yield _trie(trie.root, key, proof[:-1])
            yield _trie(trie.root, key, [*proof, b"\xc0"])


def respun(proof: list[bytes], key: bytes, random: Random) -> tuple[bytes, bytes, list[bytes]]:
    """The proof with a node spoilt, and those above hashed anew, so that only strictness can refuse it."""
    at = random.randrange(len(proof))
    nodes, old = list(proof), proof[at]
    nodes[at] = spoilt_node(old, random)
    for above in range(at - 1, -1, -1):
        nodes[above] = nodes[above].replace(keccak(proof[above + 1]), keccak(nodes[above + 1]))
    return keccak(nodes[0]), key, nodes


def spoilt_node(node: bytes, random: Random) -> bytes:
    if random.random() < 0.4:
        return flip(node, random.randrange(len(node)))
    items = rlp.as_list(rlp.decode(node))
    other: Any = random.choice(
        [
            b"",
            b"\0",
            b"\x20",
            b"\x31",
            bytes(31),
            bytes(32),
            [],
            [b""] * 32,
            [b"\x20", b"\1"],
            [bytes(32), b""],
        ]
    )
    items[random.randrange(len(items))] = other
    return rlp.encode(random.choice([items, items, items, items[:-1], [*items, b""], b"\1"]))


def _trie(root: bytes, key: bytes, proof: list[bytes]) -> Json:
    case: Json = {"root": _hex(root), "key": _hex(key), "proof": list(map(_hex, proof))}
    return case | {"outcome": judge_trie(case)}


def trees(random: Random) -> Iterator[Json]:
    leaves = [random.randbytes(32) for _ in range(13)]
    tree = merkle.Tree(leaves)
    for size in (1, 2, 3, 7, 8, 13):
        root = tree.root(size)
        for index in {0, size // 2, size - 1}:
            proof = tree.inclusion_proof(index, size)
            for other in (proof, proof[:-1], [*proof, root], proof[::-1]):
                for place in (index, index + 1):
                    yield _tree(
                        leaf=_hex(leaves[index]), index=place, old=None, size=size, proof=other, root=root
                    )
        for old in {0, 1, size // 2, size}:
            proof, old_root = tree.consistency_proof(old, size), tree.root(old)
            for other in (proof, proof[:-1], [*proof, root], proof[::-1]):
                yield _tree(old=old, old_root=_hex(old_root), size=size, proof=other, root=root)
            yield _tree(old=old, old_root=_hex(root), size=size, proof=proof, root=old_root)
            yield _tree(old=size, old_root=_hex(root), size=old, proof=proof, root=old_root)


def _tree(*, proof: list[bytes], root: bytes, **fields: Any) -> Json:
    case = {**fields, "proof": list(map(_hex, proof)), "root": _hex(root)}
    return case | {"outcome": judge_tree(case)}


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


async def texts(rpc: Rpc, market: Market) -> tuple[dict[str, str], int, str]:
    """Certificates of what a market holds, the time of their block, and who holds the licence."""
    believed = json.loads(trust_file(market.manifest, Development(), None))
    believed["contracts"] = {name: believed["contracts"][name] for name in PINNED}
    trusted = json.dumps(believed)
    since = market.manifest.block

    async def certify(subject: Json, **options: Any) -> str:
        data = await capture(rpc, trust.read(trusted.encode()), subject, market.head, since=since, **options)
        return data.decode()

    def of(status: structs.OrderStatus) -> str:
        licences = market.state.licences.items()
        return str(
            next(
                number
                for number, held in licences
                if held.order == status and market.state.plans[number >> 32].price > 10
            )
        )

    settled, refunded = of(structs.OrderStatus.SETTLED), of(structs.OrderStatus.REFUNDED)
    earlier = await rpc.request("eth_getBlockByNumber", [hex(market.state.place[0] - 15), False])
    head = await rpc.request("eth_getBlockByHash", [_hex(market.head), False])
    listing = {"type": "listing", "listing": "1", "version": {"number": 1}}
    found_texts = {
        "trust": trusted,
        "licence": await certify({"type": "licence", "licence": settled}),
        "refunded": await certify({"type": "licence", "licence": refunded}),
        "listing": await certify(listing),
        "payment": await certify({"type": "payment", "licence": settled}),
        "journal": await certify({"type": "journal", "contract": "Licences"}),
        "part": await certify({"type": "journal", "contract": "Exchange"}, after=from_hex(earlier["hash"])),
    }
    holder = json.loads(found_texts["licence"])["claim"]["holder"]
    name = next(name for name, account in dev_accounts().items() if account.address.lower() == holder)
    return found_texts, int(head["timestamp"], 16), name


def ready(market: Market) -> bool:
    def sold(status: structs.OrderStatus) -> bool:
        return any(
            held.order == status and market.state.plans[number >> 32].price > 10
            for number, held in market.state.licences.items()
        )

    return sold(structs.OrderStatus.SETTLED) and sold(structs.OrderStatus.REFUNDED)


async def make() -> Mapping[str, Json]:
    with tempfile.TemporaryDirectory() as folder:
        async with Devnet(port=free_port(), history=None) as devnet, Rpc(devnet.url, timeout=60) as rpc:
            market = await found(rpc, 4, Path(folder))
            while not ready(market):
                await market.block(CHOOSERS)
            made, now, holder = await texts(rpc, market)
    to = Writer(now, made)
    write_cases(to, holder)
    vectors: Json = {"texts": to.texts, "cases": to.cases, "flips": []}
    for name, step in (("licence", 211), ("part", 101)):
        case = {"file": name, "trust": ["trust"], "now": now, "step": step}
        vectors["flips"].append(case | {"outcomes": judge_flips(vectors, case)})
    random = Random(1)  # noqa: S311
    vectors["dossiers"] = list(dossiers(to.texts, now))
    return {**vectors, "tries": list(tries(random)), "trees": list(trees(random))}


def lines(value: Json) -> str:
    """JSON with a line for each member."""
    if isinstance(value, dict):
        inner = (f"{json.dumps(name)}: {json.dumps(value[name])}" for name in value)
        return "{\n" + ",\n".join(inner) + "\n}"
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"


if __name__ == "__main__":
    made = asyncio.run(make())
    FILE.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {lines(made[name])}" for name in made) + "\n}\n")
