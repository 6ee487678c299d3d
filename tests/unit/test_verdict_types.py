"""Changes of a column's type, as who reads and writes it as before feels them."""

import pytest

from pipeline.verdicts.types import keeps_values, kind_of


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("integer", "integer", "same"),
        ("integer", "bigint", "wider"),
        ("bigint", "integer", "narrower"),
        ("character varying(50)", "character varying(80)", "wider"),
        ("character varying(50)", "character varying", "wider"),
        ("character varying", "character varying(50)", "narrower"),
        ("character varying(50)", "text", "wider"),
        ("text", "character varying(50)", "narrower"),
        ("character(2)", "text", "wider"),
        ("numeric(10,2)", "numeric(12,2)", "wider"),
        ("numeric(10,2)", "numeric(12,4)", "wider"),
        ("numeric(10,2)", "numeric(10,4)", "narrower"),
        ("numeric(10,2)", "numeric", "wider"),
        ("numeric(10,2)", "numeric(10,0)", "narrower"),
        ("timestamp(6) without time zone", "timestamp(0) without time zone", "narrower"),
        ("timestamp without time zone", "timestamp with time zone", "other"),
        ("json", "jsonb", "other"),
        ("integer[]", "bigint[]", "wider"),
        ("integer", "integer[]", "other"),
        ("public.citext", "text", "narrower"),
        ("uuid", "text", "other"),
    ],
)
def test_how_a_type_relates_to_another(before: str, after: str, kind: str) -> None:
    assert kind_of(before, after) == kind


@pytest.mark.parametrize(
    ("before", "after", "keeps"),
    [
        ("integer", "bigint", True),
        ("uuid", "text", True),
        ("public.status", "text", True),
        ("json", "jsonb", True),
        ("text", "uuid", True),
        ("integer", "numeric", True),
        ("numeric", "integer", False),
        ("text", "integer", False),
        ("timestamp without time zone", "date", False),
        ("text", "character varying(9)", False),
        ("integer", "character varying(9)", False),
    ],
)
def test_whether_a_value_can_be_lost_on_the_way(before: str, after: str, keeps: bool) -> None:
    assert keeps_values(before, after) == keeps
