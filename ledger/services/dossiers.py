"""The legality dossier of one transaction (R29): who, what, under which rules, paid how, delivered when."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ledger.domain.evidence import EvidenceUnknown, Subject
from ledger.domain.grant import Grant
from ledger.domain.history import Filter, HistoryEntry, ParticipantUnknown
from ledger.proofs import canonical
from ledger.proofs.dossier import FORMAT
from ledger.services.catalogue import Offers
from ledger.services.evidence import Evidence
from ledger.services.history import History
from ledger.services.ports import Begin, Clock

MOST: Final = 1000
"""Entries named in a dossier, the first."""


class GrantRecords(Protocol):
    async def answers(self, licence: int) -> list[tuple[Grant, int | None]]:
        """Every key release and refusal of a licence, in order, with its entry in the access log."""
        ...


@dataclass(frozen=True, slots=True)
class Dossiers:
    """`url`: where the service answers."""

    history: History
    evidence: Evidence
    offers: Offers
    grants: Begin[GrantRecords]
    clock: Clock
    chain_id: int
    url: str

    async def of_licence(self, account: bytes, licence: int) -> bytes:
        """The dossier (`ledger.proofs.dossier`), for overseers and for the two who dealt with each other.

        Raises EvidenceUnknown, NotOverseer, Undecidable, BlockUnknown.
        """
        bundles = {"licence": await self._bundle(Subject("licence", licence))}
        claim = bundles["licence"]["claim"]
        number, version = int(claim["listing"]["id"]), claim["version"]["number"]
        buyer, seller = claim["purchase"]["buyer"], claim["listing"]["seller"]
        if f"0x{account.hex()}" not in (claim["holder"], buyer, seller):
            await self.history.record(account, "dossier", {"licence": str(licence)})
        for kind, subject in (
            ("payment", Subject("payment", licence)),
            ("listing", Subject("listing", number, version)),
        ):
            try:
                bundles[kind] = await self._bundle(subject)
            except EvidenceUnknown:
                continue
        _, entries = await self.history.entries.search(
            Filter(licence=licence), None, MOST, newest_first=False
        )
        _, details = await self.offers.details(number)
        async with self.grants() as grants:
            answers = await grants.answers(licence)
        parties = {"buyer": buyer, "holder": claim["holder"], "seller": seller}
        told = {
            "parties": {role: await self._party(address) for role, address in parties.items()},
            "attestations": [
                {
                    "kind": one.kind,
                    "reviewer": f"0x{one.reviewer.hex()}",
                    "time": one.time,
                    "evidence": f"0x{one.evidence.hex()}",
                    "stands": one.stands,
                }
                for one in details.attestations
                if one.version == version
            ],
            "entries": [_entry(one) for one in entries],
            "accesses": [_access(grant, entry) for grant, entry in answers],
        }
        return canonical.dumps(
            {
                "format": FORMAT,
                "licence": str(licence),
                "made_at": int(self.clock()),
                "evidence": bundles,
                "told": told,
            }
        )

    async def _bundle(self, subject: Subject) -> Any:
        return json.loads(await self.evidence.bundle(await self.evidence.newest(subject, None)))

    async def _party(self, address: str) -> Mapping[str, Any]:
        """Who it is, by commitment only: the papers are with who accredited them."""
        did = f"did:pkh:eip155:{self.chain_id}:{address}"
        try:
            _, found = await self.history.entries.participant(bytes.fromhex(address[2:]), None)
        except ParticipantUnknown:
            return {"account": address, "did": did}
        return {
            "account": address,
            "did": did,
            "roles": found.roles,
            "jurisdiction": found.jurisdiction,
            "public_body": found.public_body,
            "credential": f"0x{found.credential.hex()}",
        }


def _entry(one: HistoryEntry) -> Mapping[str, Any]:
    return {
        "block": one.block_number,
        "time": one.block_time,
        "transaction": f"0x{one.transaction.hex()}",
        "log_index": one.log_index,
        "contract": one.contract,
        "event": one.event,
        "position": one.position,
        "arguments": dict(one.arguments),
    }


def _access(grant: Grant, entry: int | None) -> Mapping[str, Any]:
    decision = grant.decision
    return {
        "at": grant.at,
        "purpose": grant.purpose,
        "rule": grant.rule,
        "released": grant.denial is None,
        "block": None if decision is None else decision.block.number,
        "entry": entry,
    }
