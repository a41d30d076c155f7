-- Ids are 16 bytes, times are microseconds since 1970 UTC, 0 or NULL is none.

CREATE TABLE counters (
  name  TEXT    NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('changes', 0), ('nodes', 0);

-- The feed that nodes follow. Every transaction that changes something configured
-- raises the counter 'changes' first, which puts the commits in order.
CREATE TABLE changes (
  version INTEGER PRIMARY KEY,
  kind    INTEGER NOT NULL,
  id      BLOB    NOT NULL,
  at      INTEGER NOT NULL
);

CREATE TABLE nodes (
  number     INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL,
  started_at INTEGER NOT NULL,
  beat_at    INTEGER NOT NULL,
  mark       BLOB    NOT NULL,
  doc        TEXT    NOT NULL
);

CREATE TABLE accounts (
  id         BLOB    NOT NULL PRIMARY KEY,
  parent_id  BLOB    NOT NULL, -- zero for the root
  path       BLOB    NOT NULL, -- ids of the ancestors, root first
  uid        TEXT    NOT NULL,
  plain_name TEXT    NOT NULL, -- the name as people may spell it
  hidden     INTEGER NOT NULL, -- it is in no list of tenants
  doc        TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE UNIQUE INDEX accounts_uid ON accounts (parent_id, uid) WHERE uid <> '' AND deleted_at = 0;
CREATE INDEX accounts_plain_name ON accounts (plain_name, id) WHERE plain_name <> '' AND deleted_at = 0;
CREATE INDEX accounts_uid_anywhere ON accounts (uid, id) WHERE uid <> '' AND deleted_at = 0;
CREATE INDEX accounts_parent ON accounts (parent_id, id) WHERE deleted_at = 0;

CREATE TABLE credentials (
  id         BLOB    NOT NULL PRIMARY KEY,
  account_id BLOB    NOT NULL,
  key_hash   BLOB,             -- of an API key
  username   TEXT    NOT NULL, -- of a user
  doc        TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX credentials_key ON credentials (key_hash) WHERE key_hash IS NOT NULL AND revoked_at = 0;
CREATE UNIQUE INDEX credentials_username ON credentials (account_id, username) WHERE username <> '' AND revoked_at = 0;
CREATE INDEX credentials_account ON credentials (account_id, id) WHERE revoked_at = 0;

CREATE TABLE event_types (
  id         BLOB    NOT NULL PRIMARY KEY,
  account_id BLOB    NOT NULL,
  name       TEXT    NOT NULL,
  doc        TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX event_types_name ON event_types (account_id, name);
CREATE INDEX event_types_account ON event_types (account_id, id);

CREATE TABLE endpoints (
  id              BLOB    NOT NULL PRIMARY KEY,
  account_id      BLOB    NOT NULL,
  uid             TEXT    NOT NULL,
  doc             TEXT    NOT NULL,
  sealed          BLOB,             -- secrets; NULL once deleted
  annotated       TEXT    NOT NULL, -- by which dialects: their names, a space around each; '' is none
  ordered         INTEGER NOT NULL,
  enabled         INTEGER NOT NULL,
  disabled_reason TEXT    NOT NULL,
  disabled_at     INTEGER NOT NULL,
  version         INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  deleted_at      INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE UNIQUE INDEX endpoints_uid ON endpoints (account_id, uid) WHERE uid <> '' AND deleted_at = 0;
CREATE INDEX endpoints_account ON endpoints (account_id, id) WHERE deleted_at = 0;
CREATE INDEX endpoints_annotated ON endpoints (id) WHERE annotated <> '' AND deleted_at = 0;
CREATE INDEX endpoints_deleted ON endpoints (account_id, id) WHERE deleted_at <> 0;

CREATE TABLE endpoint_health (
  endpoint_id     BLOB    NOT NULL PRIMARY KEY,
  failures_in_row INTEGER NOT NULL,
  failing_since   INTEGER NOT NULL,
  last_success_at INTEGER NOT NULL,
  last_failure_at INTEGER NOT NULL,
  recent_failures BLOB,             -- 8 bytes each, big endian, microseconds
  closed          INTEGER NOT NULL,
  generation      INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE subscriptions (
  id          BLOB    NOT NULL PRIMARY KEY,
  account_id  BLOB    NOT NULL,
  endpoint_id BLOB    NOT NULL,
  enabled     INTEGER NOT NULL,
  doc         TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX subscriptions_endpoint ON subscriptions (endpoint_id, id);
CREATE INDEX subscriptions_account ON subscriptions (account_id, id);

CREATE TABLE idempotency (
  account_id BLOB    NOT NULL,
  key        TEXT    NOT NULL,
  hash       BLOB    NOT NULL,
  refs       BLOB    NOT NULL, -- ids of what the first call made
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (expires_at);

-- Events and attempts are large rows that come in order: appended to a table
-- with row numbers they cost a third less than in a tree of their ids.
CREATE TABLE events (
  id              BLOB    NOT NULL PRIMARY KEY,
  account_id      BLOB    NOT NULL,
  uid             TEXT,
  type            TEXT    NOT NULL,
  payload         BLOB,
  channels        TEXT,                       -- JSON
  tags            TEXT,                       -- JSON
  attributes      TEXT,                       -- JSON
  created_at      INTEGER,                    -- NULL is the time in the id
  deliver_at      INTEGER,
  payload_expires INTEGER,
  payload_deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX events_account ON events (account_id, id);
CREATE UNIQUE INDEX events_uid ON events (account_id, uid) WHERE uid IS NOT NULL;
CREATE INDEX events_expires ON events (payload_expires) WHERE payload_expires IS NOT NULL AND NOT payload_deleted;

-- The queue. A pending row with due_at is in the backlog of its endpoint, and
-- node holds it while that node lives. One without is held fresh by node.
CREATE TABLE deliveries (
  event_id        BLOB    NOT NULL,
  n               INTEGER NOT NULL,
  account_id      BLOB    NOT NULL, -- of the endpoint
  endpoint_id     BLOB    NOT NULL,
  subscription_id BLOB    NOT NULL,
  status          INTEGER NOT NULL, -- 0 pending, 1 delivered, 2 failed, 3 cancelled
  cause           INTEGER NOT NULL, -- 0 the event's arrival, 1 a person
  attempts        INTEGER NOT NULL,
  due_at          INTEGER,
  not_before      INTEGER,
  node            INTEGER NOT NULL,
  PRIMARY KEY (event_id, n)
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at, event_id, n) WHERE due_at IS NOT NULL;

CREATE TABLE attempts (
  event_id          BLOB    NOT NULL,
  id                BLOB    NOT NULL,
  n                 INTEGER NOT NULL, -- of the delivery
  number            INTEGER NOT NULL, -- 1 is the first of the delivery
  account_id        BLOB    NOT NULL, -- of the endpoint
  endpoint_id       BLOB    NOT NULL,
  cause             INTEGER NOT NULL,
  url               TEXT    NOT NULL,
  started_at        INTEGER,          -- NULL is the time in the id
  next_at           INTEGER,
  result            INTEGER NOT NULL, -- 0 delivered, 1 retry, 2 rejected, 3 gone, 4 throttled
  status_code       INTEGER NOT NULL,
  detail            BLOB,
  timeout           INTEGER NOT NULL DEFAULT 0,
  retry_after       INTEGER NOT NULL DEFAULT 0, -- microseconds
  latency           INTEGER NOT NULL, -- microseconds
  request_headers   BLOB,
  response_headers  BLOB,
  response_body     BLOB,
  response_expunged INTEGER NOT NULL DEFAULT 0,
  extra             BLOB,
  PRIMARY KEY (event_id, id)
);
-- With what counting asks for, so that it reads nothing else.
CREATE INDEX attempts_endpoint ON attempts (endpoint_id, id, result, next_at);
