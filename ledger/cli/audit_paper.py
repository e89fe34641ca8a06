"""An audit's report laid out for people, in Vietnamese and English; the report itself is attached."""

import time
from hashlib import sha256
from typing import Final

from ledger.indexer.audit.report import CODES
from ledger.paper import Paper, Section, Table
from ledger.proofs import canonical

ATTACHED: Final = "audit.json"


def paper(data: bytes) -> Paper:
    """Of a report as `socai audit` writes it, signed or not."""
    told = canonical.loads(data)
    report = told.get("report", told)
    findings, block, log = report["findings"], report["block"], report["access_log"]
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(block["time"]))
    verdict = "Không có phát hiện · No finding" if not findings else f"{len(findings)} phát hiện · finding(s)"
    facts = [
        ("Kết luận · Outcome", verdict),
        ("Khối · Block", f"{block['number']}, {block['hash']}"),
        ("Từ khối · From block", str(report["since"])),
        ("Mã chuỗi · Chain id", str(report["chain_id"])),
        ("Ai xác nhận khối · Whose word a block is", report["anchor"]),
        ("Mục, giấy phép · Entries, licences", f"{report['entries']:,}, {report['licences']:,}"),
        ("Người ký · Signer", told.get("signer", "không ký · not signed")),
    ]
    journals = [[name, f"{one['entries']:,}", one["head"]] for name, one in report["journals"].items()]
    rows = [[name, f"{count:,}"] for name, count in report["compared"].items()]
    return Paper(
        title="Báo cáo kiểm toán sổ cái",
        subtitle=f"Audit of the ledger · đúng tại khối · as of block {block['number']}, {made}",
        made_at=block["time"],
        footer=f"SHA-256 {sha256(data).hexdigest()}",
        attachments={ATTACHED: data},
        sections=[
            Section("Tóm tắt · Summary", facts=facts),
            Section(
                "Phát hiện · Findings",
                "Không có. None." if not findings else "",
                tables=[
                    Table(
                        ("Mã · Code", "Nghĩa · Meaning", "Ở đâu · What and where"),
                        (14, 30, 56),
                        [[one["code"], CODES[one["code"]][1], one["message"]] for one in findings],
                    )
                ]
                if findings
                else [],
            ),
            Section(
                "Nhật ký hợp đồng · Journals of the contracts",
                tables=[Table(("Hợp đồng · Contract", "Mục · Entries", "Head"), (22, 14, 64), journals)],
            ),
            Section(
                "Chỉ mục đã so · Rows of the index compared",
                tables=[Table(("Bảng · Table", "Dòng · Rows"), (70, 30), rows)] if rows else [],
                text="" if rows else "Không so. Not compared.",
            ),
            Section(
                "Nhật ký truy cập · Access log",
                "Không kiểm. Not audited." if log is None else "",
                facts=[]
                if log is None
                else [
                    ("Số mục · Size", f"{log['size']:,}"),
                    ("Gốc · Root", log["root"]),
                    ("Điểm neo · Anchors", str(log["anchors"])),
                    *((kind, f"{count:,}") for kind, count in log["kinds"].items()),
                ],
            ),
        ],
    )
