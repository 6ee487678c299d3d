"""Logs: one line per record on stdout, flushed at once: moment, level, component, version, message."""

import logging
import sys
import time


class OneLine(logging.Formatter):
    """Escapes line breaks: neither a traceback nor a hostile text may look like a second record."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


def start(component: str, version: str) -> logging.Logger:
    """Send every record of this process to stdout and return the component's logger."""
    handler = logging.StreamHandler(sys.stdout)
    who = {"component": component, "version": version}
    form = "%(asctime)s.%(msecs)03dZ %(levelname)s %(component)s %(version)s %(message)s"
    handler.setFormatter(OneLine(form, "%Y-%m-%dT%H:%M:%S", defaults=who))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    return logging.getLogger(f"core_hub.{component}")
