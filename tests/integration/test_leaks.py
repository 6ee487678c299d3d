"""Secrets in commits: what is found, what is not, and what becomes of the release."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from pipeline import deciding
from pipeline.adapters.git import GitRepository
from pipeline.adapters.leaks import PatchScanner
from pipeline.errors import RepositoryError
from pipeline.ports import Leak
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import LEE, open_house

SECRETS = {
    'token = "ghp_' + "0123456789abcdefghijklmnopqrstuvwxyz" + '"': "GitHub Token",
    'token = "github_pat_' + "11ABCDEFG0" * 8 + '"': "GitHub fine-grained token",
    "SLACK=xoxb-" + "123456789012-1234567890123-abcdefghijklmnopqrstuvwx": "Slack Token",
    "SLACK_APP=xapp-" + "1-A0123456789-1234567890123-" + "ab12" * 16: "Slack app token",
    "-----BEGIN RSA " + "PRIVATE KEY-----": "Private Key",
    "url: postgresql://hub:" + "w7TqpZ81mm@db/hub": "Basic Auth Credentials",
    'key = "sk-ant-' + "api03-abcdefghijklmnopqrstuvwxyz" + '"': "Anthropic key",
    'key = "sk-proj-' + "abcdefghijklmnopqrstuvwxyz" + '"': "OpenAI key",
    "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY": "AWS secret key",
    "GOOGLE=AIza" + "SyA1234567890abcdefghijklmnopqrstuv": "Google API key",
    "//registry/:_authToken=npm_" + "abcdefghijklmnopqrstuvwxyz0123456789": "npm token",
}
HARMLESS = (
    'sha = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"',
    'key = os.environ["CHARGE_SIGNING_KEY"]',
    'password = "hunter2hunter2"  # of a test',
    "DATABASE_URL=postgresql://user:password@localhost/hub",
    "DATABASE_URL=postgresql://hub:${PASSWORD}@db/hub",
    'id = "550e8400-e29b-41d4-a716-446655440000"',
    'token = "ghp_' + "0123456789abcdefghijklmnopqrstuvwxyz" + '"  # pragma: allowlist secret',
    "x" * 100_000,
    "naïve 🚀 \u202egnp.exe",
)


def patch(*lines: str, path: str = "app/settings.py") -> bytes:
    """A patch that adds these lines to a new file."""
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    return (head + f"@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)).encode()


async def test_what_names_itself_a_secret_is_found_with_its_place() -> None:
    found = await PatchScanner().scan(patch(*SECRETS))
    expected = [Leak("app/settings.py", number, kind) for number, kind in enumerate(SECRETS.values(), 1)]
    assert [leak for leak in expected if leak not in found] == []


async def test_what_is_none_is_left_alone() -> None:
    assert await PatchScanner().scan(patch(*HARMLESS)) == ()
    removed = patch(*SECRETS).replace(b"\n+", b"\n-").replace(b"@@ -0,0 +1,11 @@", b"@@ -1,11 +0,0 @@")
    assert await PatchScanner().scan(removed) == ()
    assert await PatchScanner().scan(b"") == ()


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Sam", "-c", "user.email=sam@example.com")
    done = subprocess.run(("git", *who, *arguments), cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def test_a_secret_that_a_later_commit_takes_away_is_still_in_the_history(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    await asyncio.to_thread(git, origin, "init", "-q", "-b", "main")
    shas = []
    for text in ("nothing", next(iter(SECRETS)), "nothing again"):
        (origin / "settings.py").write_text(text + "\n")
        await asyncio.to_thread(git, origin, "add", ".")
        await asyncio.to_thread(git, origin, "commit", "-q", "-m", "feat: settings")
        shas.append(await asyncio.to_thread(git, origin, "rev-parse", "HEAD"))
    repository = GitRepository(
        url=str(origin), branch="main", mirror=tmp_path / "mirror.git", committer=("Bot", "bot@localhost")
    )
    await repository.fetch()
    found = await PatchScanner().scan(await repository.patch(shas[0], shas[2]))
    assert found == (Leak("settings.py", 1, "GitHub Token"),)
    assert await PatchScanner().scan(await repository.patch(shas[1], shas[2])) == ()
    assert found == await PatchScanner().scan(await repository.patch(None, shas[2]))
    with pytest.raises(RepositoryError):
        await repository.patch("0" * 40, shas[2])


async def test_a_release_waits_until_somebody_has_revoked_them(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.leaks = [Leak("app/settings.py", 3, "Slack Token")]
        release = await house.start()
        shown = await house.waits_for(release.id, "leaks")
        assert "staging" not in shown.runs
        run = shown.runs["leaks"]
        assert run.facts["places"] == [{"path": "app/settings.py", "line": 3, "kind": "Slack Token"}]
        await deciding.settle(house.service, LEE, release.id, run.id, "keep", house.click())
        shown = await house.waits_for(release.id, "checklist")
        assert (shown.runs["leaks"].code, shown.runs["leaks"].facts) == ("leaks_revoked", {"by": "U0LEE"})


async def test_what_cannot_be_looked_through_does_not_go_out(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.adopt()
        house.world.failing.add("scan")
        release = await house.start()
        shown = await house.ended(release.id)
        assert shown.release.status is ReleaseStatus.FAILED
        assert shown.runs["leaks"].status is StageStatus.FAILED
