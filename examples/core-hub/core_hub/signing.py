"""Sessions, access keys and receipts: everything that CHARGE_SIGNING_KEY vouches for."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass

from core_hub.problems import Problem

SESSION_SECONDS = 3600


@dataclass(frozen=True)
class Session:
    """Who asks. A tester sees only what testers made, and can send only as a dry run."""

    user: str
    tester: bool


def access_key(signing_key: str, user: str) -> str:
    """The access key of an operator; changing the signing key voids all of them."""
    return _sign(signing_key, f"access:{user}".encode())


def log_in(signing_key: str, user: str, key: str | None) -> Session:
    """A tester's session without a key, an operator's with the right one. Raises Problem (401)."""
    if key is None:
        return Session(user, tester=True)
    if not hmac.compare_digest(access_key(signing_key, user).encode(), key.encode()):
        raise Problem(
            401,
            "You are not logged in.",
            "The access key does not belong to this user.",
            "Print the right one with `python -m core_hub.access USER`, or leave it out to try as a tester.",
        )
    return Session(user, tester=False)


def issue(signing_key: str, session: Session, now: float | None = None) -> str:
    """A token that stands for the session for an hour (`now` in seconds since the epoch)."""
    until = int((time.time() if now is None else now) + SESSION_SECONDS)
    payload = json.dumps({"user": session.user, "tester": session.tester, "until": until}).encode()
    return base64.urlsafe_b64encode(payload).decode() + "." + _sign(signing_key, b"session:" + payload)


def verify(signing_key: str, token: str, now: float | None = None) -> Session:
    """The session that a token stands for. Raises Problem (401) for a forged, damaged or expired one."""
    try:
        encoded, signature = token.split(".")
        payload = base64.b64decode(encoded, altchars=b"-_", validate=True)
        genuine = hmac.compare_digest(_sign(signing_key, b"session:" + payload), signature)
    except (ValueError, TypeError):  # not two parts, not base64, not ASCII
        genuine, payload = False, b""
    claims = json.loads(payload) if genuine else None
    if claims is None or claims["until"] <= (time.time() if now is None else now):
        raise Problem(
            401, "You are not logged in.", "The session is unknown or has expired.", "POST /api/login again."
        )
    return Session(claims["user"], claims["tester"])


def receipt(signing_key: str, charge_id: int, amount_cents: int, dry_run: bool, rounds: int) -> str:
    """64 hex digits that prove what was sent; the same for the same charge, so a repeated job shows."""
    message = f"receipt:{charge_id}:{amount_cents}:{'dry' if dry_run else 'real'}".encode()
    return hashlib.pbkdf2_hmac("sha256", message, signing_key.encode(), rounds).hex()


def _sign(signing_key: str, message: bytes) -> str:
    return hmac.new(signing_key.encode(), message, hashlib.sha256).hexdigest()
