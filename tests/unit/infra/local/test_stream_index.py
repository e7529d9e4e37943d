"""The index is used by the query it is for, and can be asked for twice."""

import sqlite3
from contextlib import closing
from pathlib import Path

from infra.local.stream_index import index_streams

NUMBERING = "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = ?1"


def _plan(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute(f"EXPLAIN QUERY PLAN {NUMBERING}", ("t",)).fetchall())


def test_numbering_a_record_does_not_read_all_of_them(tmp_path: Path) -> None:
    database = tmp_path / "dynoxide.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE _stream_records (id INTEGER, table_name TEXT, sequence_number TEXT)")
    assert "USING INDEX" not in _plan(database)
    index_streams(database)
    index_streams(database)
    assert "USING INDEX tollgate_stream_number" in _plan(database)
