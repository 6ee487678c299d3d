"""What one commit to SQLite costs on this disk, with nothing of ours in the way: the floor of everything durable."""

import sqlite3
import time
from pathlib import Path


class Commits:
    """A database of its own with the bot's settings (WAL, every commit on the disk)."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, payload TEXT)")

    def one(self, rows: int, size: int) -> float:
        """Insert `rows` rows of `size` bytes in one transaction; milliseconds."""
        payload = "x" * size
        started = time.perf_counter()
        self._connection.execute("BEGIN IMMEDIATE")
        for _ in range(rows):
            self._connection.execute("INSERT INTO rows (payload) VALUES (?)", (payload,))
        self._connection.execute("COMMIT")
        return (time.perf_counter() - started) * 1000

    def close(self) -> None:
        self._connection.close()
