"""Risks: which of the register apply, and that each is told with what is done about it and the way back."""

import pytest

from handlers.blocks import risks as single
from handlers.blocks.changes import risks
from pipeline.adapters.git_extent import counted
from pipeline.changes import Change
from pipeline.config import Playbook, parse
from pipeline.errors import ConfigError
from pipeline.ports import Extent
from pipeline.standing import kept, matches
from tests.world import PLAYBOOK

REGISTER = """
[[risks]]
id = "R-003"
title = "Wrong amounts"
mitigation = "A person looks"
way_back = "Cancel them"
[[risks]]
id = "R-012"
title = "Sent twice"
mitigation = "One claim"
paths = ["web/worker.py", "jobs"]
"""


def playbook(more: str = "") -> Playbook:
    return parse(Playbook, PLAYBOOK + REGISTER + more, "playbook.toml")


def change(subject: str = "it", *, breaking: bool = False, **trailers: str) -> Change:
    said = {name.replace("_", " "): (text,) for name, text in trailers.items()}
    return Change("a" * 40, "feat", None, subject, breaking, "Sam", "sam@x", said)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("web", "web/page.py", True),
        ("web/", "web/page.py", True),
        ("web", "website.py", False),
        ("web/page.py", "web/page.py", True),
        ("web/*.py", "web/deep/page.py", True),
        ("*.sql", "web/page.py", False),
        ("core/**/model.py", "core/a/b/model.py", True),
    ],
)
def test_a_pattern_is_a_file_a_folder_or_a_pattern(pattern: str, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits


def test_a_risk_with_paths_applies_where_something_changed_there() -> None:
    found = kept(playbook(), Extent(("web/page.py",), 3, 1))
    assert found == {"extent": {"files": 1, "added": 3, "removed": 1}, "standing": ["R-003"]}
    assert kept(playbook(), Extent(("jobs/send.py",), 3, 1))["standing"] == ["R-003", "R-012"]


def test_each_is_told_with_what_is_done_and_the_way_back() -> None:
    changes = [
        change("amounts are integers", breaking=True, breaking_change="clients send cents"),
        change(risk="sessions <!here> end", mitigation="at night", rollback="redeploy"),
    ]
    assert risks(changes, playbook().risks, measured=[f"• {single.sized(1, 1200, 5)}"]) == [
        "• ⚠️ breaking: amounts are integers (clients send cents)",
        "• sessions &lt;!here&gt; end — at night · way back: redeploy",
        "• size: 1 file differs, +1,200 −5 lines",
        "• *R-003* Wrong amounts — A person looks · way back: Cancel them",
        "• *R-012* Sent twice — One claim",
    ]
    assert risks([], ()) == ["• none is known"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[[risks]]\nid = "R-003"\ntitle = "t"\nmitigation = "m"', "'R-003' twice"),
        ('[[risks]]\nid = "R-9"\ntitle = "t"\nmitigation = ""', "at least 1 character"),
        (
            '[[risks]]\nid = "R-9"\ntitle = "t"\nmitigation = "m"\npaths = ["../x"]',
            "path inside the repository",
        ),
    ],
)
def test_a_register_that_makes_no_sense_is_refused(more: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        playbook(more)


def test_gits_count_of_what_differs() -> None:
    assert counted("3\t1\tweb/a b.py\x00-\t-\tlogo.png\x00" + "0\t7\todd\tname\x00") == Extent(
        ("web/a b.py", "logo.png", "odd\tname"), 3, 8
    )
    assert counted("") == Extent((), 0, 0)
