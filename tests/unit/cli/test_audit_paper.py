"""The audit's report on paper."""

import io

import pytest
from pypdf import PdfReader

from ledger.cli.audit_paper import ATTACHED, paper
from ledger.indexer.audit.report import LogSeen, Report
from ledger.indexer.state import Journal
from ledger.paper import NoAttachment, Paper, Section
from ledger.pdf import attachment, pdf
from ledger.proofs import canonical
from ledger.proofs.claims import Block


def test_R29_a_report_on_paper_says_what_was_found_and_carries_the_report() -> None:
    report = Report(84084, "development", 1, Block(7, b"\x01" * 32, 1_700_000_000), 12, 3)
    report.journals["Exchange"] = Journal(9, b"\x02" * 32)
    report.access_log = LogSeen(4, b"\x03" * 32, 1, {"grant": 4})
    report.found("row-altered", "index_plans, plan 65536: price is 1, the entries make 500000")
    data = canonical.dumps({"report": report.to_json(), "signer": "0xabc", "signature": "0x00"})
    made = pdf(paper(data))
    assert pdf(paper(data)) == made
    assert attachment(made, ATTACHED) == data
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(made)).pages)
    for said in ("Báo cáo kiểm toán sổ cái", "1 phát hiện", "row-altered", "price is 1", "0xabc"):
        assert said in text, said


def test_a_paper_without_attachments_has_none() -> None:
    made = pdf(Paper("Tiêu đề", "", 0, [Section("Đầu mục", "Nội dung " * 2000)]))
    assert len(PdfReader(io.BytesIO(made)).pages) > 1
    with pytest.raises(NoAttachment, match="attached"):
        attachment(made, ATTACHED)
