"""A dossier laid out for people, in Vietnamese and English; every figure in it comes from the file itself."""

import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

from ledger.paper import Paper, Section, Table
from ledger.proofs import canonical
from ledger.proofs.canonical import Json

ATTACHED: Final = "dossier.json"
"""The dossier itself, attached to its PDF."""
KINDS: Final = {
    1: "pháp lý · legal",
    2: "an ninh · security",
    4: "chất lượng · quality",
    8: "lưu ký · custody",
}
SHOWN: Final = 60
"""Entries and accesses printed; the file has them all."""


def paper(data: bytes, url: str) -> Paper:
    """The paper of a dossier; `url` is where the service answers."""
    dossier = canonical.loads(data)
    claim, told = dossier["evidence"]["licence"]["claim"], dossier["told"]
    payment = dossier["evidence"].get("payment", {}).get("claim")
    digest = sha256(data).hexdigest()
    block = claim["block"]
    return Paper(
        title="Hồ sơ pháp lý giao dịch",
        subtitle=f"Legality dossier · giấy phép · licence {dossier['licence']}\n"
        f"Đúng tại khối · true as of block {block['number']}, {utc(block['time'])}",
        made_at=dossier["made_at"],
        code=f"{url}/v1/evidence/licences/{dossier['licence']}?block={block['number']}#sha256={digest}",
        footer=f"SHA-256 {digest}",
        attachments={ATTACHED: data},
        sections=[
            Section(
                "Cách kiểm tra · How to check this",
                "Tệp dossier.json đính kèm chứa bằng chứng; lệnh `socai verify` kiểm tra ngoại tuyến với "
                "tệp tin cậy của bạn. The attached dossier.json carries the proofs: `socai verify FILE.pdf "
                "--trust TRUST` checks it with no network. What is marked † is proven; the rest is what the "
                "exchange tells, to be checked against journals and access log. An engineering artefact, "
                "not legal advice.",
            ),
            *_parties(claim, told),
            data_section(claim),
            _rules(claim, told),
            licence_section(claim),
            *payment_section(claim, payment),
            *_delivery(told),
            *_entries(told),
        ],
    )


def _parties(claim: Json, told: Json) -> Iterable[Section]:
    names = {"seller": "Bên bán · Seller", "buyer": "Bên mua · Buyer", "holder": "Người giữ · Holder now"}
    rows = []
    for role, label in names.items():
        party = told["parties"][role]
        if role == "holder" and claim["holder"] == claim["purchase"]["buyer"]:
            continue
        rows.append(
            [
                label,
                party["did"],
                party.get("jurisdiction", "-"),
                party.get("credential", "chưa được công nhận · never accredited"),
            ]
        )
    columns = ("", "DID", "Quốc gia", "Cam kết định danh · Identity commitment")
    yield Section("Các bên · Parties", tables=[Table(columns, (16, 34, 10, 40), rows)])


def data_section(claim: Json) -> Section:
    listing, version = claim["listing"], claim["version"]
    return Section(
        "Dữ liệu · Data †",
        facts=[
            ("Niêm yết, phiên bản · Listing, version", f"{listing['id']}, {version['number']}"),
            (
                "Phân loại · Classification",
                f"{listing['importance']} / {listing['sharing']} / {listing['subject']} / "
                f"personal data: {listing['personal_data']}",
            ),
            ("Nơi cấp, nơi lưu · Home, stored in", f"{listing['home']}, {version['region']}"),
            ("Gốc Merkle · Ciphertext root", version["root"]),
            ("Siêu dữ liệu · Metadata hash", version["metadata"]),
            ("Kích thước · Size", f"{int(version['size']):,} bytes"),
        ],
    )


def _rules(claim: Json, told: Json) -> Section:
    rows = [
        [KINDS.get(one["kind"], str(one["kind"])), one["reviewer"], one["evidence"], utc(one["time"])]
        for one in told["attestations"]
        if one["stands"]
    ]
    columns = ("Loại · Kind", "Người xét · Reviewer", "Bằng chứng · Evidence hash", "Lúc · At")
    return Section(
        "Quy tắc và thẩm định · Rules and reviews",
        facts=[
            ("Gói quy tắc · Rule pack of the decision †", str(claim["rule_pack"])),
            ("Cần có · Required attestations †", ", ".join(claim["listing"]["required"]) or "-"),
            ("Đã có · Standing attestations †", ", ".join(claim["version"]["attested"]) or "-"),
        ],
        tables=[Table(columns, (18, 30, 36, 16), rows)] if rows else [],
    )


def licence_section(claim: Json) -> Section:
    plan = claim["plan"]
    return Section(
        "Giấy phép · Licence †",
        facts=[
            ("Tình trạng · Status", claim["status"]),
            ("Người giữ · Holder", claim["holder"]),
            ("Cấp lúc · Issued", utc(claim["issued_at"])),
            ("Hết hạn · Expires", utc(claim["expires_at"]) if claim["expires_at"] else "không · never"),
            ("Đã dùng · Uses", f"{claim['used']}" + (f" / {plan['quota']}" if plan["quota"] else "")),
            ("Điều khoản · Terms hash", plan["terms"]),
        ],
    )


def payment_section(claim: Json, payment: Json) -> Iterable[Section]:
    purchase = claim["purchase"]
    facts = [
        ("Giá · Price", _dong(purchase["price"])),
        ("Đơn hàng · Order", claim["order"]),
        ("Khối, giao dịch · Block, transaction", f"{_place(purchase)}"),
        ("Phí, thuế · Fee, tax", f"{purchase['fee_bps'] / 100:g} %, {purchase['tax_bps'] / 100:g} %"),
    ]
    tables = []
    if payment is not None and payment["settlement"] is not None:
        rows = [
            [part["part"], part["account"], _dong(part["amount"])] for part in payment["settlement"]["parts"]
        ]
        tables.append(Table(("Phần · Part", "Tài khoản · Account", "Số tiền · Amount"), (20, 55, 25), rows))
    yield Section("Thanh toán · Payment †", facts=facts, tables=tables)


def _delivery(told: Json) -> Iterable[Section]:
    accesses = told["accesses"]
    released = sum(one["released"] for one in accesses)
    rows = [
        [
            utc(one["at"]),
            "cấp · released" if one["released"] else "từ chối · denied",
            one["rule"],
            _shown(one),
        ]
        for one in accesses[:SHOWN]
    ]
    columns = ("Lúc · At", "Kết quả · Outcome", "Quy tắc · Rule", "Khối, mục nhật ký · Block, log entry")
    text = f"{released} lần cấp khóa, {len(accesses) - released} lần từ chối. Key releases, and refusals."
    yield Section(
        "Giao nhận và truy cập · Delivery and accesses",
        text,
        tables=[Table(columns, (22, 22, 34, 22), rows)] if rows else [],
    )


def _entries(told: Json) -> Iterable[Section]:
    rows = [
        [
            str(one["block"]),
            utc(one["time"]),
            f"{one['contract']}.{one['event']}",
            str(one["position"] or "-"),
        ]
        for one in told["entries"][:SHOWN]
    ]
    columns = ("Khối · Block", "Lúc · At", "Sự kiện · Event", "Vị trí · Position in the journal")
    yield Section("Các mục sổ cái · Ledger entries", tables=[Table(columns, (14, 26, 38, 22), rows)])


def _shown(one: Mapping[str, Any]) -> str:
    block, entry = ("-" if one[name] is None else str(one[name]) for name in ("block", "entry"))
    return f"{block}, {entry}"


def _place(purchase: Json) -> str:
    return f"{purchase['block']['number']}, {purchase['transaction']}"


def _dong(amount: str) -> str:
    return f"{int(amount):,}".replace(",", ".") + " ₫"


def utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
