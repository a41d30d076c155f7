-- What a node accepted for endpoints that another one sends for: the event has deliveries
-- that node holds fresh and does not know of yet. They are in the note, too, packed (see
-- handed.go), so that whoever takes it need not look for them.

CREATE TABLE handed (
  node       BIGINT NOT NULL,
  event_id   UUID   NOT NULL,
  deliveries BYTEA  NOT NULL,
  PRIMARY KEY (node, event_id)
);
CREATE TYPE new_handed AS (node BIGINT, event_id UUID, deliveries BYTEA);
