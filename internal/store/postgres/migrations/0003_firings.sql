-- Firings become durable in the commit of their event.

CREATE TYPE new_firing AS (created_at BIGINT, id UUID, event_type_id UUID);
