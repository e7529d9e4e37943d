"""Each index is used by the query it is for, and can be asked for twice."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from infra.local.stream_indexes import index_streams

NUMBERING = "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = ?1"
DESCRIBING = (
    "SELECT MIN(sequence_number), MAX(sequence_number) FROM _stream_records WHERE table_name = ?1 AND shard_id = ?2"
)
READING = """SELECT event_name, keys_json, new_image, old_image, sequence_number, created_at, user_identity
             FROM _stream_records
             WHERE table_name = ?1 AND shard_id = ?2 AND CAST(sequence_number AS INTEGER) > ?3
             ORDER BY CAST(sequence_number AS INTEGER) ASC
             LIMIT ?4"""

MADE_BY_DYNOXIDE = """CREATE TABLE _stream_records (
    id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL, event_name TEXT NOT NULL, keys_json TEXT NOT NULL,
    new_image TEXT, old_image TEXT, sequence_number TEXT NOT NULL, shard_id TEXT NOT NULL,
    created_at INTEGER NOT NULL, user_identity TEXT)"""


def _plan(database: Path, query: str) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute(f"EXPLAIN QUERY PLAN {query}", ("t", "s", 1, 1)[: query.count("?")]).fetchall())


@pytest.mark.parametrize(
    ("query", "used"),
    [
        (NUMBERING, "USING INDEX tollgate_stream_number"),
        (DESCRIBING, "USING COVERING INDEX tollgate_stream_shard"),
        (READING, "USING INDEX tollgate_stream_number (table_name=? AND <expr>>?)"),
    ],
)
def test_a_query_of_dynoxide_does_not_read_all_records(tmp_path: Path, query: str, used: str) -> None:
    database = tmp_path / "dynoxide.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(MADE_BY_DYNOXIDE)
    assert "USING" not in _plan(database, query)
    index_streams(database)
    index_streams(database)
    assert used in _plan(database, query)
