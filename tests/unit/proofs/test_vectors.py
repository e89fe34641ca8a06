"""`tests/vectors/evidence.json` says what this verifier says. The page's verifier reads the same file."""

import re
from pathlib import Path

from tests.vectors.evidence import judge, judge_dossier, judge_flips, judge_tree, judge_trie, load

REFUSALS = Path("api/web/src/proofs/error.ts")
VECTORS = load()
UNTRIED = {"BadAccount", "DoesNotReconcile", "NothingToCertify", "RlpError"}
"""They take another state than anvil would make; RlpError is what others are made of."""


def test_R18_threat_S20_every_case() -> None:
    for case in VECTORS["cases"]:
        assert judge(VECTORS, case) == case["outcome"], case["name"]
    assert sum(case["outcome"] == "proven" for case in VECTORS["cases"]) > 10


def test_R29_every_dossier() -> None:
    for case in VECTORS["dossiers"]:
        assert judge_dossier(VECTORS, case) == case["outcome"], case["name"]


def test_threat_S20_flipped_bytes() -> None:
    for case in VECTORS["flips"]:
        assert judge_flips(VECTORS, case) == case["outcomes"]
        assert "proven" not in case["outcomes"]


def test_threat_S20_tries_and_trees() -> None:
    for case in VECTORS["tries"]:
        assert judge_trie(case) == case["outcome"], case
    for case in VECTORS["trees"]:
        assert judge_tree(case) == case["outcome"], case


def test_every_refusal_that_the_page_knows_is_tried() -> None:
    known = set(re.findall(r'\| "(\w+)"', REFUSALS.read_text().partition("export function")[0]))
    tried = {case["outcome"] for part in ("cases", "dossiers", "tries", "trees") for case in VECTORS[part]}
    tried |= {outcome for case in VECTORS["flips"] for outcome in case["outcomes"]}
    assert known - tried == UNTRIED
