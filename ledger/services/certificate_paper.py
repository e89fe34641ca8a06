"""A licence's certificate laid out for people, in Vietnamese and English; the file attached proves it."""

from hashlib import sha256
from typing import Final

from ledger.paper import Paper, Section
from ledger.proofs import evidence
from ledger.services.dossier_paper import data_section, licence_section, payment_section, utc

ATTACHED: Final = "certificate.json"
"""The certificate itself, attached to its PDF."""


def paper(data: bytes, url: str) -> Paper:
    """The paper of a licence's certificate; `url` is where the service answers."""
    claim = evidence.decode(data).claim
    block = claim["block"]
    return Paper(
        title="Chứng nhận giấy phép",
        subtitle=f"Licence certificate · giấy phép · licence {claim['licence']}\n"
        f"Đúng tại khối · true as of block {block['number']}, {utc(block['time'])}",
        made_at=block["time"],
        code=f"{url}/#/verify?licence={claim['licence']}",
        footer=f"SHA-256 {sha256(data).hexdigest()}",
        attachments={ATTACHED: data},
        sections=[
            Section(
                "Cách kiểm tra · How to check this",
                "Giấy này để đọc; bằng chứng là tệp certificate.json đính kèm. Kiểm bằng `socai verify`, "
                "hoặc quét mã. This paper is for reading; the proof is the attached certificate.json. "
                "`socai verify FILE.pdf --trust TRUST` checks it with no network; the code opens the page "
                "that checks the newest one. An engineering artefact, not legal advice.",
            ),
            licence_section(claim),
            data_section(claim),
            *payment_section(claim, None),
        ],
    )
