-- What a node accepted for endpoints that another one sends for: the event has deliveries
-- that node holds fresh and does not know of yet.

CREATE TABLE handed (
  node     BIGINT NOT NULL,
  event_id UUID   NOT NULL,
  PRIMARY KEY (node, event_id)
);
CREATE TYPE new_handed AS (node BIGINT, event_id UUID);
