"""What the command prints for people: all of it, whatever brackets it has."""

import pytest

from ledger.cli.output import Output


def test_what_stands_in_brackets_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).done(
        "audit.json: 1 finding.", {"findings": ["row-altered: index_orders[block_number=27]: price is 9"]}
    )
    Output(as_json=False).failed("Refused", "listings[1] is frozen", "see [there]", {})
    printed = capsys.readouterr()
    assert "findings  row-altered: index_orders[block_number=27]: price is 9" in printed.out
    assert "listings[1] is frozen" in printed.err
    assert "see [there]" in printed.err


def test_a_long_list_has_an_item_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).done("Done.", {"short": [1, 2], "not_proven": ["a" * 50, "b" * 50], "none": []})
    assert capsys.readouterr().out.splitlines() == [
        "Done.",
        "short       1, 2",
        f"not proven  {'a' * 50}",
        f"            {'b' * 50}",
        "none        ",
    ]
