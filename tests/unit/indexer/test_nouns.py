"""The state's tables in SQL."""

import pytest

from ledger.indexer.mirror import Mirror
from ledger.indexer.nouns import EXCHANGE, NOUNS
from ledger.indexer.state import State
from ledger.store.index.rows import index_table


def test_every_column_stands_for_something_of_the_state() -> None:
    for noun in (*NOUNS, EXCHANGE):
        columns = index_table(noun.name).columns
        assert len(columns) == noun.head + sum(part.width for part in noun.parts), noun.name
        assert [c.primary_key for c in columns] == [index < len(noun.key) for index in range(len(columns))], (
            noun.name
        )
    paths = [part.path.split(".")[0] for noun in (*NOUNS, EXCHANGE) for part in noun.parts]
    assert set(paths) == set(State.__slots__)


def test_the_state_over_sql_is_no_more_than_its_keys() -> None:
    mirror = Mirror()
    with pytest.raises(TypeError, match="ask SQL"):
        list(mirror.state.licences)
    with pytest.raises(TypeError, match="ask SQL"):
        mirror.state.owed.items()
    with pytest.raises(RuntimeError, match="outside a transaction"):
        mirror.state.licences.get(1)
