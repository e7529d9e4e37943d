"""Indexes that dynoxide's stream records lack: without them writes, and looks at a stream, cost more as they grow.

Measured with dynoxide 1.2.1:

- transactions of four items on tables with streams: 519/s at first, 132/s after 1,500 of them, because numbering a
  record reads all of them (`MAX(CAST(sequence_number AS INTEGER))` of the table). With the index the rate stays.
- DescribeStream with 319,000 records of a table: 207 ms, while nobody else is served, because the first and the last
  number are looked for in all records. With an index that holds what is asked for: 48 ms. It still grows with the
  records, for SQLite walks an index that is asked for both ends at once; the writes pay nothing that could be measured.

The file is plain SQLite, and an index changes no answer.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

BUSY_SECONDS: Final = 5.0

# Written exactly as dynoxide's own queries are: SQLite uses an index on an expression only for the same expression.
INDEXES: Final = (
    (
        "CREATE INDEX IF NOT EXISTS tollgate_stream_number "
        "ON _stream_records (table_name, CAST(sequence_number AS INTEGER))"
    ),
    "CREATE INDEX IF NOT EXISTS tollgate_stream_shard ON _stream_records (table_name, shard_id, sequence_number)",
)


def index_streams(database: Path) -> None:
    """Add the indexes to a database that dynoxide has opened; does nothing when they are there."""
    with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection, connection:
        for index in INDEXES:
            connection.execute(index)
