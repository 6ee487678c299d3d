"""What SQL text would do to rows and locks: also within DO blocks, functions that it calls, and SQL put together there.

sqlglot reads single statements. What surrounds them (PL/pgSQL, several statements in one string) is taken apart here.
"""

import re
from collections.abc import Iterator, Mapping

from pipeline.verdicts.statement import Act, Piece, read

_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<dollar>\$(?P<tag>\w*)\$(?P<body>.*?)\$(?P=tag)\$)
    |(?P<string>[eE]?'(?:[^'\\]|''|\\.)*')|(?P<name>"(?:[^"]|"")*")|(?P<end>;)|(?P<word>[\w.]+)|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_PARAMETER = re.compile(r"%\((\w+)\)s(?:::[\w ]+)?|%s")
_STARTS = re.compile(
    r"\b(delete\s+from|update|truncate|insert\s+into|merge\s+into|lock\s+(?:table\s+)?|perform|call)\b",
    re.IGNORECASE,
)
_NOT_A_START = re.compile(
    r"\b(on|for|do|before|after|or|of|instead|grant|revoke|no|key|share|,)\s*$", re.IGNORECASE
)
_STRONG = re.compile(
    r"\bin\s+(access\s+exclusive|exclusive|share\s+row\s+exclusive|share)\s+mode", re.IGNORECASE
)
_WEAK = re.compile(
    r"\bin\s+(access\s+share|row\s+share|row\s+exclusive|share\s+update\s+exclusive)\s", re.IGNORECASE
)
_DEPTH = 3


def split(script: str) -> list[str]:
    """The statements of a script, without comments; a semicolon in a string or a body ends none."""
    statements, current = [], ""
    for token in _TOKEN.finditer(script):
        if token["end"]:
            statements.append(current)
            current = ""
        elif token["comment"]:
            current += " "
        else:
            current += token[0]
    return [one.strip() for one in (*statements, current) if one.strip()]


def normal(text: str) -> str:
    """A statement as a database driver was given it, with its parameters as PostgreSQL writes them."""
    return _PARAMETER.sub("$1", text).replace("%%", "%").strip()


def acts(text: str, bodies: Mapping[str, str] | None = None, depth: int = 0) -> list[Act]:
    """Everything that the statements of `text` may do to rows. `bodies` are functions by their plain names."""
    found: list[Act] = []
    for statement in split(normal(text)):
        code = _code(statement)
        found += [act for piece in _pieces(statement, code) for act in _read(piece)]
        if depth < _DEPTH:
            for body in _bodies(statement, code, bodies or {}):
                found += acts(body, bodies, depth + 1)
    return found


def defined(text: str) -> dict[str, str]:
    """The functions that text defines: plain name and body."""
    found = {}
    for statement in split(text):
        made = re.match(
            r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\s+([\w.\"]+)", statement, re.IGNORECASE
        )
        if made:
            found[plain_name(made[1])] = " ; ".join(_inside(statement))
    return found


def plain_name(name: str) -> str:
    """Without schema and quotes; in small letters unless it is quoted, as PostgreSQL reads names."""
    last = re.split(r"\.(?=[^\"]*$|\")", name.strip())[-1]
    return last.replace('"', "") if '"' in last else last.lower()


def refuses(body: str) -> bool:
    """Whether a trigger's function may refuse a row: it raises an error or gives nothing back."""
    code = "".join(token[0] if not token["comment"] else " " for token in _TOKEN.finditer(body))
    raises = re.search(r"\braise\s+(?!notice|info|log|debug|warning)", code, re.IGNORECASE)
    return bool(raises or re.search(r"\b(return\s+null|assert)\b", code, re.IGNORECASE))


def _code(statement: str) -> str:
    """The statement with blanks for what stands in strings and bodies: every word stays in its place."""
    blanks = ("string", "dollar", "comment")
    return "".join(
        f"'{' ' * (len(token[0]) - 2)}'" if any(token[one] for one in blanks) else token[0]
        for token in _TOKEN.finditer(statement)
    )


def _inside(statement: str) -> list[str]:
    return [token["body"] for token in _TOKEN.finditer(statement) if token["dollar"]] + _strings(statement)


def _strings(statement: str) -> list[str]:
    """Strings that hold SQL, as EXECUTE and format() are given them; and those that are put together there."""
    plain = [_unquoted(t["string"]) for t in _TOKEN.finditer(statement) if t["string"]]
    texts = [*plain, *_joined(statement)]
    return [re.sub(r"%(\d+\$)?[IsL]", "x", text) for text in texts if _STARTS.match(text.strip())]


def _unquoted(string: str) -> str:
    return re.sub(r"^[eE]?'|'$", "", string).replace("''", "'")


def _joined(statement: str) -> Iterator[str]:
    """What EXECUTE runs where it joins its text of parts; "x" stands for parts that are no text."""
    after = re.split(r"\bexecute\b", statement, flags=re.IGNORECASE)[1:]
    for parts in (re.split(r"\|\|", text) for text in after):
        if len(parts) > 1:
            strings = [
                re.fullmatch(r"[\s(]*(e?'(?:[^']|'')*')[\s)]*(?:using\b.*)?", p, re.I | re.S) for p in parts
            ]
            yield "".join(_unquoted(found[1]) if found else "x" for found in strings)


def _bodies(statement: str, code: str, bodies: Mapping[str, str]) -> Iterator[str]:
    """The texts that run when the statement runs."""
    if re.match(r"do\b", code, re.IGNORECASE) or re.search(r"\bexecute\b", code, re.IGNORECASE):
        yield from _inside(statement)
    if not re.match(r"create\b|drop\b|alter\b|comment\b|grant\b|revoke\b", code, re.IGNORECASE):
        called = {plain_name(name) for name in re.findall(r'([\w."]+)\s*\(', code)}
        yield from (bodies[name] for name in sorted(called & set(bodies)))


def _pieces(statement: str, code: str) -> Iterator[Piece]:
    if re.match(r"(create|alter|drop|comment|grant|revoke)\b", code, re.IGNORECASE):
        return
    for start in _STARTS.finditer(code):
        before = code[: start.start()]
        if not _NOT_A_START.search(before):
            found = _balanced(code[start.start() :])
            follows = re.match(r"with\b", code, re.IGNORECASE) and before.count("(") == before.count(")")
            text = statement[start.start() : start.start() + len(found)]
            yield Piece(text, found, before + found if follows else found)


def _balanced(code: str) -> str:
    depth = 0
    for at, letter in enumerate(code):
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (letter == ";" and depth == 0):
            return code[:at]
    return code


def _read(piece: Piece) -> list[Act]:
    verb = piece.code.split(None, 1)[0].lower()
    if verb == "lock":
        tables = re.sub(r"^lock\s+(table\s+)?(only\s+)?", "", piece.code, flags=re.IGNORECASE)
        names = re.split(r"\s+in\s+|\s+nowait", tables, flags=re.IGNORECASE)[0].split(",")
        strong = _STRONG.search(piece.code) or not _WEAK.search(piece.code)
        return [Act("lock", plain_name(name.strip()), text=piece.text) for name in names] if strong else []
    if verb == "truncate":
        rest = re.sub(r"^truncate\s+(table\s+)?(only\s+)?", "", piece.code, flags=re.IGNORECASE)
        rest = re.split(r"\s+(?:restart|continue|cascade|restrict)\b", rest, flags=re.IGNORECASE)[0]
        return [
            Act("truncate", plain_name(name.strip().rstrip("*")), text=piece.text) for name in rest.split(",")
        ]
    if verb in ("perform", "call"):
        return []
    return read(piece) or _guessed(verb, piece)


def _guessed(verb: str, piece: Piece) -> list[Act]:
    """What sqlglot does not read: the table by its place, and every column that is assigned."""
    found = re.match(
        r'(?:delete\s+from|update|merge\s+into|insert\s+into)\s+(?:only\s+)?([\w."]+)', piece.code, re.I
    )
    table = plain_name(found[1]) if found else ""
    columns = tuple(re.findall(r"(\w+)\s*=(?!=)", piece.code.partition("where")[0]))
    if verb == "delete":
        return [Act("delete", table, text=piece.text)]
    if verb in ("update", "merge"):
        return [Act("update" if verb == "update" else "merge", table, columns, text=piece.text)]
    upserts = re.search(r"do\s+update", piece.code, re.I)
    return [Act("upsert", table, columns, text=piece.text)] if upserts else []
