CREATE TABLE results (
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL,
    function TEXT NOT NULL,
    account TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    items INTEGER,
    shape TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
-- The sum of all sizes and the oldest ones are found without reading any content.
CREATE INDEX results_by_age ON results (created_ms, bytes);
