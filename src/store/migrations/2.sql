CREATE TABLE plans (
    digest TEXT PRIMARY KEY,
    script TEXT NOT NULL,
    requests TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    spent_ms INTEGER
) STRICT;
