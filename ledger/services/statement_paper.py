"""An account's statement laid out: as a table for spreadsheets, and for people, in Vietnamese and English."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from ledger.domain.dealings import Part
from ledger.paper import Paper, Section, Table

ATTACHED: Final = "statement.json"
"""The statement itself, attached to its PDF."""
PARTS: Final = {
    Part.FEE: "Phí sàn · Platform fee",
    Part.TAX: "Thuế · Tax",
    Part.UPSTREAM: "Dữ liệu gốc · Upstream",
    Part.SELLER: "Bên bán · Seller",
    Part.REFUND: "Hoàn tiền · Refund",
    Part.WITHDRAWN: "Đã rút · Withdrawn",
}
COLUMNS: Final = ("time", "licence", "part", "currency", "amount", "by_bank", "block", "transaction")


def csv(told: str) -> str:
    """RFC 4180. No cell begins like a formula: all are numbers, times, or words of ours."""
    rows = [
        (
            _utc(one["time"]),
            one["licence"] or "",
            one["part"],
            str(one["currency"]),
            one["amount"],
            "yes" if one["by_bank"] else "no",
            str(one["block_number"]),
            one["transaction"],
        )
        for one in json.loads(told)["movements"]
    ]
    return "".join(",".join(row) + "\r\n" for row in (COLUMNS, *rows))


def paper(told: str) -> Paper:
    """The paper of a statement in JSON."""
    statement = json.loads(told)
    movements: list[Mapping[str, Any]] = statement["movements"]
    first = _utc(statement["since"]) if statement["since"] else "từ đầu · from the beginning"
    rows = [
        [
            _utc(one["time"]),
            PARTS[Part(one["part"])] + (" (ngân hàng · bank)" if one["by_bank"] else ""),
            one["licence"] or "-",
            _money(int(one["amount"]), one["currency"]),
            one["transaction"],
        ]
        for one in movements
    ]
    columns = (
        "Lúc · At",
        "Khoản · What",
        "Giấy phép · Licence",
        "Số tiền · Amount",
        "Giao dịch · Tx",
    )
    return Paper(
        title="Sao kê tài khoản",
        subtitle=f"Statement of account · {statement['account']}\n{first} – {_utc(statement['until'])}",
        made_at=statement["until"],
        footer=f"Theo khối · as of block {statement['block_number']} {statement['block_hash']}",
        attachments={ATTACHED: told.encode()},
        sections=[
            Section(
                "Cách đối chiếu · How to check this",
                "Mỗi dòng là một mục sổ cái: mở giao dịch trên một nút của chuỗi, hoặc lấy chứng nhận "
                "thanh toán của giấy phép. Each line is an entry of the ledger: look its transaction up at "
                "any node, or get the payment certificate of the licence, which is a proof. The attached "
                "statement.json has the same figures for machines.",
            ),
            Section("Tổng · Totals", facts=_totals(movements)),
            Section(
                "Các khoản · Movements",
                "" if rows else "Không có khoản nào trong kỳ. None in this period.",
                tables=[Table(columns, (17, 21, 16, 15, 31), rows)] if rows else [],
            ),
        ],
    )


def _totals(movements: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    sums: dict[tuple[str, int], int] = {}
    for one in movements:
        key = one["part"], one["currency"]
        sums[key] = sums.get(key, 0) + int(one["amount"])
    return [(PARTS[Part(part)], _money(total, currency)) for (part, currency), total in sorted(sums.items())]


def _money(amount: int, currency: int) -> str:
    return f"{amount:,}".replace(",", ".") + (" ₫" if currency <= 1 else f" (tiền tệ · currency {currency})")


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
