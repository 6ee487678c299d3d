"""The options of `releasebot migrations`, apart from what carries it out: that takes a while to import."""

import argparse
from pathlib import Path


def add_migrations(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="the folder with alembic.ini, or with env.py"
    )
    deployed = "what is deployed (default: the heads at the newest release tag, else nothing)"
    parser.add_argument("--from", dest="lower", metavar="REV", action="append", help=deployed)
    parser.add_argument("--to", dest="upper", metavar="REV", help="up to here (default: the heads)")
    parser.add_argument(
        "--url", help="a PostgreSQL server to try them on (default: one that is started here)"
    )
    parser.add_argument(
        "--python", help="the product's interpreter (default: of the virtual environment beside it)"
    )
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help="for one step (default 60)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print a list of {revision, labels, reasons, evidence}"
    )
