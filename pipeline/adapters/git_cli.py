"""The git program on one bare mirror: a clean environment, time limits, and errors a person can act on.

Not an adapter itself: what pipeline/adapters/git.py is built from.
"""

import base64
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from pipeline.errors import RepositoryError
from pipeline.plain import plain
from pipeline.process import Output, capture

LOCAL = 60.0
NETWORK = 600.0
"""Time limits in seconds: for reading the mirror, and for talking to the origin."""

_REACHING = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO")
_ASKING = ("SSH_AUTH_SOCK", "SSH_ASKPASS", "GIT_ASKPASS", "GIT_SSH_COMMAND")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_KEPT = _REACHING + _ASKING + _PROXIES
"""What git may know of the bot's own environment: how to reach the origin, never the bot's secrets."""

_FIXED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "credential.helper": "",
    "gc.autoDetach": "false",  # a detached clean-up would outlive us
    "maintenance.autoDetach": "false",
    "i18n.logOutputEncoding": "utf-8",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
}

DAMAGED = (
    r"corrupt|unable to unpack|inflate:|bad object|missing (blob|tree|commit)|unable to read tree|packfile"
)

# (what git says, why that is, what to do); the first that fits is used.
_EXPLANATIONS = (
    (
        (
            r"Authentication failed|could not read (Username|Password)|terminal prompts disabled|HTTP 40[13]"
            r"|returned error: 40[13]|Permission denied \(|Host key verification failed"
        ),
        "The origin did not accept the bot's credentials.",
        "give the bot's environment credentials for this repository (in its URL, or an SSH key)",
    ),
    (
        r"denyCurrentBranch|is currently checked out|refusing to update checked out branch",
        "The origin is somebody's working folder with this branch checked out.",
        "release from a bare repository (git clone --bare), or check out another branch in that folder",
    ),
    (
        r"protected branch|hook declined|denied to|not allowed to push",
        "The origin's rules forbid this push.",
        "let the bot's account push tags and the CHANGELOG commit to this branch, then ask again",
    ),
    (
        r"dubious ownership",
        "The origin's folder belongs to another user of this machine.",
        "run the bot as the owner of that folder, or name a URL",
    ),
    (
        r"Permission denied|insufficient permission|Read-only file system|Operation not permitted",
        "The bot's user may not read or write there.",
        "correct the permissions of the folder that the message names",
    ),
    (
        r"No space left|[Dd]isk quota|File too large",
        "The disk is full.",
        "make room where the bot keeps its data; nothing half-written is used",
    ),
    (
        (
            r"not a git repository|does not appear to be a git repo|[Rr]epository .*not found|does not exist"
            r"|not valid: is this a git repository|invalid gitfile|no path specified|No such file or directory"
        ),
        "There is no git repository at that address.",
        "correct `repository` in bot.toml",
    ),
    (
        r"transport '.*' not allowed|is not a valid protocol|Unable to find remote helper",
        "That kind of address is not allowed.",
        "use a path, or a file, ssh or https address in bot.toml",
    ),
    (
        (
            r"resolve host|onnection (refused|timed out|reset|closed)|unable to access|longer than"
            r"|hung up|early EOF|unable to connect"
        ),
        "The origin could not be reached.",
        "check the network and the origin's state, then ask again",
    ),
    (
        DAMAGED,
        "The bot's copy of the repository is damaged.",
        "remove the mirror's folder; it is only a copy and is fetched again",
    ),
    (
        r"cannot lock ref|Unable to create '.*\.lock'",
        "Another git is at work, or one was killed.",
        "ask again in a few minutes",
    ),
)
_OTHERWISE = ("", "look at git's message and at the origin, then ask again")
_SECRET_LENGTH = 6  # shorter ones would mask half of a sentence; git shows them inside URLs only
_STALE_LOCK = re.compile(r"\.lock': File exists")


class Git:
    """Runs git on the bare repository `mirror`, whose remote `origin` is `url`."""

    def __init__(self, mirror: Path, url: str) -> None:
        self.mirror = mirror.absolute()
        address, credentials = _split_credentials(_absolute(url))
        self.shown = plain(address, 120)
        self._secrets = tuple(secret for secret in credentials if len(secret) >= _SECRET_LENGTH)
        self._env = _environment(address, credentials)

    async def run(
        self,
        *arguments: str,
        doing: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout: float = LOCAL,
        codes: tuple[int, ...] = (0,),
    ) -> Output:
        """Run one git command. Raises RepositoryError unless it ends with one of `codes`."""
        output = await self.attempt(*arguments, doing=doing, stdin=stdin, env=env, timeout=timeout)
        if output.code not in codes:
            raise self.error(doing, output)
        return output

    async def attempt(
        self,
        *arguments: str,
        doing: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout: float = LOCAL,
    ) -> Output:
        """Run one git command, whatever its end. A lock whose owner must be dead is removed once."""
        argv = ("git", f"--git-dir={self.mirror}", *arguments)
        whole = {**self._env, **(env or {})}
        try:
            output = await capture(argv, env=whole, timeout=timeout, stdin=stdin)
            if output.ok or not (_STALE_LOCK.search(output.stderr) and self._drop_stale_locks()):
                return output
            return await capture(argv, env=whole, timeout=timeout, stdin=stdin)
        except (OSError, ValueError) as error:
            raise self.error(doing, Output(None, b"", str(error))) from error

    def error(self, doing: str, output: Output) -> RepositoryError:
        """What git could not do, why, and what next; without credentials."""
        if shutil.which("git", path=self._env.get("PATH")) is None:
            return RepositoryError(
                f"Could not {doing}: git is not installed. Next: install git, then ask again."
            )
        said = output.stderr + "\n" + output.stdout[:4000].decode("utf-8", "replace")
        why, following = _explain(said)
        message = f"Could not {doing} ({self.shown}). Git says: {_line(self._harmless(said))}. {why}".rstrip()
        return RepositoryError(f"{message} Next: {following}.")

    def _harmless(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return re.sub(r"://[^/\s@]+@", "://***@", text)

    def _drop_stale_locks(self) -> bool:
        """No git of ours outlives its time limit: an older lock has no owner."""
        old = [lock for lock in _locks(self.mirror) if time.time() - lock.stat().st_mtime > 2 * NETWORK]
        for lock in old:
            lock.unlink(missing_ok=True)
        return bool(old)


def _locks(mirror: Path) -> Iterator[Path]:
    yield from mirror.glob("*.lock")
    yield from (mirror / "refs").rglob("*.lock")


def _absolute(url: str) -> str:
    """A path is meant from where the bot runs, not from inside the mirror."""
    is_path = "://" not in url and not re.match(r"[^/]+:", url)
    return str(Path(url).expanduser().absolute()) if is_path and url else url


def _split_credentials(url: str) -> tuple[str, tuple[str, ...]]:
    """Credentials leave the URL, which git would show in the list of processes."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ()
    if parts.scheme not in {"http", "https"} or "@" not in parts.netloc:
        return url, ()
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(user), unquote(password))


def _environment(address: str, credentials: tuple[str, ...]) -> dict[str, str]:
    config = {**_CONFIG, "remote.origin.url": address}
    if credentials:
        basic = base64.b64encode(":".join(credentials).encode()).decode()
        config[f"http.{address}.extraHeader"] = f"Authorization: Basic {basic}"
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=20")
    env |= {**_FIXED, "GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def _explain(said: str) -> tuple[str, str]:
    for pattern, why, following in _EXPLANATIONS:
        if re.search(pattern, said):
            return why, following
    return _OTHERWISE


def _line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(fatal|error|remote: error|!)", line)]
    return plain((telling or lines or ["nothing"])[0], 240).rstrip(".")
