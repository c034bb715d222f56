CREATE TABLE documents (
    number INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    UNIQUE (collection, id)
) STRICT;

CREATE VIRTUAL TABLE documents_text USING fts5 (body);

CREATE TABLE calls (
    number INTEGER PRIMARY KEY,
    call_id TEXT NOT NULL UNIQUE,
    time_ms INTEGER NOT NULL,
    origin TEXT NOT NULL,
    function TEXT NOT NULL,
    account TEXT NOT NULL,
    operation TEXT,
    arguments_digest TEXT,
    arguments TEXT,
    outcome TEXT NOT NULL,
    code TEXT,
    http_status INTEGER,
    duration_ms REAL,
    force INTEGER NOT NULL DEFAULT 0,
    dry_run INTEGER NOT NULL DEFAULT 0,
    approval_id TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    deadline_ms INTEGER
) STRICT;
CREATE INDEX calls_time ON calls (time_ms);

CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    function TEXT NOT NULL,
    account TEXT NOT NULL,
    operation TEXT NOT NULL,
    arguments TEXT NOT NULL,
    files TEXT NOT NULL,
    options TEXT NOT NULL,
    request TEXT NOT NULL,
    digest TEXT NOT NULL,
    origin TEXT NOT NULL,
    state TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    decided_ms INTEGER,
    spent_ms INTEGER
) STRICT;
CREATE INDEX approvals_digest ON approvals (digest);
