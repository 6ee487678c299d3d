"""The texts of a first playbook.toml and bot.toml, from a survey. Pure.

A placeholder never passes by accident: a missing command is one that fails and says what to write.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.items import AoT, Array, Table

from bot.survey import Survey
from bot.survey_parts import Part
from pipeline.environment import secret_name

MISSING = "REPLACE_ME"
NOBODY, NOWHERE = "U0000000000", "C0000000000"
_ROOTS = ("frontend", "web", "ui", "site", "app")


def playbook(found: Survey) -> str:
    """playbook.toml: what was found, and a failing placeholder for the rest."""
    document = tomlkit.document()
    _say(document, "How this product is tested, built, deployed and watched; read at the released commit.")
    _say(document, f"Look at every line before the first release, above all at {MISSING}.")
    document.add("product", tomlkit.item(found.product))
    document.add("components", _components(found))
    document.add("tests", _tests(found))
    if found.evaluation:
        _say(
            document,
            f"{found.evaluation}/ looks like an evaluation. A command that writes the result record,",
        )
        _say(
            document,
            'with limits: [evaluation] run = "... {output}", cases = 20, minimum = { accuracy = 0.9 }',
        )
    if found.migrations:
        migrations = _table("Alembic's migrations; `url_env` names the variable with the database's URL.")
        migrations.update({"config": found.migrations[0], "url_env": found.migrations[1]})
        document.add("migrations", migrations)
    document.add("smoke", _smoke(found))
    if found.e2e:
        document.add("e2e", _suite(found.e2e, "End to end, in staging."))
    if found.flags:
        flags = _table("The state in which each flag is harmless: as the file has it now. Is that right?")
        flags.update({"file": found.flags[0], "safe": _inline(found.flags[1])})
        document.add("flags", flags)
    document.add("requires", _requires(found))
    document.add("checklist", _checklist(found))
    document.add("canary", _fields("Percent of the requests, and how long.", {"steps": [10], "hold": "5m"}))
    document.add("watch", _fields("After production.", {"duration": "30m", "every": "15s"}))
    return tomlkit.dumps(document)


def bot(found: Survey) -> str:
    """bot.toml: the operator's file, with nobody in it yet."""
    document = tomlkit.document()
    _say(
        document,
        "The operator's file: who may do what, and where. Secrets are not here but in the environment:",
    )
    names = [secret_name(found.product, where, name) for where in _PLACES for name in found.secrets]
    _say(
        document,
        ", ".join(names[:20]) if names else "PRODUCT_ENVIRONMENT_NAME, such as SHOP_STAGING_API_KEY.",
    )
    products, product = tomlkit.table(is_super_table=True), tomlkit.table()
    product.update({"repository": found.repository, "branch": found.branch, "channel": NOWHERE})
    product["channel"].comment("the channel's id: its name, View details, at the end")
    if link := _forge(found.repository):
        product.update(
            {"compare_url": link + "/compare/{base}...{head}", "commit_url": link + "/commit/{sha}"}
        )
    people = _table("Users (U...) and user groups (S...). Nobody approves a release of their own.")
    people.update({action: [NOBODY] for action in ("start", "approve", "rollback")})
    product.add("people", people)
    product.add("environments", _environments(found))
    products.add(found.product, product)
    document.add("products", products)
    return tomlkit.dumps(document)


_PLACES = ("staging", "production")


def routes(parts: Sequence[Part]) -> dict[str, str]:
    """The path prefix of each part that answers requests: one has the root, the others their name."""
    answering = [part.name for part in parts if part.answers]
    root = next((name for name in _ROOTS if name in answering), next(iter(answering), None))
    return {name: "/" if name == root else f"/{name}/" for name in answering}


def failing(what: str) -> tuple[str, ...]:
    """A command that fails and says what belongs in its place."""
    return ("sh", "-c", f"echo '{MISSING}: {what}' >&2; exit 1")


def _components(found: Survey) -> Table:
    parts = found.parts or (Part("app", ("README.md",), (), True, ""),)
    table, paths = tomlkit.table(is_super_table=True), routes(parts)
    for part in parts:
        origin = f"From {part.origin}." if part.origin else "Nothing was found that runs."
        component = _table(f"{origin} An image is made of `sources` alone.")
        component.update({
            "sources": _array(part.sources),
            "run": _array(part.run or failing("how this component is started")),
        })  # fmt: skip
        if part.name in paths:
            component.add(
                tomlkit.comment(
                    "Listens on the port in PORT; answers `health`, and `version` with its version."
                )
            )
            component.update({"route": paths[part.name], "health": "/healthz", "version": "/version"})
        table.add(part.name, component)
    return table


def _tests(found: Survey) -> Table:
    table = tomlkit.table(is_super_table=True)
    for name, run in (found.checks or {"unit": failing("the command that runs the tests")}).items():
        table.add(
            name, _fields("", {"run": " ".join(run) if found.checks else _array(run), "timeout": "10m"})
        )
    return table


def _smoke(found: Survey) -> Table:
    text = "SMOKE_BASE_URL is where to ask. `required` names tests that must be there and passed."
    if found.smoke:
        return _suite(found.smoke, text)
    run = failing("a command that checks the running product and writes JUnit XML to {output}")
    return _fields(text, {"run": _array(run), "required": []})


def _suite(suite: tuple[str, tuple[str, ...]], text: str) -> Table:
    folder, steps = suite
    run = ("python", "-m", "pytest", "-q", folder, "--junitxml={output}")
    return _fields(text, {"run": _array(run), "required": _array(steps)})


def _requires(found: Survey) -> Table:
    table = tomlkit.table(is_super_table=True)
    for where in _PLACES:
        fields = {"env": _array(found.variables), "secrets": _array(found.secrets)}
        table.add(where, _fields("Names only, never values.", fields))
    return table


def _checklist(found: Survey) -> Table:
    before = [("tests", "Tests and lint are green"), ("secrets", "Environment variables and secrets are set")]
    before += [("migrations", "Migrations are applied in staging")] if found.migrations else []
    before += [("flags", "Feature flags are at their safe default")] if found.flags else []
    before += [("staging", "Smoke passed in staging")]
    after = [
        ("smoke", "Smoke passed in production"),
        ("logs", "No critical errors in the logs during the watch"),
    ]
    table = tomlkit.table(is_super_table=True)
    table.add("before", _items(before))
    table.add("after", _items(after))
    return table


def _items(items: Sequence[tuple[str, str]]) -> AoT:
    array = tomlkit.aot()
    for proof, title in items:
        array.append(_fields("", {"key": proof, "title": title, "proof": proof}))
    return array


def _environments(found: Survey) -> Table:
    table = tomlkit.table(is_super_table=True)
    for number, where in enumerate(_PLACES):
        port = 8101 + 100 * number
        fields: dict[str, Any] = {"url": f"http://127.0.0.1:{port}", "first_port": 18000 + 1000 * number}
        if found.variables:
            fields["env"] = _inline(dict.fromkeys(found.variables, MISSING))
        table.add(
            where,
            _fields("`url` is where its users ask; its processes take ports from `first_port` on.", fields),
        )
    return table


def _forge(repository: str) -> str | None:
    """The web address of a repository at a forge whose links are known."""
    for host in ("github.com", "gitlab.com"):
        for start in (f"https://{host}/", f"git@{host}:", f"ssh://git@{host}/"):
            if repository.startswith(start):
                return (
                    f"https://{host}/{repository.removeprefix(start).removesuffix('/').removesuffix('.git')}"
                )
    return None


def _say(document: tomlkit.TOMLDocument, text: str) -> None:
    document.add(tomlkit.comment(text))


def _table(text: str) -> Table:
    table = tomlkit.table()
    if text:
        table.add(tomlkit.comment(text))
    return table


def _fields(text: str, fields: Mapping[str, Any]) -> Table:
    table = _table(text)
    table.update(fields)
    return table


def _array(items: Sequence[str]) -> Array:
    array = tomlkit.array()
    array.extend(items)
    return array.multiline(len(items) > 4 and sum(map(len, items)) > 80)


def _inline(fields: Mapping[str, Any]) -> Any:
    table = tomlkit.inline_table()
    table.update(fields)
    return table
