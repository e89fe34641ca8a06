"""Dossiers: everything about one transaction in one file, with certificates of what can be proven.

    {"format": "socai-dossier-1", "licence": "…", "made_at": …, "evidence": {"licence": bundle, …}, "told": …}

`evidence` holds bundles of `ledger.proofs.evidence`, `told` what the exchange says besides: each entry there
names its place in the journals, each access its place in the access log, where it can be checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.proofs import canonical, evidence
from ledger.proofs.canonical import Json
from ledger.proofs.error import ProofError
from ledger.proofs.evidence import Proven
from ledger.proofs.trust import Trust

FORMAT: Final = "socai-dossier-1"
KINDS: Final = ("licence", "payment", "listing")


class BadDossier(ProofError):
    """No dossier, or one whose certificates are about something else."""


@dataclass(frozen=True, slots=True)
class ProvenDossier:
    """By kind, what each certificate proves; `told` is proven by none."""

    licence: str
    proven: Mapping[str, Proven]
    told: Json


def is_dossier(data: bytes) -> bool:
    """Whether it says that it is one."""
    try:
        found = canonical.loads(data)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("format") == FORMAT


def verify(data: bytes, trust: Trust, now: float) -> ProvenDossier:
    """Raises BadDossier, and what `evidence.verify` raises."""
    try:
        found = canonical.loads(data)
        licence, bundles, told = found["licence"], found["evidence"], found["told"]
        if found["format"] != FORMAT or not isinstance(bundles, dict) or "licence" not in bundles:
            raise BadDossier("no dossier of this format, or one without a certificate of its licence")
        if unknown := set(bundles) - set(KINDS):
            raise BadDossier(f"certificates of unknown kinds: {', '.join(sorted(unknown))}")
    except (ValueError, LookupError, TypeError) as error:
        raise BadDossier(f"not a dossier: {error!r}") from error
    proven = {
        kind: evidence.verify(canonical.dumps(bundle), trust, now) for kind, bundle in sorted(bundles.items())
    }
    claim = proven["licence"].claim
    about = {
        "licence": ("licence", licence),
        "payment": ("payment", licence),
        "listing": ("listing", (claim["listing"]["id"], claim["version"]["number"])),
    }
    for kind, certificate in proven.items():
        said = certificate.claim
        of = (said["listing"], said["version"]["number"]) if kind == "listing" else said.get("licence")
        if (said["type"], of) != about[kind]:
            raise BadDossier(f"the certificate of its {kind} is about something else")
    return ProvenDossier(licence, proven, told)
