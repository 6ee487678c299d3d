"""One line per record, whatever is in it."""

import logging

from core_hub.log import OneLine


def test_a_hostile_message_stays_one_line() -> None:
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "a\r\n2026 CRITICAL api b", None, None)
    assert OneLine("%(levelname)s %(message)s").format(record) == "ERROR a\\r\\n2026 CRITICAL api b"
