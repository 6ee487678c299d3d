"""What SQL text would do to rows and locks, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.verdicts import sql
from pipeline.verdicts.static import Call, by_calls, by_texts


def acts(text: str, **bodies: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(act.verb, act.table, act.columns) for act in sql.acts(text, bodies) if act.verb != "call"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("DELETE FROM public.Users u USING t WHERE u.id = t.id", [("delete", "users", ())]),
        ('delete from "Users"', [("delete", "Users", ())]),
        ("/* x */ TRUNCATE TABLE a, public.b RESTART IDENTITY CASCADE", [("truncate", "a", ()), ("truncate", "b", ())]),
        ("UPDATE users SET a = lower(a), b = coalesce(b, 1)", [("update", "users", ("a",))]),
        ("UPDATE users SET a = 1 WHERE a IS NULL AND b = %(x)s", [("update", "users", ())]),
        ("UPDATE ONLY users SET (a, b) = (1, 2)", [("update", "users", ("a", "b"))]),
        ("WITH d AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM d", [("delete", "a", ())]),
        ("INSERT INTO a (x) VALUES (1) ON CONFLICT (x) DO UPDATE SET y = excluded.y", [("upsert", "a", ("y",))]),
        ("INSERT INTO a (x) VALUES ('DELETE FROM b')", []),
        ("LOCK TABLE a IN ACCESS EXCLUSIVE MODE", [("lock", "a", ())]),
        ("LOCK a", [("lock", "a", ())]),
        ("LOCK TABLE a IN SHARE UPDATE EXCLUSIVE MODE", []),
        ("SELECT * FROM a FOR UPDATE", []),
        ("GRANT SELECT, UPDATE, DELETE ON a TO b", []),
        ("CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f()", []),
        ("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM a $$", []),
        ("ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c ON DELETE CASCADE", []),
        ("SELECT purge(1)", [("delete", "old", ())]),
        ("SELECT app.purge(1), now()", [("delete", "old", ())]),
        (
            "DO $$ BEGIN IF a THEN DELETE FROM x; END IF; UPDATE y SET z = 'a;b'; END $$",
            [("delete", "x", ()), ("update", "y", ("z",))],
        ),
        ("DO $$ BEGIN EXECUTE format('TRUNCATE %I', t); END $$", [("truncate", "x", ())]),
        ("DO $a$ BEGIN EXECUTE 'DELETE FROM x WHERE y = ''z'''; END $a$", [("delete", "x", ())]),
        ("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE", [("merge", "a", ("id", "id"))]),
    ],
)  # fmt: skip
def test_what_text_does(text: str, found: list[tuple[str, str, tuple[str, ...]]]) -> None:
    assert acts(text, purge="BEGIN DELETE FROM old; END") == found


def test_functions_that_call_themselves_come_to_an_end() -> None:
    assert acts("SELECT f()", f="SELECT f(); DELETE FROM a") != []


@pytest.mark.parametrize(
    ("text", "bounded"),
    [
        ("UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t WHERE a IS NULL LIMIT 1000)", True),
        ("UPDATE t SET a = 1 WHERE id BETWEEN 1 AND 9", True),
        ("UPDATE t SET a = 1 WHERE id > %s AND id <= %s", True),
        ("UPDATE t SET a = 1 WHERE id = %(id_1)s::INTEGER", True),
        ("UPDATE t SET a = 1 WHERE t.id = other.id", False),
        ("UPDATE t SET a = 1 WHERE b = 2", False),
        ("UPDATE t SET a = 1", False),
    ],
)
def test_the_parts_of_a_backfill_are_told(text: str, bounded: bool) -> None:
    (act,) = sql.acts(text)
    assert act.bounded == bounded


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t WHERE a IS NULL LIMIT 9)", ()),
        ("UPDATE t SET a = 1 WHERE id IN (SELECT id FROM u WHERE a IS NULL)", ("a",)),
        ("UPDATE t SET a = 1 WHERE NOT id IN (SELECT id FROM t WHERE a IS NULL)", ("a",)),
        ("UPDATE t SET a = 1 WHERE ctid = ANY (ARRAY (SELECT ctid FROM t WHERE a IS NULL LIMIT 9))", ()),
        ("UPDATE t SET a = 1 FROM (SELECT id FROM t WHERE a IS NULL) s WHERE s.id = t.id", ()),
        ("UPDATE t SET a = 1 FROM (SELECT id FROM t WHERE a IS NULL) s WHERE s.id = t.parent", ("a",)),
        ("WITH s AS (SELECT id FROM t WHERE a IS NULL) UPDATE t SET a = 1 FROM s WHERE s.id = t.id", ()),
        ("UPDATE t SET a = (SELECT max(a) FROM t WHERE a IS NULL)", ("a",)),
        ("UPDATE t SET a = 1 WHERE a IS NULL OR b IS NULL", ("a",)),
    ],
)
def test_what_only_fills_in_overwrites_nothing(text: str, columns: tuple[str, ...]) -> None:
    (act,) = sql.acts(text)
    assert act.columns == columns


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("EXECUTE 'DEL' || 'ETE FROM s WHERE x = ''a'''", "DELETE FROM s WHERE x = 'a'"),
        ("EXECUTE 'DELETE FROM ' || quote_ident(t) || ' WHERE x'", "DELETE FROM x WHERE x"),
        ("EXECUTE format('DELETE FROM %I WHERE a = %L', t, b)", "DELETE FROM x WHERE a = x"),
        ("EXECUTE ('TRUNCATE ' || t)", "TRUNCATE x"),
    ],
)
def test_what_is_put_together_is_read(text: str, said: str) -> None:
    assert said in [act.text for act in sql.acts(f"DO $$ BEGIN {text}; END $$")]


def test_an_act_is_told_as_it_is_written() -> None:
    (act,) = sql.acts("UPDATE t SET a = 'void' WHERE b = 'it''s'")
    assert act.text == "UPDATE t SET a = 'void' WHERE b = 'it''s'"


def test_a_script_is_taken_apart() -> None:
    script = "SELECT ';'; -- a; b\nDO $x$ BEGIN a; END $x$;\n/* ; */ SELECT \"a;b\" ;"
    assert sql.split(script) == ["SELECT ';'", "DO $x$ BEGIN a; END $x$", 'SELECT "a;b"']


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    sql.acts(text)
    sql.split(text)
    list(by_texts([text]))


@pytest.mark.parametrize(
    ("body", "refuses"),
    [
        ("BEGIN IF x THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END", True),
        ("BEGIN RAISE 'no'; END", True),
        ("BEGIN RAISE NOTICE 'hm'; RETURN NEW; END", False),
        ("BEGIN -- RAISE EXCEPTION\n RETURN NEW; END", False),
        ("BEGIN RETURN NULL; END", True),
    ],
)
def test_a_trigger_that_may_refuse_is_told(body: str, refuses: bool) -> None:
    assert sql.refuses(body) == refuses


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("ALTER TABLE a ADD COLUMN b text", []),
        ("ALTER TABLE a ADD COLUMN b integer NOT NULL DEFAULT 1", []),
        ("ALTER TABLE a ADD COLUMN b integer NOT NULL", ["required_column"]),
        ("ALTER TABLE a DROP COLUMN IF EXISTS b CASCADE", ["drops", "gone"]),
        ("ALTER TABLE a RENAME COLUMN b TO c", ["renamed"]),
        ("ALTER TABLE a RENAME b TO c", ["renamed"]),
        ("ALTER TABLE a RENAME TO c", ["renamed"]),
        ("ALTER TABLE a ALTER COLUMN b SET NOT NULL", ["not_null"]),
        ("ALTER TABLE a ALTER COLUMN b DROP NOT NULL", []),
        ("ALTER TABLE a ALTER COLUMN b DROP DEFAULT", ["default_gone"]),
        ("ALTER TABLE a ALTER COLUMN b TYPE integer", ["narrows", "type_changed"]),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)", ["new_constraint"]),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID", []),
        ("ALTER TABLE a VALIDATE CONSTRAINT c", []),
        ("ALTER TABLE a ENABLE ROW LEVEL SECURITY", ["row_security"]),
        ("ALTER TYPE t RENAME VALUE 'x' TO 'y'", ["values_gone"]),
        ("ALTER TYPE t ADD VALUE 'x'", []),
        ("DROP TABLE a, b", ["drops", "gone", "drops", "gone"]),
        ("DROP VIEW v", ["gone"]),
        ("DROP INDEX i", []),
        ("REVOKE SELECT ON a FROM b", ["revoked"]),
        ("CREATE INDEX i ON a (b)", []),
        ("VACUUM FULL a", ["window_lint"]),
        ("UPDATE a SET b = 1", ["overwrites", "window_update"]),
        ("SECURITY LABEL ON TABLE a IS 'x'", ["unread"]),
    ],
)
def test_what_words_alone_tell(text: str, codes: list[str]) -> None:
    assert sorted(one.code for one in by_texts([text])) == sorted(codes)


def test_a_table_of_the_same_revision_is_nobodys_yet() -> None:
    texts = ["CREATE TABLE a (b integer)", "DELETE FROM a", "ALTER TABLE a DROP COLUMN b", "DROP TABLE a"]
    assert list(by_texts(texts)) == []


def test_what_calls_give_away_where_no_sql_is_known() -> None:
    calls = [
        Call("drop_column", ("users", "name"), 1),
        Call("execute", ("DELETE FROM a; SELECT 1",), 2),
        Call("create_table", ("t",), 3),
        Call("drop_table", ("t",), 4),
    ]
    assert [one.code for one in by_calls(calls)] == ["drops", "gone", "deletes"]
