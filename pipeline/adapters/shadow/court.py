"""The judging of one product's revisions: what is there is read, what can be tried is tried."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.adapters.shadow import surroundings
from pipeline.adapters.shadow.databases import Databases
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.adapters.shadow.lint import lint
from pipeline.adapters.shadow.measure import ENDED, Bench, Plan, Tools
from pipeline.adapters.shadow.session import Answer, Job, Session
from pipeline.errors import DatabaseError
from pipeline.plain import plain
from pipeline.ports import Judgement, JudgeOrder
from pipeline.verdicts import Reason, Verdict, reason, sql, verdict_of
from pipeline.verdicts.findings import Failure, Findings, Measured
from pipeline.verdicts.judge import judge
from pipeline.verdicts.schema import Snapshot
from pipeline.verdicts.source import ids, read_downgrade, substance, upgrade_calls, written_sql
from pipeline.verdicts.static import by_texts

_RENDERING = 10.0  # seconds: SQL that takes longer to be told is none of a usual migration


@dataclass(frozen=True)
class _Stand:
    """A database at what is deployed, to make copies of; None where there is none, and why."""

    bench: Bench | None
    doubts: tuple[Reason, ...] = ()


@dataclass
class _Trial:
    """What one judgement gathers."""

    found: Mapping[str, Any]
    measured: dict[str, Measured] = field(default_factory=dict)
    deployed: Snapshot | None = None
    doubts: tuple[Reason, ...] = ()


class Court:
    """One product, with the driver that runs its Alembic and the databases on which it is tried."""

    def __init__(self, order: JudgeOrder, python: str, url: str | None, keeper: Keeper) -> None:
        self._order, self._keeper, self._stands = order, keeper, dict[tuple[str, ...], _Stand]()
        self.databases: Databases | None = None
        env = (
            dict(order.env) if url is None else _environment(order, Databases(url), order.driver or "psycopg")
        )
        self.session = Session(Job(python, order.config, order.folder, env, order.timeout))

    async def judge(self, lower: Sequence[str], upper: Sequence[str]) -> Judgement:
        """Verdicts on what lies between. Raises DatabaseError, and what a connection raises whose server dies."""
        answer = await self.session.ask("look", list(lower), list(upper))
        if answer.error is not None:
            return await self._unreadable(answer)
        trial = _Trial(answer.result)
        if self.databases is not None and trial.found["revisions"]:
            await self._measure(trial, tuple(lower))
        elif self._order.backend == "postgresql" and self.databases is None:
            trial.doubts = (reason("not_measured", why=self._keeper.why_not),)
        verdicts = await self._verdicts(trial)
        edited = await self._edited(trial.found["deployed"])
        heads = tuple(trial.found["heads"])
        return Judgement((*edited, *verdicts), heads, tuple(self._remarks(heads, upper)))

    def _remarks(self, heads: Sequence[str], upper: Sequence[str]) -> list[Reason]:
        found = []
        if self._order.backend != "postgresql":
            found.append(reason("other_database", name=self._order.backend))
        if len(heads) > 1 and not upper:
            found.append(reason("several_heads", heads=list(heads)))
        return found

    async def _unreadable(self, answer: Answer) -> Judgement:
        """The verdict on the one file that is no Python or raises when it is read; raises where it is none."""
        error = answer.error or {}
        scripts = surroundings.location(self._order.config, self._order.folder)
        named = re.search(r"\(([^()]+\.py), line \d+\)", error.get("said", ""))
        places = [Path(place) for place, _ in reversed(error.get("places", ()))]
        places += list((scripts / "versions").rglob(Path(named[1]).name)) if named else []
        path = next((p for p in places if scripts in p.parents and p.name != "env.py"), None)
        if path is None:
            raise DatabaseError(
                f"Alembic cannot read the migrations: {_said(answer)}. Next: correct their files."
            )
        known = ids(await asyncio.to_thread(_read, path))
        told = reason("fails", said=_said(answer), sqlstate="", statement="")
        verdict = verdict_of(known[0] if known else path.stem, "", [told], {"file": path.name})
        return Judgement((verdict,), ())

    async def _measure(self, trial: _Trial, lower: tuple[str, ...]) -> None:
        """Run the revisions, but for those above one that fails; what a server that died left is no finding."""
        stand = await self._stand(lower)
        trial.doubts = stand.doubts
        if stand.bench is None:
            return
        bench = stand.bench.again()
        trial.deployed = bench.stands if lower else None
        failed: set[str] = set()
        for one in trial.found["revisions"]:
            if failed & {*one["below"]}:
                failed.add(one["revision"])
                continue
            source = await asyncio.to_thread(_read, Path(one["path"]))
            downgrade = read_downgrade(source)
            plan = Plan(one["revision"], downgrade is None or downgrade.code == "downgrade_partial")
            seen = await bench.run(plan, trial.deployed)
            if (seen.failure or seen.with_rows or seen.down_failure) and await self._keeper.died():
                raise ConnectionError("it ended while a migration ran")
            trial.measured[one["revision"]] = seen
            if seen.failure is not None:
                failed.add(one["revision"])

    async def _stand(self, lower: tuple[str, ...]) -> _Stand:
        if lower not in self._stands:
            self._stands[lower] = await self._prepared(lower)
        return self._stands[lower]

    async def _prepared(self, lower: tuple[str, ...]) -> _Stand:
        """A database at what is deployed: through env.py by one of the drivers there are, else without env.py."""
        said = ""
        for driver in self._drivers():
            await self._settle(driver)
            bench, answer = await self._begun(driver, lower, plain=False)
            if answer.error is None:
                return _Stand(bench)
            if "wants a database of the kind" in answer.error["said"]:
                return _Stand(None, (reason("other_database", name=", ".join(answer.dialects)),))
            said = said or _said(answer)
            if answer.error["kind"] in ("Timeout", "Ended") or answer.error.get("migrating"):
                break
        bench, answer = await self._begun(self._drivers()[0], lower, plain=True)
        doubt = reason("environment", said=said)
        if answer.error is None:
            return _Stand(bench, (doubt,))
        why = f"the deployed state was not reached: {_said(answer)}"
        return _Stand(None, (doubt, reason("not_measured", why=why)))

    async def _begun(self, driver: str, lower: tuple[str, ...], *, plain: bool) -> tuple[Bench, Answer]:
        assert self.databases is not None  # only what can be measured is begun
        bench = Bench(Tools(self.databases, self.session, driver, plain))
        answer = await bench.begin(lower)
        if answer.error is not None and await self._keeper.died():
            raise ConnectionError("it ended while the deployed state was made")
        return bench, answer

    def _drivers(self) -> list[str]:
        """The drivers to try, likeliest first."""
        there = self.session.drivers
        wished = [driver for driver in (self._order.driver, "psycopg") if driver in there]
        return list(dict.fromkeys([*wished, *there])) or [""]

    async def _settle(self, driver: str) -> None:
        """Have the variables of the process name this driver; a process that has others is started anew."""
        assert self.databases is not None  # only what can be measured needs a driver
        env = await asyncio.to_thread(_environment, self._order, self.databases, driver)
        if env != self.session.job.env:
            await self.session.stop()
            self.session.job = replace(self.session.job, env=env)
            await self.session.start()

    async def _verdicts(self, trial: _Trial) -> list[Verdict]:
        revisions = trial.found["revisions"]
        texts = {one["revision"]: await self._rendered(trial, one["revision"]) for one in revisions}
        on_postgres = self._order.backend == "postgresql"
        linted = await lint({name: found or () for name, found in texts.items()}) if on_postgres else {}
        verdicts = []
        for one in revisions:
            source, name = await asyncio.to_thread(_read, Path(one["path"])), one["revision"]
            findings = Findings(
                revision=name,
                title=plain(one["title"]),
                texts=texts[name],
                downgrade=read_downgrade(source),
                calls=upgrade_calls(source),
                written=written_sql(source),
                measured=trial.measured.get(name),
                deployed=trial.deployed,
                lint=linted.get(name, ()),
            )
            doubts = self._doubts(trial, findings)
            verdicts.append(await asyncio.to_thread(judge, replace(findings, doubts=doubts)))
        return verdicts

    async def _rendered(self, trial: _Trial, revision: str) -> tuple[str, ...] | None:
        """Its SQL by Alembic's offline mode; not of one that ends or outlasts the process that runs it."""
        seen = trial.measured.get(revision)
        if seen is not None and seen.failure is not None and seen.failure.kind in ENDED:
            return None
        backend = self._order.backend
        dialect = backend if backend in ("sqlite", "mysql") else "postgresql"
        answer = await self.session.ask("render", revision, dialect, within=_RENDERING)
        if answer.error is not None:
            return None
        return tuple(one for one in sql.split(answer.result["sql"]) if "alembic_version" not in one)

    def _doubts(self, trial: _Trial, findings: Findings) -> tuple[Reason, ...]:
        """What of this revision is not known."""
        doubts, seen = list(trial.doubts), findings.measured
        if seen is None:
            if not doubts and self._order.backend == "postgresql":
                doubts.append(reason("not_measured", why="a revision before it fails"))
            return (*doubts, *([reason("not_rendered")] if findings.texts is None else []))
        if missing := _not_here(seen.failure):
            doubts.append(reason("here_missing", said=missing))
        if seen.after is not None and not seen.records and findings.texts:
            doubts += [one for one in by_texts(findings.texts) if one.code == "unread"]
        return tuple(doubts)

    async def _edited(self, deployed: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """A verdict for each deployed revision whose file does something else than when it was released."""
        verdicts, released = [], self._order.released
        for one in deployed if released else ():
            path = Path(one["path"])
            was = await released(path) if released else None
            if was is not None and substance(was) != substance(await asyncio.to_thread(_read, path)):
                told = reason("edited", file=path.name)
                verdicts.append(verdict_of(one["revision"], plain(one["title"]), [told], {"file": path.name}))
        return verdicts


def _environment(order: JudgeOrder, databases: Databases, driver: str) -> dict[str, str]:
    """The order's environment, with the address of the server under every name that the product's settings know."""
    place = surroundings.location(order.config, order.folder)
    roots = (order.folder, order.folder / "src", place, place.parent)
    found = surroundings.names(place / "env.py", roots)
    parts = databases.parts("postgres")
    address = databases.url("postgres", driver)
    return {**order.env, **surroundings.variables(found, address, parts, order.env)}


def _not_here(failure: Failure | None) -> str:
    """What the server to try migrations on lacks and the product's may have: an extension."""
    if failure is None or failure.sqlstate not in ("0A000", "58P01") or "extension" not in failure.said:
        return ""
    return plain(failure.said)


def _said(answer: Answer) -> str:
    error = answer.error or {}
    return plain(f"{error.get('kind', '')}: {error.get('said', '')}".strip(": "), 300).rstrip(".")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return "\0"  # what cannot be read cannot be undone: it is no Python
