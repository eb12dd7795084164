"""Runs statements as one transaction, of which the file receives everything or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit everything in the block as one write, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        end_transaction(connection, "ROLLBACK")
        raise


def end_transaction(connection: sqlite3.Connection, statement: Literal["COMMIT", "ROLLBACK"]) -> None:
    """End the transaction, unless SQLite has done so by itself, as after some errors such as a full disk."""
    if connection.in_transaction:
        connection.execute(statement)
