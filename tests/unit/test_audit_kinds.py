"""Every kind of fact that the code records is in the audit log's table, and every kind of the table is recorded."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from pipeline.audit import KINDS, is_audited
from pipeline.chain import Entry
from pipeline.playbook import PLANS
from pipeline.states import ENDED_STAGE, ReleaseStatus, StageStatus

ROOT = Path(__file__).parents[2]
SOURCES = [path for part in ("bot", "handlers", "pipeline") for path in (ROOT / part).rglob("*.py")]

PAGE = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")

Function = ast.FunctionDef | ast.AsyncFunctionDef

KIND = {"Fact": 0, "Fact.by": 1, "_draft": 1}
"""Which argument of the calls that make a fact (or, in refusals.py, an entry's draft) is its kind."""
MAKERS = ("Event(", "insert(Event)", "_ENTRIES.insert(", "AuditEntry(")
WITHIN = {"events.py", "audit.py"}
"""Where facts are handed on, whatever their kind."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def choices(path: Path) -> set[str]:
    """What people can decide by `record_decision`, as far as it stands there; the rest is what `settle` takes."""
    named = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and len(node.args) > 4)
    choice = (
        node.args[4] for node in named if ast.unparse(node.func).endswith(("record_decision", "settle"))
    )
    return {str(node.value) for node in choice if isinstance(node, ast.Constant)}


COMPOSED: Mapping[str, set[str]] = {
    "f'stage_{run.status.value}'": {f"stage_{status}" for status in (*ENDED_STAGE, StageStatus.WAITING)},
    "f'release_{status.value}'": {
        f"release_{status}"
        for status in (
            ReleaseStatus.SUCCEEDED,
            ReleaseStatus.FAILED,
            ReleaseStatus.CANCELLED,
            ReleaseStatus.ROLLED_BACK,
        )
    },
    "f\"{turn['to']}_started\"": {f"{to}_started" for to in PLANS if to != "adoption"},
}
"""What the kinds that are put together in the code come to; of choices, those in the code (`decided`)."""
CHOSEN = "f'decided_{choice}'"


@cache
def decided() -> set[str]:
    return {f"decided_{choice}" for path in SOURCES for choice in choices(path)}


def kinds_of(kind: ast.expr, function: Function, path: Path) -> Iterator[str]:
    """The values that an expression for a kind can have, within a function of a file."""
    match kind:
        case ast.Constant(value=str(value)):
            yield value
        case ast.IfExp():
            yield from kinds_of(kind.body, function, path)
            yield from kinds_of(kind.orelse, function, path)
        case ast.Name():
            for given, where, file in values_of(kind.id, function, path):
                yield from kinds_of(given, where, file)
        case _:
            said = ast.unparse(kind)
            assert said in (*COMPOSED, CHOSEN), f"say in COMPOSED which kinds {said} can be"
            yield from decided() if said == CHOSEN else COMPOSED[said]


Value = tuple[ast.expr, Function, Path]


def values_of(name: str, function: Function, path: Path) -> Iterator[Value]:
    """What a name is set to, within a function or for its whole file; what a parameter is given by all callers."""
    parameters = [parameter.arg for parameter in function.args.args]
    if name in parameters:
        for call, where, file in calls(function.name, f"{path.stem}.{function.name}"):
            if file == path or ast.unparse(call.func) != function.name:
                yield call.args[parameters.index(name)], where, file
        return
    for node in (*ast.walk(function), *tree(path).body):
        if isinstance(node, ast.Assign):
            for target, value in assigned(node):
                if target == name:
                    yield value, function, path


def assigned(node: ast.Assign) -> Iterator[tuple[str, ast.expr]]:
    """The names that an assignment sets, each with its value."""
    match node.targets[0], node.value:
        case ast.Tuple(elts=names), ast.Tuple(elts=values):
            yield from ((ast.unparse(name), value) for name, value in zip(names, values, strict=True))
        case name, value:
            yield ast.unparse(name), value


def calls(*names: str) -> Iterator[tuple[ast.Call, Function, Path]]:
    """The calls of functions by these names, each with the function and the file that it stands in."""
    for name in names:
        yield from every_call()[name]


@cache
def every_call() -> Mapping[str, list[tuple[ast.Call, Function, Path]]]:
    """All calls within functions, by what is called."""
    found = defaultdict(list)
    for path in SOURCES:
        for function in (node for node in ast.walk(tree(path)) if isinstance(node, Function)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                    found[ast.unparse(node.func)].append((node, function, path))
    return found


def recorded() -> set[str]:
    found: set[str] = set()
    for call, function, path in calls(*KIND):
        if path.name not in WITHIN:
            kinds = set(kinds_of(call.args[KIND[ast.unparse(call.func)]], function, path))
            assert kinds, f"{path.name}: {ast.unparse(call)}"
            found |= kinds
    return found


def test_every_kind_that_is_recorded_is_audited_or_progress_and_no_other() -> None:
    assert recorded() == set(KINDS)


PROGRESS = {
    "stage_started", "stage_waiting", "wish_waits", "people_reminded", "digest_told", "log_shown", "mail_delayed",
    "dashboard_lapsed", "dashboard_back",
}  # fmt: skip


def test_in_doubt_a_fact_is_kept() -> None:
    assert is_audited("a_kind_of_a_later_version")
    assert {kind for kind in KINDS if not is_audited(kind)} == PROGRESS


def test_what_a_person_does_is_made_with_where_they_did_it() -> None:
    """`Fact(..., actor.user)` would leave out the workspace and the place: `Fact.by(actor, ...)`."""
    for call, _, path in calls("Fact"):
        assert "actor" not in ast.unparse(call) or "turn['actor']" in ast.unparse(call), (
            f"{path.name}: Fact.by(actor, ...)"
        )


def test_the_page_names_every_kind_under_what_it_is() -> None:
    for weight in ("decision", "refusal", "effect"):
        (row,) = re.findall(rf"^\| {weight}s \| (.*) \|$", PAGE, re.MULTILINE)
        assert set(re.findall(r"`([^`]+)`", row)) == {kind for kind, what in KINDS.items() if what == weight}
    for progress in (kind for kind in KINDS if not is_audited(kind)):
        assert f"`{progress}`" in PAGE


def test_the_page_names_every_field_of_an_entry() -> None:
    rows = re.findall(
        r"^\| (`[a-z`, ]+`) \|", PAGE.partition("| field |")[2].partition("\n\n")[0], re.MULTILINE
    )
    assert set(re.findall(r"`([^`]+)`", " ".join(rows))) == set(Entry._fields)


def test_nobody_else_writes_events_or_entries() -> None:
    makers = {
        path.name
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node).startswith(MAKERS)
    }
    assert makers == {"events.py", "audit.py"}
