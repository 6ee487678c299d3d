"""docs/operations.md speaks of what is there: metrics, log lines, sentences and settings."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from bot.cli import main
from bot.counted import Calls
from bot.gauges import Gauges
from bot.settings import Settings
from handlers.text.refusal_sentences import REFUSALS
from pipeline.config import Retention
from pipeline.retention import BATCH, BUDGET

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_metric_is_there_and_no_other() -> None:
    registry = CollectorRegistry()
    Gauges(registry)
    Calls(registry)
    named = {name.removesuffix("_total") for name in re.findall(r"`(releasebot_\w+)", PAGE)}
    assert named == {metric.name for metric in registry.collect()}


def test_settings_and_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(re.findall(r"\b((?:RELEASEBOT|SLACK)_[A-Z_]+)\b", PAGE))
    assert named <= {name.upper() for name in Settings.model_fields}
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    for command in set(re.findall(r"`?releasebot (check|backup|migrate|run|\w+)\b", PAGE)) & {
        "check",
        "backup",
        "migrate",
        "run",
    }:
        assert re.search(rf"^\s+{command}\b", printed, re.MULTILINE), command


def test_what_the_bot_says_is_quoted_as_it_says_it() -> None:
    what = REFUSALS["not_recorded"].split("\n")[0]
    assert what.rstrip(".") in PAGE
    sources = "".join(
        path.read_text() for part in ("bot", "handlers", "pipeline") for path in (ROOT / part).rglob("*.py")
    )
    for line in re.findall(r"log: `([^`]+)`", PAGE):
        assert line in sources, line


def test_the_figures_of_retention_are_the_codes() -> None:
    assert f"at most {BATCH}\nrows" in PAGE
    assert BUDGET == 0.5
    assert set(Retention.model_fields) == {"events", "requests", "files", "backups", "images"}


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
