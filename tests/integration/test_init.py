"""`init` on repositories it has never seen: valid files, honest placeholders, nothing overwritten, nothing run."""

import json
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.init import Proposal, propose, write
from bot.survey_parts import command, dockerfile, slug
from pipeline.config import BotFile, Playbook, parse
from pipeline.errors import ConfigError
from tests.integration.origin import Origin

COMPOSE = """\
services:
  api:
    build: ./services/api
    ports: ["8080:8080"]
  jobs:
    build: {context: ./services/api}
    command: python -m hub.jobs --forever
  ui:
    build: {context: ., dockerfile: docker/ui.Dockerfile}
  db:
    image: postgres:16
"""
SERVICES = {
    "compose.yaml": COMPOSE,
    "services/api/Dockerfile": 'FROM x\nCMD ["no"]\nFROM y\nEXPOSE 8080\nCMD ["python", \\\n "-m", "hub.api"]\n',
    "docker/ui.Dockerfile": "FROM node\nENTRYPOINT npm start\n",
    "Dockerfile.dev": "FROM x\nCMD dev\n",
    "Procfile": "scheduler: python -m hub.clock $SPEED\nrelease: alembic upgrade head\n",
    "services/api/migrations/alembic.ini": "[alembic]\n",
    "services/api/migrations/env.py": 'url = os.environ["HUB_DSN"]\n',
    "Makefile": "lint:\n\truff check\nVERSION := 1\ntest: lint\n\tpytest\n",
    ".env.example": "# hi\nexport LOG_LEVEL=debug\nAPI_TOKEN=abc-do-not-copy\nlower=1\n",
    "tests/smoke/test_it.py": "def test_login(): ...\nasync def test_pay(): ...\ndef helper(): ...\n",
    "config/flags.json": json.dumps(
        {
            "flags": {
                "auto": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
            }
        }
    ),
    "ui/main.js": "",
}


def make(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folder.mkdir(exist_ok=True)
    return folder


def read(proposal: Proposal) -> tuple[Playbook, BotFile]:
    return parse(Playbook, proposal.playbook, "playbook"), parse(BotFile, proposal.bot, "bot")


def notes(proposal: Proposal) -> str:
    return "\n".join(proposal.notes)


def test_services_migrations_flags_and_suites_are_found(tmp_path: Path) -> None:
    proposal = propose(make(tmp_path / "Core Hub", SERVICES))
    playbook, bot = read(proposal)
    assert playbook.product == "core-hub"
    parts = {name: (part.run, part.sources, part.route) for name, part in playbook.components.items()}
    assert parts["api"] == (("python", "-m", "hub.api"), ("services/api",), "/api/")
    assert parts["jobs"] == (("python", "-m", "hub.jobs", "--forever"), ("services/api",), None)
    assert parts["ui"][0::2] == (("npm", "start"), "/")
    assert parts["scheduler"][0] == ("sh", "-c", "python -m hub.clock $SPEED")
    assert set(parts) == {"api", "jobs", "ui", "scheduler"}
    assert {name: check.run for name, check in playbook.tests.items()} == {
        "test": ("make", "test"),
        "lint": ("make", "lint"),
    }
    assert playbook.migrations is not None
    assert (playbook.migrations.config, playbook.migrations.url_env) == (
        "services/api/migrations/alembic.ini",
        "HUB_DSN",
    )
    assert playbook.smoke.run[-2:] == ("tests/smoke", "--junitxml={output}")
    assert playbook.smoke.required == ("test_login", "test_pay")
    assert playbook.flags is not None
    assert (playbook.flags.file, playbook.flags.safe) == ("config/flags.json", {"auto": False})
    assert playbook.requires["production"].env == ("LOG_LEVEL",)
    assert playbook.requires["production"].secrets == ("API_TOKEN", "HUB_DSN")
    assert bot.products["core-hub"].environments.staging.env == {"LOG_LEVEL": "REPLACE_ME"}
    assert "CORE_HUB_PRODUCTION_API_TOKEN" in proposal.bot
    assert "db are not built here" in notes(proposal)
    assert "the release process (alembic upgrade head) is not run" in notes(proposal)


def test_values_of_example_files_are_never_copied(tmp_path: Path) -> None:
    proposal = propose(make(tmp_path / "x", SERVICES))
    assert "abc-do-not-copy" not in proposal.playbook + proposal.bot + notes(proposal)


def test_an_empty_folder_gets_placeholders_that_fail(tmp_path: Path) -> None:
    proposal = propose(make(tmp_path / "Ünïcode 9", {}))
    playbook, _ = read(proposal)
    assert playbook.product == "n-code-9"
    for run in (playbook.components["app"].run, playbook.tests["unit"].run, playbook.smoke.run):
        assert run[:2] == ("sh", "-c")
        assert "REPLACE_ME" in run[2]
        assert run[2].endswith("exit 1")
    todo = [note for note in proposal.notes if note.startswith("To do: ")]
    assert len(todo) == 8


def test_a_git_repository_tells_its_branch_origin_and_last_release(tmp_path: Path) -> None:
    origin = Origin(tmp_path)
    origin.commit(
        "first", {"package.json": '{"name": "@acme/shop", "scripts": {"test": "vitest", "lint": "eslint"}}'}
    )
    origin.tag("v0.9.0")
    origin.tag("v0.10.0-rc.1")
    origin.git("checkout", "-q", "-b", "trunk")
    proposal = propose(origin.work)
    playbook, bot = read(proposal)
    product = bot.products["acme-shop"]
    assert (product.repository, product.branch) == (str(origin.path), "trunk")
    assert {name: check.run for name, check in playbook.tests.items()} == {
        "test": ("npm", "run", "test"),
        "lint": ("npm", "run", "lint"),
    }
    assert "Last release: v0.9.0." in notes(proposal)


@pytest.mark.parametrize(
    ("address", "repository", "compare"),
    [
        ("https://bot:pa55word@github.com/a/b.git", "https://github.com/a/b.git", "https://github.com/a/b/compare/{base}...{head}"),
        ("git@gitlab.com:a/b/c.git", "git@gitlab.com:a/b/c.git", "https://gitlab.com/a/b/c/compare/{base}...{head}"),
        ("ssh://git@example.org/x", "ssh://git@example.org/x", None),
    ],
)  # fmt: skip
def test_the_origins_credentials_stay_out(
    tmp_path: Path, address: str, repository: str, compare: str | None
) -> None:
    origin = Origin(tmp_path)
    origin.git("remote", "set-url", "origin", address)
    proposal = propose(origin.work)
    product = next(iter(read(proposal)[1].products.values()))
    assert (product.repository, product.compare_url) == (repository, compare)
    assert "pa55word" not in proposal.bot


def test_the_folder_above_is_not_taken_for_the_repository(tmp_path: Path) -> None:
    origin = Origin(tmp_path)
    inner = make(origin.work / "inner", {"a.py": ""})
    assert "This is no git repository" in notes(propose(inner))


def test_files_are_written_once_and_never_over_others(tmp_path: Path) -> None:
    proposal, folder = propose(make(tmp_path / "x", {})), tmp_path / "x"
    (folder / "playbook.toml").write_text("mine")
    assert write(proposal, folder) == [folder / "bot.toml"]
    assert (folder / "playbook.toml").read_text() == "mine"
    with pytest.raises(ConfigError, match=r"Nothing was written: .* Next: edit them, or use --force"):
        write(proposal, folder)
    assert write(proposal, folder, force=True) == [folder / "playbook.toml", folder / "bot.toml"]
    assert (folder / "playbook.toml").read_text() == proposal.playbook
    assert "is there already and is kept" in notes(propose(folder))


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    folder = make(tmp_path / "x", {})
    (folder / "bot.toml").symlink_to(tmp_path / "outside.toml")
    assert write(propose(folder), folder) == [folder / "playbook.toml"]
    assert not (tmp_path / "outside.toml").exists()


def test_folders_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(ConfigError, match="is not a folder"):
            propose(path)
    with pytest.raises(ConfigError, match="cannot be written"):
        write(propose(tmp_path), tmp_path / "file")


def test_hostile_repositories_are_read_within_bounds(tmp_path: Path) -> None:
    folder = make(
        tmp_path / "x",
        {
            "compose.yml": "a: &a [x]\nservices: {'\"\\n]': {build: '../../etc', command: ['\"', \"\\t\"]}, s: 1}\n",
            "docker-compose.yml": "services: [",
            "Dockerfile": 'CMD ["\\u0000", "a\\"b"]\n',
            "Dockerfile.'\"x": "CMD it's \"unclosed\n",
            "package.json": '{"name": 1, "scripts": []}',
            "pyproject.toml": "[project\n",
            "Procfile": ": x\nweb:\n# c: d\n\"]]: echo 'x\n",
            "flags.json": '{"flags": {}}',
            "smoke/test_x.py": "def test_a" + "b" * 100_000 + "(): ...\n",
            "big.ini": "x" * 2_000_000,
        },
    )
    (folder / "loop").symlink_to(folder)
    (folder / os.fsdecode(b"\xff.Dockerfile")).touch()
    playbook, _ = read(propose(folder))
    assert all("/loop" not in source for part in playbook.components.values() for source in part.sources)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=40))
def test_any_dockerfile_and_procfile_gives_valid_files(
    tmp_path: Path, cmd: str, process: str, name: str
) -> None:
    encoded = {
        "Dockerfile": f"CMD {cmd}",
        "Procfile": f"{name}: {process}",
        ".env.example": f"{name}={process}\nAB={cmd}",
    }
    for file, text in encoded.items():
        (tmp_path / file).write_bytes(text.encode("utf-8", "replace"))
    read(propose(tmp_path))


def test_commands_are_split_or_given_to_a_shell() -> None:
    assert command("python  -m hub") == ("python", "-m", "hub")
    assert command("a && b") == ("sh", "-c", "a && b")
    assert dockerfile('ENTRYPOINT ["a"]\nCMD ["b"]') == (("a", "b"), False)
    assert dockerfile("ENTRYPOINT exec a $X\nCMD b\nEXPOSE 80") == (("sh", "-c", "exec a $X"), True)
    assert dockerfile("") == ((), False)
    assert slug("-My_App!-", "x") == "my-app"
    assert slug("9", "x") == "x"


def test_the_files_explain_themselves(tmp_path: Path) -> None:
    proposal = propose(make(tmp_path / "x", SERVICES))
    for text in (proposal.playbook, proposal.bot):
        assert text.count("# ") >= 4
        tomllib.loads(text)
