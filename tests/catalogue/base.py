"""What is deployed before each migration of the catalogue runs: people, their orders, and what a grown schema has."""

import sqlalchemy as sa
from alembic import op

revision = "schema"
down_revision = None

SQL = """
CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped', 'void');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE teams (id serial PRIMARY KEY, name varchar(80) NOT NULL UNIQUE);
CREATE TABLE users (
  id serial PRIMARY KEY,
  email varchar(255) NOT NULL,
  name varchar(100),
  nickname varchar(40),
  age integer,
  score numeric(10, 2),
  active boolean NOT NULL DEFAULT true,
  settings json,
  team_id integer REFERENCES teams (id),
  created_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamp,
  legacy_code text,
  CONSTRAINT users_email_key UNIQUE (email)
);
CREATE INDEX ix_users_name ON users (name);
CREATE TABLE orders (
  id bigserial PRIMARY KEY,
  user_id integer NOT NULL REFERENCES users (id),
  status order_status NOT NULL DEFAULT 'new',
  kind varchar(20) NOT NULL DEFAULT 'web' CONSTRAINT orders_kind_check CHECK (kind IN ('web', 'shop')),
  total numeric(12, 2) NOT NULL,
  quantity positive NOT NULL DEFAULT 1,
  note text,
  placed_on date NOT NULL,
  coupon varchar(20),
  paid_at timestamp with time zone,
  CONSTRAINT orders_note_present CHECK (note IS NOT NULL)
);
CREATE INDEX ix_orders_user ON orders (user_id);
CREATE INDEX ix_orders_coupon ON orders (coupon);
CREATE UNIQUE INDEX ix_orders_coupon_user ON orders (coupon, user_id);
CREATE TABLE order_lines (
  order_id bigint NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  position integer NOT NULL,
  article varchar(60) NOT NULL,
  price numeric(10, 2) NOT NULL,
  PRIMARY KEY (order_id, position)
);
CREATE TABLE audit (id bigserial PRIMARY KEY, at timestamp NOT NULL DEFAULT now(), what text NOT NULL, payload jsonb);
CREATE TABLE events (id bigint NOT NULL, day date NOT NULL, body text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW active_users AS SELECT id, email, active FROM users WHERE active;
CREATE MATERIALIZED VIEW sales AS SELECT user_id, count(*) AS number FROM orders GROUP BY user_id;
CREATE FUNCTION full_name(u users) RETURNS text LANGUAGE sql STABLE AS $$ SELECT u.name || ' ' || u.nickname $$;
CREATE FUNCTION purge_audit() RETURNS void LANGUAGE plpgsql AS $$
BEGIN DELETE FROM audit WHERE at < now() - interval '1 year'; END $$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE SEQUENCE invoice_number START 1000;
"""


def upgrade() -> None:
    op.execute(sa.text(SQL.replace(":=", r"\:=")))


def downgrade() -> None:
    op.execute(
        "DROP MATERIALIZED VIEW sales; DROP VIEW active_users; DROP FUNCTION full_name; DROP FUNCTION purge_audit;"
        "DROP TABLE events, audit, order_lines, orders, users, teams; DROP FUNCTION touch;"
        "DROP SEQUENCE invoice_number; DROP DOMAIN positive; DROP TYPE order_status"
    )
