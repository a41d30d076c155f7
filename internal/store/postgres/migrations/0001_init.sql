-- Ids are UUIDs, times are microseconds since 1970 UTC, 0 or NULL is none.
-- The tables are those of store/sqlite, so that one SQL serves both.

CREATE TABLE counters (
  name  TEXT   NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL
) WITH (fillfactor = 50);
INSERT INTO counters (name, value) VALUES ('changes', 0), ('nodes', 0);

-- The feed that nodes follow. Every transaction that changes something configured
-- locks the counter 'changes' first, which puts the commits in order.
CREATE TABLE changes (
  version BIGINT   NOT NULL PRIMARY KEY,
  kind    SMALLINT NOT NULL,
  id      UUID     NOT NULL,
  at      BIGINT   NOT NULL
);

-- Who listens hears of every change with its commit; the channel is the schema's own.
CREATE FUNCTION tell_change() RETURNS TRIGGER LANGUAGE plpgsql
  AS 'BEGIN PERFORM pg_notify(''switchhook_'' || md5(TG_TABLE_SCHEMA), ''c''); RETURN NULL; END';
CREATE TRIGGER changes_told AFTER INSERT ON changes FOR EACH STATEMENT EXECUTE FUNCTION tell_change();

CREATE TABLE nodes (
  number     BIGINT NOT NULL PRIMARY KEY,
  name       TEXT   NOT NULL,
  started_at BIGINT NOT NULL,
  beat_at    BIGINT NOT NULL,
  mark       UUID   NOT NULL,
  doc        TEXT   NOT NULL
) WITH (fillfactor = 50);

-- Which node sends for the endpoints of a shard; 0 is none.
CREATE TABLE shards (
  shard INTEGER NOT NULL PRIMARY KEY,
  node  BIGINT  NOT NULL
) WITH (fillfactor = 50);
INSERT INTO shards (shard, node) SELECT s, 0 FROM generate_series(0, 255) AS g (s);

CREATE TABLE accounts (
  id         UUID   NOT NULL PRIMARY KEY,
  parent_id  UUID   NOT NULL, -- zero for the root
  path       BYTEA  NOT NULL, -- ids of the ancestors, root first
  uid        TEXT   COLLATE "C" NOT NULL,
  plain_name TEXT   COLLATE "C" NOT NULL, -- the name as people may spell it
  hidden     BOOLEAN NOT NULL, -- it is in no list of tenants
  doc        TEXT   NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX accounts_uid ON accounts (parent_id, uid) WHERE uid <> '' AND deleted_at = 0;
CREATE INDEX accounts_plain_name ON accounts (plain_name, id) WHERE plain_name <> '' AND deleted_at = 0;
CREATE INDEX accounts_uid_anywhere ON accounts (uid, id) WHERE uid <> '' AND deleted_at = 0;
CREATE INDEX accounts_parent ON accounts (parent_id, id) WHERE deleted_at = 0;

CREATE TABLE credentials (
  id         UUID   NOT NULL PRIMARY KEY,
  account_id UUID   NOT NULL,
  key_hash   BYTEA,           -- of an API key
  username   TEXT   COLLATE "C" NOT NULL, -- of a user
  doc        TEXT   NOT NULL,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX credentials_key ON credentials (key_hash) WHERE key_hash IS NOT NULL AND revoked_at = 0;
CREATE UNIQUE INDEX credentials_username ON credentials (account_id, username) WHERE username <> '' AND revoked_at = 0;
CREATE INDEX credentials_account ON credentials (account_id, id) WHERE revoked_at = 0;

CREATE TABLE event_types (
  id         UUID   NOT NULL PRIMARY KEY,
  account_id UUID   NOT NULL,
  name       TEXT   COLLATE "C" NOT NULL,
  doc        TEXT   NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX event_types_name ON event_types (account_id, name);
CREATE INDEX event_types_account ON event_types (account_id, id);

CREATE TABLE endpoints (
  id              UUID    NOT NULL PRIMARY KEY,
  account_id      UUID    NOT NULL,
  uid             TEXT    COLLATE "C" NOT NULL,
  doc             TEXT    NOT NULL,
  sealed          BYTEA,           -- secrets; NULL once deleted
  annotated       TEXT    NOT NULL, -- by which dialects: their names, a space around each; '' is none
  ordered         BOOLEAN NOT NULL,
  enabled         BOOLEAN NOT NULL,
  disabled_reason TEXT    NOT NULL,
  disabled_at     BIGINT  NOT NULL,
  version         BIGINT  NOT NULL,
  created_at      BIGINT  NOT NULL,
  updated_at      BIGINT  NOT NULL,
  deleted_at      BIGINT  NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX endpoints_uid ON endpoints (account_id, uid) WHERE uid <> '' AND deleted_at = 0;
CREATE INDEX endpoints_account ON endpoints (account_id, id) WHERE deleted_at = 0;
CREATE INDEX endpoints_annotated ON endpoints (id) WHERE annotated <> '' AND deleted_at = 0;
CREATE INDEX endpoints_deleted ON endpoints (account_id, id) WHERE deleted_at <> 0;

-- Written after every attempt that fails: no index but the key, and room in the
-- pages, so that an update touches the table alone.
CREATE TABLE endpoint_health (
  endpoint_id     UUID    NOT NULL PRIMARY KEY,
  failures_in_row BIGINT  NOT NULL,
  failing_since   BIGINT  NOT NULL,
  last_success_at BIGINT  NOT NULL,
  last_failure_at BIGINT  NOT NULL,
  recent_failures BYTEA,            -- 8 bytes each, big endian, microseconds
  closed          BOOLEAN NOT NULL,
  generation      BIGINT  NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

CREATE TABLE subscriptions (
  id          UUID    NOT NULL PRIMARY KEY,
  account_id  UUID    NOT NULL,
  endpoint_id UUID    NOT NULL,
  enabled     BOOLEAN NOT NULL,
  doc         TEXT    NOT NULL,
  created_at  BIGINT  NOT NULL,
  updated_at  BIGINT  NOT NULL
);
CREATE INDEX subscriptions_endpoint ON subscriptions (endpoint_id, id);
CREATE INDEX subscriptions_account ON subscriptions (account_id, id);

CREATE TABLE idempotency (
  account_id UUID   NOT NULL,
  key        TEXT   COLLATE "C" NOT NULL,
  hash       BYTEA  NOT NULL,
  refs       BYTEA  NOT NULL, -- ids of what the first call made
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_expires ON idempotency (expires_at);

-- Rows are written once; only payloads that expire change theirs. Payloads are
-- not compressed: that would cost more than it saves on the way in and out.
CREATE TABLE events (
  id              UUID    NOT NULL PRIMARY KEY,
  account_id      UUID    NOT NULL,
  created_at      BIGINT,                      -- NULL is the time in the id
  deliver_at      BIGINT,
  payload_expires BIGINT,
  payload_deleted BOOLEAN NOT NULL DEFAULT FALSE,
  uid             TEXT    COLLATE "C",
  type            TEXT    COLLATE "C" NOT NULL,
  channels        TEXT,                        -- JSON
  tags            TEXT,                        -- JSON
  attributes      TEXT,                        -- JSON
  payload         BYTEA
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
ALTER TABLE events ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX events_account ON events (account_id, id);
CREATE UNIQUE INDEX events_uid ON events (account_id, uid) WHERE uid IS NOT NULL;
CREATE INDEX events_expires ON events (payload_expires) WHERE payload_expires IS NOT NULL AND NOT payload_deleted;

-- The queue. A pending row with due_at is in the backlog of its endpoint, and
-- node holds it while that node lives. One without is held fresh by node.
--
-- No index and no predicate names status, attempts or node, and pages are half
-- filled: the common path, accepted and delivered, updates every row of a page in place
-- (heap-only tuples), touches no index, and leaves little for vacuum to do.
CREATE TABLE deliveries (
  event_id        UUID     NOT NULL,
  account_id      UUID     NOT NULL, -- of the endpoint
  endpoint_id     UUID     NOT NULL,
  subscription_id UUID     NOT NULL,
  node            BIGINT   NOT NULL,
  n               INTEGER  NOT NULL,
  attempts        INTEGER  NOT NULL,
  status          SMALLINT NOT NULL, -- 0 pending, 1 delivered, 2 failed, 3 cancelled
  cause           SMALLINT NOT NULL, -- 0 the event's arrival, 1 a person
  due_at          BIGINT,
  not_before      BIGINT,
  PRIMARY KEY (event_id, n)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000,
  autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at, event_id, n) WHERE due_at IS NOT NULL;

CREATE TABLE attempts (
  event_id          UUID     NOT NULL,
  id                UUID     NOT NULL,
  account_id        UUID     NOT NULL, -- of the endpoint
  endpoint_id       UUID     NOT NULL,
  retry_after       BIGINT   NOT NULL DEFAULT 0, -- microseconds
  latency           BIGINT   NOT NULL, -- microseconds
  n                 INTEGER  NOT NULL, -- of the delivery
  number            INTEGER  NOT NULL, -- 1 is the first of the delivery
  status_code       INTEGER  NOT NULL,
  cause             SMALLINT NOT NULL,
  result            SMALLINT NOT NULL, -- 0 delivered, 1 retry, 2 rejected, 3 gone, 4 throttled
  timeout           BOOLEAN  NOT NULL DEFAULT FALSE,
  response_expunged BOOLEAN  NOT NULL DEFAULT FALSE,
  url               TEXT     NOT NULL,
  started_at        BIGINT,            -- NULL is the time in the id
  next_at           BIGINT,
  detail            BYTEA,
  request_headers   BYTEA,
  response_headers  BYTEA,
  response_body     BYTEA,
  extra             BYTEA,
  PRIMARY KEY (event_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE INDEX attempts_endpoint ON attempts (endpoint_id, id);

-- What a commit sends, one array of each. A release that needs other columns
-- makes other types, so that nodes of both releases can work side by side.

CREATE TYPE new_key AS (account_id UUID, key TEXT, hash BYTEA, refs BYTEA, expires_at BIGINT);

CREATE TYPE new_event AS (id UUID, account_id UUID, uid TEXT, type TEXT, payload BYTEA, channels TEXT, tags TEXT,
  attributes TEXT, created_at BIGINT, deliver_at BIGINT, payload_expires BIGINT);

CREATE TYPE new_delivery AS (event_id UUID, n INTEGER, account_id UUID, endpoint_id UUID, subscription_id UUID,
  status SMALLINT, cause SMALLINT, attempts INTEGER, due_at BIGINT, not_before BIGINT, node BIGINT, last BOOLEAN);

CREATE TYPE changed_delivery AS (event_id UUID, n INTEGER, status SMALLINT, attempts INTEGER, due_at BIGINT,
  not_before BIGINT, node BIGINT, holder BIGINT);

CREATE TYPE new_attempt AS (event_id UUID, id UUID, n INTEGER, number INTEGER, account_id UUID, endpoint_id UUID,
  cause SMALLINT, url TEXT, started_at BIGINT, next_at BIGINT, result SMALLINT, status_code INTEGER, detail BYTEA,
  timeout BOOLEAN, retry_after BIGINT, latency BIGINT, request_headers BYTEA, response_headers BYTEA,
  response_body BYTEA, response_expunged BOOLEAN, extra BYTEA);

CREATE TYPE changed_health AS (endpoint_id UUID, failures_in_row BIGINT, failing_since BIGINT, last_success_at BIGINT,
  last_failure_at BIGINT, recent_failures BYTEA, closed BOOLEAN, generation BIGINT, disable BOOLEAN, reason TEXT, at BIGINT);
