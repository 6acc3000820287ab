-- A store of rows as sweeps wrote it before studies: version 2 of its schema, two rows, one of them not scored yet.
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
    scores              TEXT NOT NULL,     -- JSON; null: no reward model; "nan", "inf", "-inf"
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
INSERT INTO sweeps (id, digest, record) VALUES (1, 'x', '{"bundle": "demo", "model": "m", "adapters": ["helpful"], "adapter_digests": ["d"], "objectives": ["helpful", "humor"], "reward_digests": ["r1", "r2"], "plan": {"grid": {"simplex": {"step": 1.0, "objectives": []}}, "prompts": [{"text": "a"}, {"text": "b"}], "sampling": {"temperature": 0.0, "top_p": 1.0, "seed": 0, "max_tokens": 8, "stop": [], "ignore_eos": false}, "include_base": false, "store": ""}}');
INSERT INTO rows (key, sweep, point_index, prompt_index, point, prompt, sampling, text, tokens, finish, scores, gates_mean, first_token_seconds, seconds)
VALUES ('k0', 1, 0, 0, '{"preference": [1.0, 0.0]}', '{"text": "a"}', '{"temperature": 0.0, "top_p": 1.0, "seed": 0, "max_tokens": 8, "stop": [], "ignore_eos": false}', 'one', '[1, 2]', '"eos"', '[1.5, "inf"]', '[1.0]', 0.1, 0.2);
INSERT INTO rows (key, sweep, point_index, prompt_index, point, prompt, sampling, text, tokens, finish, scores, gates_mean, first_token_seconds, seconds)
VALUES ('k1', 1, 0, 1, '{"preference": [1.0, 0.0]}', '{"text": "b"}', '{"temperature": 0.0, "top_p": 1.0, "seed": 0, "max_tokens": 8, "stop": [], "ignore_eos": false}', 'two', '[1, 2]', '"eos"', 'null', '[1.0]', 0.1, 0.2);
PRAGMA application_id = 1348563557;
PRAGMA user_version = 2;
