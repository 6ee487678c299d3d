"""The world outside the bots: one SQLite file that all processes share, and its own journal.

Every effect and its journal row are one transaction, so that no kill can come between them. The journal is
what the checker reads; the bots' tables are not asked.
"""

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SCHEMA = """
PRAGMA journal_mode=WAL;
CREATE TABLE IF NOT EXISTS journal (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, process INTEGER NOT NULL,
  product TEXT NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, what TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS things (
  product TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (product, name)
) WITHOUT ROWID;
"""
LONGEST = 0.25
"""Seconds that one effect may take before its caller hears of it: room for a kill between act and record."""


@dataclass(frozen=True)
class Entry:
    """One effect: what was done, where, when (seconds since 1970), and by which process."""

    id: int
    at: float
    process: int
    product: str
    kind: str
    place: str
    what: str

    @property
    def deed(self) -> tuple[str, str, str]:
        return self.kind, self.place, self.what


@dataclass
class Book:
    """One transaction on one product's part of the world."""

    file: sqlite3.Connection
    product: str

    def get(self, name: str, otherwise: Any = None) -> Any:
        row = self.file.execute(
            "SELECT value FROM things WHERE product = ? AND name = ?", (self.product, name)
        ).fetchone()
        return json.loads(row[0]) if row else otherwise

    def put(self, name: str, value: Any) -> None:
        self.file.execute(
            "INSERT OR REPLACE INTO things VALUES (?, ?, ?)", (self.product, name, json.dumps(value))
        )

    def did(self, kind: str, place: str, what: str = "") -> None:
        self.file.execute(
            "INSERT INTO journal (at, process, product, kind, place, what) VALUES (?, ?, ?, ?, ?, ?)",
            (time.time(), os.getpid(), self.product, kind, place, what),
        )


@dataclass(frozen=True)
class Outside:
    """The file. Its synchronous methods take milliseconds; bots call them in a thread."""

    path: Path
    dice: random.Random = field(default_factory=random.Random)

    def create(self) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as file:
            file.executescript(SCHEMA)

    @contextlib.contextmanager
    def open(self, product: str) -> Iterator[Book]:
        """Look and act in one transaction; nobody else acts meanwhile."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as file:
            file.execute("PRAGMA synchronous=OFF")  # a process may die here, the machine does not
            file.execute("BEGIN IMMEDIATE")
            yield Book(file, product)
            file.execute("COMMIT")

    async def act(self, product: str, deed: Callable[[Book], T], longest: float = LONGEST) -> T:
        """One atomic effect, at once; then the time until its caller hears of it."""
        found = await asyncio.to_thread(self.now, product, deed)
        await asyncio.sleep(self.dice.uniform(0, longest))
        return found

    def now(self, product: str, deed: Callable[[Book], T]) -> T:
        with self.open(product) as book:
            return deed(book)

    async def look(self, product: str, name: str, otherwise: Any = None) -> Any:
        return await asyncio.to_thread(self.now, product, lambda book: book.get(name, otherwise))

    def entries(self, product: str, after: int = 0) -> list[Entry]:
        """The journal of one product, oldest first."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as file:
            rows = file.execute(
                "SELECT * FROM journal WHERE product = ? AND id > ? ORDER BY id", (product, after)
            )
            return [Entry(*row) for row in rows]

    def newest(self) -> int:
        """The id of the newest entry of all."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as file:
            return int(file.execute("SELECT coalesce(max(id), 0) FROM journal").fetchone()[0])
