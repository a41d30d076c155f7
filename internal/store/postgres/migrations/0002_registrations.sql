-- Registrations: event types with a fixed payload, and the subscriptions to them.

ALTER TABLE event_types ADD COLUMN fixed BOOLEAN NOT NULL DEFAULT FALSE; -- it has a payload of its own
CREATE INDEX event_types_fixed ON event_types (created_at, id) WHERE fixed;

ALTER TABLE subscriptions ADD COLUMN event_type_id UUID; -- that it is for; NULL is no single one
CREATE INDEX subscriptions_event_type ON subscriptions (event_type_id) WHERE event_type_id IS NOT NULL;
CREATE INDEX subscriptions_age ON subscriptions (created_at, id) WHERE event_type_id IS NOT NULL;

CREATE INDEX accounts_age ON accounts (parent_id, created_at, id) WHERE deleted_at = 0;

-- Each time the event of a registration was sent.
CREATE TABLE firings (
  created_at    BIGINT NOT NULL,
  id            UUID   NOT NULL,
  event_type_id UUID   NOT NULL,
  PRIMARY KEY (created_at, id)
);
