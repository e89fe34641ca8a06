"""The access log against what it committed to and against the records of key releases: each way to differ."""

from dataclasses import replace

import pytest

from ledger.crypto.merkle import RootBuilder, leaf_hash
from ledger.domain.grant import Grant
from ledger.domain.history import Inquiry
from ledger.domain.retention import YEAR, YEARS
from ledger.indexer.audit.access import Record, check_log, check_records
from ledger.indexer.audit.report import CODES, Report
from ledger.proofs import access
from ledger.proofs.claims import Block
from ledger.proofs.tlog import Checkpoint

GRANTS = [
    (Grant(bytes([n]) * 16, 1000 + n, 7 + n, b"\2" * 20, b"\3" * 36, "use", denial, None, None, 9), entry)
    for n, (entry, denial) in enumerate([(0, None), (2, "node-stale"), (3, None)])
]
INQUIRY = Inquiry(b"\5" * 16, 1004, b"\2" * 20, "supervisor", "entries", {"licence": "7"})
LOG = [
    access.grant_leaf(GRANTS[0][0]),
    access.download_leaf(1001, b"\4" * 32, 0, 9),
    access.grant_leaf(GRANTS[1][0]),
    access.grant_leaf(GRANTS[2][0]),
    access.inquiry_leaf(INQUIRY),
]
LOOK = Record.of_inquiry(INQUIRY, 4)
RECORDS = [*(Record.of_grant(*one) for one in GRANTS), LOOK]


def report() -> Report:
    return Report(1, "development", 1, Block(9, b"\1" * 32, 1000))


def root(entries: list[bytes]) -> bytes:
    builder = RootBuilder()
    for entry in entries:
        builder.append(leaf_hash(entry))
    return builder.root()


def checkpoint(entries: list[bytes]) -> Checkpoint:
    return Checkpoint("log", len(entries), root(entries))


def only(found: Report, code: str, *words: str) -> None:
    assert [one.code for one in found.findings] == [code], found.findings
    assert found.exit_code == CODES[code][0]
    assert all(word in found.findings[0].message for word in words), found.findings


def test_R33_an_honest_log_is_counted() -> None:
    found = report()
    check_log(found, LOG, checkpoint(LOG), {2: root(LOG[:2])})
    check_records(found, LOG, LOG, RECORDS)
    assert found.findings == []
    assert found.access_log is not None
    assert found.access_log.kinds == {"denial": 1, "download": 1, "grant": 2, "inquiry": 1}
    assert found.records == 4


def test_threat_S19_a_shrunken_log_is_found() -> None:
    found, short = report(), LOG[:2]
    check_log(found, short, checkpoint(short), {3: root(LOG[:3])})
    only(found, "access-log", "has 2 entries and once committed to 3")


def test_threat_S19_a_log_written_anew_is_found() -> None:
    found, other = report(), [LOG[1], *LOG[1:]]
    check_log(found, other, checkpoint(other), {3: root(LOG[:3])})
    only(found, "access-log", "the first 0 entries are sound")


def test_the_database_and_what_is_served_are_one_log() -> None:
    for kept in ([LOG[0], LOG[0], *LOG[2:]], LOG[:1]):
        found = report()
        check_records(found, LOG, kept, RECORDS)
        only(found, "access-log", "access_log[index=1]")


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        (
            [(replace(GRANTS[0][0], account=rb"\9" * 20), 0), *GRANTS[1:]],
            ("grants[id=0x0000", "something else"),
        ),
        (
            [*GRANTS[:2], (replace(GRANTS[2][0], licence=8), 3)],
            ("grants[id=0x0202", "entry 3", "something else"),
        ),
        ([GRANTS[0], GRANTS[2]], ("entry 2", "denial", "no row")),
        ([*GRANTS, (replace(GRANTS[0][0], id=b"\7" * 16), None)], ("grants[id=0x0707", "no entry")),
        ([*GRANTS, (replace(GRANTS[0][0], id=b"\7" * 16), 5)], ("grants[id=0x0707", "no entry")),
        ([*GRANTS, (GRANTS[0][0], 0)], ("entry 0", "is that of grants[id=0x0000")),
    ],
)
def test_R33_a_record_without_its_leaf_or_a_leaf_without_its_record_is_named(
    grants: list[tuple[Grant, int | None]], words: tuple[str, ...]
) -> None:
    found = report()
    check_records(found, LOG, LOG, [*(Record.of_grant(*one) for one in grants), LOOK])
    only(found, "record", *words)


def test_R34_an_inquiry_without_its_leaf_or_a_leaf_without_its_inquiry_is_named() -> None:
    found = report()
    check_records(found, LOG, LOG, RECORDS[:3])
    only(found, "record", "entry 4", "inquiry", "no row")
    found = report()
    other = Record.of_inquiry(replace(INQUIRY, parameters={"licence": "8"}), 4)
    check_records(found, LOG, LOG, [*RECORDS[:3], other])
    only(found, "record", "inquiries[id=0x0505", "something else")


def test_a_leaf_that_the_service_has_not_told_yet_is_no_finding() -> None:
    found = report()
    check_records(found, LOG[:3], LOG, RECORDS)
    assert found.findings == []


def test_R30_a_record_whose_time_was_over_may_be_gone_and_no_other() -> None:
    now = 1002 + YEARS * YEAR
    over = [*LOG, access.retention_leaf(now, 1002)]
    found = report()
    check_records(found, over, over, [*RECORDS[2:]])  # those of 1000 and 1001 are gone
    assert found.findings == []
    check_records(found, over, over, [RECORDS[0], LOOK])  # and that of 1002
    only(found, "record", "entry 3", "no row")


def test_R30_a_record_thrown_away_before_its_time_is_found() -> None:
    early = [*LOG, access.retention_leaf(1001 + YEARS * YEAR, 1002)]
    found = report()
    check_records(found, early, early, [*RECORDS[2:]])
    only(found, "record", "entry 5", "younger than 10 years")
