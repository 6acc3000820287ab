//! The schema, version by version.
//!
//! SQLite's `user_version` counts the steps that a file has had. To change the schema append a
//! step; steps that exist never change.

/// Marks a file as ours (`PRAGMA application_id`): "Pare".
pub(super) const APPLICATION: i32 = 0x5061_7265;

/// Step `i` takes a file from version `i` to `i + 1`.
pub(super) const STEPS: &[&str] = &["
CREATE TABLE sweeps (
    id      INTEGER PRIMARY KEY,
    created INTEGER NOT NULL DEFAULT (unixepoch()),
    digest  TEXT NOT NULL UNIQUE,  -- of `record`, so that the same plan is the same sweep
    record  TEXT NOT NULL          -- JSON: bundle, digests, plan
) STRICT;

CREATE TABLE rows (                -- one per (point, prompt)
    id                  INTEGER PRIMARY KEY,
    created             INTEGER NOT NULL DEFAULT (unixepoch()),
    key                 TEXT NOT NULL UNIQUE,
    sweep               INTEGER NOT NULL REFERENCES sweeps (id),
    point_index         INTEGER NOT NULL,
    prompt_index        INTEGER NOT NULL,
    point               TEXT NOT NULL,     -- JSON
    prompt              TEXT NOT NULL,     -- JSON
    sampling            TEXT NOT NULL,     -- JSON
    text                TEXT NOT NULL,
    tokens              TEXT NOT NULL,     -- JSON
    finish              TEXT NOT NULL,     -- JSON
    scores              TEXT NOT NULL,     -- JSON; null: no reward model; \"nan\", \"inf\", \"-inf\"
    gates_mean          TEXT NOT NULL,     -- JSON
    first_token_seconds REAL NOT NULL,
    seconds             REAL NOT NULL
) STRICT;
CREATE INDEX rows_of_sweep ON rows (sweep, point_index, prompt_index);

CREATE TABLE runs (                -- interactive ones
    id         INTEGER PRIMARY KEY,
    created    INTEGER NOT NULL DEFAULT (unixepoch()),
    bundle     TEXT NOT NULL,
    model      TEXT NOT NULL,
    scores     TEXT,               -- JSON, as above
    gates_mean TEXT NOT NULL,      -- JSON
    run        TEXT NOT NULL       -- JSON
) STRICT;
",
// A row may wait for its scores (`scores` is JSON null): nothing to change but the version, so that an older program
// says in words that it is too old.
""];
