"""What is in a PostgreSQL database, read from its catalogs (from PostgreSQL 12 on).

Things of extensions and of the server itself are left out, and so is Alembic's version table.
"""

import json

import asyncpg

from pipeline.verdicts.schema import Snapshot, Thing

_COMMON = """
WITH ns AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
 theirs AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
 rel AS (SELECT c.*, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN ns n ON n.oid = c.relnamespace
         WHERE c.relname <> $1
         AND NOT EXISTS (SELECT FROM theirs t WHERE t.classid = 'pg_class'::regclass AND t.objid = c.oid))
"""


def acl(kind: str, given: str, owner: str) -> str:
    """SQL for the privileges on a thing, also where the server has written none down because they are the usual."""
    entries = f"aclexplode(coalesce({given}, acldefault('{kind}', {owner}))) e"
    told, order = "e.grantee::text || ':' || e.privilege_type", "e.grantee, e.privilege_type"
    return f"(SELECT array_agg({told} ORDER BY {order}) FROM {entries})"


_PARTS = {
    "schema": f"""
SELECT 'schema', ARRAY[n.oid::bigint], n.nspname, '', jsonb_build_object(
  'owner', pg_get_userbyid(n.nspowner), 'acl', {acl("n", "n.nspacl", "n.nspowner")}) FROM ns n""",
    "relation": f"""
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'matview' WHEN 'f' THEN 'foreign' ELSE 'table' END,
  ARRAY[c.oid::bigint], c.name, '', jsonb_build_object('relkind', c.relkind, 'persistence', c.relpersistence,
  'row security', c.relrowsecurity, 'forced', c.relforcerowsecurity, 'owner', pg_get_userbyid(c.relowner),
  'acl', {acl("r", "c.relacl", "c.relowner")}, 'bound', pg_get_expr(c.relpartbound, c.oid),
  'parents', (SELECT array_agg(i.inhparent::regclass::text ORDER BY 1) FROM pg_inherits i WHERE i.inhrelid = c.oid),
  'updatable', pg_relation_is_updatable(c.oid, true), 'comment', obj_description(c.oid, 'pg_class'),
  'text', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END)
FROM rel c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')""",
    "column": f"""
SELECT 'column', ARRAY[c.oid::bigint, a.attnum::bigint], a.attname, c.name, jsonb_build_object(
  'type', format_type(a.atttypid, a.atttypmod), 'required', a.attnotnull,
  'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
  'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
  'identity', a.attidentity, 'collation', a.attcollation::regcollation::text,
  'acl', {acl("c", "a.attacl", "c.relowner")},
  'comment', col_description(c.oid, a.attnum))
FROM rel c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')""",
    "constraint": """
SELECT 'constraint', ARRAY[o.oid::bigint], o.conname, coalesce(c.name, format_type(nullif(o.contypid, 0), NULL)),
  jsonb_build_object('type', o.contype, 'def', replace(pg_get_constraintdef(o.oid), ' NOT VALID', ''),
  'valid', o.convalidated, 'on', CASE WHEN o.contypid <> 0 THEN 'domain' ELSE 'table' END,
  'to', nullif(o.confrelid, 0)::regclass::text, 'comment', obj_description(o.oid, 'pg_constraint'),
  'columns', (SELECT array_agg(a.attname ORDER BY k.at) FROM unnest(o.conkey) WITH ORDINALITY k(num, at)
              JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.num))
FROM pg_constraint o JOIN ns n ON n.oid = o.connamespace LEFT JOIN rel c ON c.oid = o.conrelid
WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND (o.conrelid = 0 OR c.oid IS NOT NULL) AND o.conparentid = 0
AND NOT EXISTS (SELECT FROM theirs t WHERE t.classid = 'pg_type'::regclass AND t.objid = o.contypid)""",
    "index": """
SELECT 'index', ARRAY[i.indexrelid::bigint], x.relname, c.name, jsonb_build_object(
  'def', regexp_replace(pg_get_indexdef(i.indexrelid), ' INDEX \\S+ ON ', ' INDEX ON '), 'unique', i.indisunique,
  'valid', i.indisvalid, 'constraint', EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid),
  'partial', i.indpred IS NOT NULL, 'columns', (SELECT array_agg(a.attname ORDER BY k.at)
  FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(num, at) JOIN pg_attribute a
  ON a.attrelid = i.indrelid AND a.attnum = k.num WHERE k.at <= i.indnkeyatts))
FROM pg_index i JOIN rel c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid""",
    "trigger": """
SELECT 'trigger', ARRAY[t.oid::bigint], t.tgname, c.name, jsonb_build_object('def', pg_get_triggerdef(t.oid),
  'enabled', t.tgenabled, 'body', p.prosrc, 'kind', t.tgtype, 'function', t.tgfoid::regproc::text)
FROM pg_trigger t JOIN rel c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgparentid = 0""",
    "policy": """
SELECT 'policy', ARRAY[p.oid::bigint], p.polname, c.name, jsonb_build_object('permissive', p.polpermissive,
  'for', p.polcmd, 'roles', p.polroles::regrole[]::text[], 'using', pg_get_expr(p.polqual, p.polrelid),
  'check', pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p JOIN rel c ON c.oid = p.polrelid""",
    "rule": """
SELECT 'rule', ARRAY[r.oid::bigint], r.rulename, c.name, jsonb_build_object(
  'def', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)
FROM pg_rewrite r JOIN rel c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'""",
    "function": f"""
SELECT 'function', ARRAY[p.oid::bigint],
  n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', '', jsonb_build_object(
  'result', pg_get_function_result(p.oid), 'kind', p.prokind, 'body', p.prosrc, 'language', p.prolang::bigint,
  'defaults', p.pronargdefaults, 'owner', pg_get_userbyid(p.proowner),
  'acl', {acl("f", "p.proacl", "p.proowner")},
  'definer', p.prosecdef, 'trigger', p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype),
  'strict', p.proisstrict, 'volatile', p.provolatile, 'comment', obj_description(p.oid, 'pg_proc'))
FROM pg_proc p JOIN ns n ON n.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM theirs t WHERE t.classid = 'pg_proc'::regclass AND t.objid = p.oid)""",
    "type": f"""
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'composite' END,
  ARRAY[t.oid::bigint], n.nspname || '.' || t.typname, '', jsonb_build_object('owner', pg_get_userbyid(t.typowner),
  'acl', {acl("T", "t.typacl", "t.typowner")},
  'base', format_type(nullif(t.typbasetype, 0), t.typtypmod), 'required', t.typnotnull,
  'default', t.typdefault, 'values', (SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e
  WHERE e.enumtypid = t.oid), 'comment', obj_description(t.oid, 'pg_type'),
  'attributes', (SELECT array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped))
FROM pg_type t JOIN ns n ON n.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
AND NOT EXISTS (SELECT FROM theirs x WHERE x.classid = 'pg_type'::regclass AND x.objid = t.oid)""",
    "sequence": f"""
SELECT 'sequence', ARRAY[c.oid::bigint], c.name, '', jsonb_build_object('type', format_type(s.seqtypid, NULL),
  'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax, 'cycle', s.seqcycle,
  'owner', pg_get_userbyid(c.relowner), 'acl', {acl("s", "c.relacl", "c.relowner")},
  'last', pg_sequence_last_value(c.oid))
FROM rel c JOIN pg_sequence s ON s.seqrelid = c.oid""",
    "extension": """
SELECT 'extension', ARRAY[e.oid::bigint], e.extname, '', jsonb_build_object('version', e.extversion)
FROM pg_extension e WHERE e.extname <> 'plpgsql'""",
}


_ALL = _COMMON + " UNION ALL ".join(f"SELECT * FROM ({part}) x" for part in _PARTS.values())


async def snapshot(connection: asyncpg.Connection, version_table: str) -> Snapshot:
    """Everything in the database that a migration may change; `version_table` is a name without schema."""
    async with connection.transaction():
        await connection.execute("SET LOCAL search_path TO pg_catalog")  # every name is told with its schema
        rows = await connection.fetch(_ALL, version_table)
    things = [Thing(row[0], tuple(row[1]), row[2], row[3] or "", json.loads(row[4])) for row in rows]
    return Snapshot(sorted(things, key=lambda thing: (thing.kind, thing.key)))
