"""`python -m core_hub.access USER` prints an operator's access key; it reads CHARGE_SIGNING_KEY."""

import os
import sys

from core_hub.signing import access_key


def main(arguments: list[str]) -> int:
    """Print the key of the one user named. Exit code 2 when user or signing key is missing."""
    signing_key = os.environ.get("CHARGE_SIGNING_KEY", "")
    if len(arguments) != 1 or not signing_key:
        sys.stderr.write(
            "No key was made: one USER and CHARGE_SIGNING_KEY in the environment are needed. "
            "Try: CHARGE_SIGNING_KEY=... python -m core_hub.access dana\n"
        )
        return 2
    sys.stdout.write(access_key(signing_key, arguments[0]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
