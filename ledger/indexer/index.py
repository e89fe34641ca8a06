"""The index in SQL: blocks are written and reverted, each time with cursor and undo in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from ledger.chain.events import Entry
from ledger.chain.manifest import Manifest
from ledger.indexer.fetch import Block
from ledger.indexer.mirror import Mirror, mentioned, subject
from ledger.indexer.reconcile import Chain, Link
from ledger.indexer.replay import JOURNALLED, apply
from ledger.indexer.state import State
from ledger.store.database import Database
from ledger.store.index.rows import Cursor, IndexedBlock, IndexRows, Row, in_snapshot, in_transaction


class OtherDeployment(Exception):
    """The index in the database is of other contracts."""


class Index:
    """The index of one deployment. One task writes; another process that does is noticed (CursorMoved)."""

    def __init__(self, database: Database, manifest: Manifest) -> None:
        self._database = database
        self._deployment = deployment(manifest)
        self._mirror = Mirror()
        self._cursor: Cursor | None = None

    async def chain(self) -> Chain | None:
        """What is applied, as SQL has it now; None when nothing is. Raises OtherDeployment."""
        self._mirror.forget()
        found = await in_snapshot(self._database, self._read)
        self._cursor = None if found is None else found[0]
        return None if found is None else found[1]

    async def start(self, base: Block) -> Chain:
        """Begins after a block that is final and held nothing of ours."""
        block = _indexed(base)
        cursor = Cursor(self._deployment, 0, block.number, block.hash, block.number)
        await in_transaction(self._database, lambda sql: sql.start(cursor, block))
        self._cursor = cursor
        return Chain(base.link)

    async def hash_at(self, number: int) -> bytes | None:
        """Of the block applied, if one of this number was."""
        return await in_snapshot(self._database, lambda sql: sql.hash_at(number))

    async def write(self, revert: Sequence[Link], blocks: Sequence[Block], final: int) -> None:
        """Reverts (newest first), applies (oldest first), and calls final what is at or below `final`.

        All of it or nothing. Raises CursorMoved, ReplayError; then, and when cancelled, ask `chain` anew.
        """
        before = self._cursor
        if before is None:
            raise RuntimeError("chain() or start() comes first")
        self._cursor = None  # until it is known how this ends

        number, named = before.head_number, before.head_hash
        if blocks:
            number, named = blocks[-1].link.number, blocks[-1].link.hash
        elif revert:
            number, named = revert[-1].number - 1, revert[-1].parent
        settled = max(before.final_number, min(final, number))
        after = replace(before, head_number=number, head_hash=named, final_number=settled)

        def work(sql: IndexRows) -> None:
            sql.move(before, after)  # first: whoever else writes waits for the row, or is noticed
            for link in revert:
                sql.revert(link.number)
            self._mirror.begin(sql)
            self._apply(sql, [block for block in blocks if block.link.number <= final], undo=False)
            for block in blocks:
                if block.link.number > final:
                    self._apply(sql, [block], undo=True)
            if final > before.final_number:
                sql.forget(final)

        if revert:
            self._mirror.forget()
        try:
            await in_transaction(self._database, work)
        except BaseException:
            self._mirror.forget()
            raise
        self._cursor = after

    def _apply(self, sql: IndexRows, blocks: Sequence[Block], *, undo: bool) -> None:
        if not blocks:
            return
        entries = [entry for block in blocks for entry in block.entries]
        self._mirror.expect(entries)
        rows: list[Row] = []
        for block in blocks:
            for entry in block.entries:
                apply(self._mirror.state, entry, block.time)
                rows.append(entry_row(entry, self._mirror.state))
        changes = self._mirror.flush() if entries else []
        mentions = [row for entry in entries for row in mention_rows(entry)]
        sql.add_entries(rows)
        sql.add_mentions(mentions)
        sql.write(changes, blocks[-1].link.number if undo else None)
        sql.add_blocks([_indexed(block) for block in blocks])

    def _read(self, sql: IndexRows) -> tuple[Cursor, Chain] | None:
        cursor = sql.cursor()
        if cursor is None:
            return None
        if cursor.deployment != self._deployment:
            raise OtherDeployment(
                "the index in the database is of another deployment: run `socai index rebuild`"
            )
        links = [Link(block.number, block.hash, block.parent) for block in sql.blocks(cursor.final_number)]
        return cursor, Chain(links[0], tuple(links[1:]))


def deployment(manifest: Manifest) -> bytes:
    """32 bytes that name chain and contracts."""
    return sha256(json.dumps(manifest.to_json(), sort_keys=True).encode()).digest()


def _indexed(block: Block) -> IndexedBlock:
    return IndexedBlock(block.link.number, block.link.hash, block.link.parent, block.time)


def mention_rows(entry: Entry) -> list[Row]:
    """Rows of `index_mentions`."""
    return [(word, entry.block_number, entry.id.log_index) for word in mentioned(entry)]


def entry_row(entry: Entry, state: State) -> Row:
    """A row of `index_entries`; `state` is as the entry left it."""
    of = entry.id
    return (
        entry.block_number,
        of.log_index,
        of.chain_id,
        of.block_hash,
        of.transaction_hash,
        entry.transaction_index,
        bytes.fromhex(of.emitter[2:]),
        entry.contract,
        entry.event.abi_name,
        entry.event.topic0,
        entry.args,
        *subject(entry),
        state.journals[entry.contract].length if type(entry.event) in JOURNALLED else None,
    )
