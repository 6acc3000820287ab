//! The schema, version by version.
//!
//! `PRAGMA user_version` counts the steps that a file has had. To change the schema append a step; steps that exist
//! never change. `meta` says which versions may read and write a file, so that an older program can tell.

/// Marks a file as a study (`PRAGMA application_id`): "PaSt".
pub(super) const APPLICATION: i32 = 0x5061_5374;

/// Marks a store of rows, the format before studies (`PRAGMA application_id`): "Pare".
pub(super) const ROW_STORE: i32 = 0x5061_7265;

/// The newest version of a store of rows.
pub(super) const NEWEST_ROW_STORE: usize = 2;

/// The oldest version whose programs can read a file that this program wrote.
pub(super) const MIN_READER: usize = 1;
/// The oldest version whose programs may write to a file that this program wrote.
pub(super) const MIN_WRITER: usize = 1;

/// Step `i` takes a file from version `i` to `i + 1`.
///
/// Every table but the children has `id` (joins within the file), `uid` (the same in every file: SHA-256 of the contents
/// of a thing, 16 bytes ordered by time of an event), `created` (milliseconds since 1970, UTC) and `origin` (who wrote it).
pub(super) const STEPS: &[&str] = &["
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE origin (               -- a process that wrote
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL,
    program TEXT NOT NULL, os TEXT NOT NULL, isa TEXT NOT NULL, alias TEXT NOT NULL,
    beat INTEGER                    -- when it last held the lease on views
) STRICT;

CREATE TABLE artefact (             -- weights, tokenizers, templates, data: by digest, wherever they lie
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    kind TEXT NOT NULL, digest TEXT NOT NULL, name TEXT NOT NULL, bytes INTEGER, path_hint TEXT, card TEXT
) STRICT;
CREATE TABLE bundle (               -- json: what it is, without its prompts
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    name TEXT NOT NULL, json TEXT NOT NULL
) STRICT;
CREATE TABLE setting (              -- json: how tokens are chosen, without the seed
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    json TEXT NOT NULL
) STRICT;
CREATE TABLE prompt (               -- kind: text, chat, messages, tokens; body: JSON
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    kind TEXT NOT NULL, body TEXT NOT NULL, title TEXT NOT NULL, topic TEXT,
    split TEXT                      -- train, validation, test
) STRICT;
CREATE TABLE point (                -- kind: preference, weights; coords: JSON
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    kind TEXT NOT NULL, coords TEXT NOT NULL
) STRICT;
CREATE TABLE placing (              -- the gates that a bundle turns a point into
    bundle INTEGER NOT NULL REFERENCES bundle, point INTEGER NOT NULL REFERENCES point,
    gates BLOB NOT NULL, residual REAL NOT NULL, PRIMARY KEY (bundle, point)
) STRICT, WITHOUT ROWID;

CREATE TABLE generation (           -- an answer
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    key BLOB,                       -- of what the forward pass received; NULL (steered, stopped, failed, imported) is never given again
    bundle INTEGER REFERENCES bundle, setting INTEGER REFERENCES setting,
    prompt INTEGER NOT NULL REFERENCES prompt, point INTEGER REFERENCES point,
    seed INTEGER NOT NULL, status TEXT NOT NULL, finish TEXT, text TEXT NOT NULL,
    ids BLOB NOT NULL, spans BLOB NOT NULL,       -- tokens and the bytes of the text that they made, LEB128
    asked INTEGER NOT NULL,                       -- tokens of the prompt
    ended INTEGER,                                -- the end token that came
    steered TEXT, mutes TEXT, gates BLOB,
    first_s REAL NOT NULL, total_s REAL NOT NULL,
    mean BLOB NOT NULL,                           -- mean gate per adapter, f32
    interactive INTEGER NOT NULL DEFAULT 0        -- a person asked for it
) STRICT;
CREATE INDEX generation_key ON generation (key) WHERE key IS NOT NULL;
CREATE INDEX generation_interactive ON generation (created) WHERE interactive = 1;
CREATE TABLE playback (generation INTEGER PRIMARY KEY REFERENCES generation, deltas BLOB NOT NULL) STRICT;
CREATE TABLE trace (                -- a cache: routing can be found again
    generation INTEGER PRIMARY KEY REFERENCES generation,
    encoding INTEGER NOT NULL, shape TEXT NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL
) STRICT;

CREATE TABLE scorer (               -- kind: reward, grader, judge
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    kind TEXT NOT NULL, objective TEXT NOT NULL, sign REAL NOT NULL, json TEXT NOT NULL
) STRICT;
CREATE TABLE score (
    generation INTEGER NOT NULL REFERENCES generation, scorer INTEGER NOT NULL REFERENCES scorer,
    value REAL,                     -- sign applied, larger is better; NULL where flag is not 'ok'
    flag TEXT NOT NULL,             -- ok, nan, +inf, -inf, cut, failed
    PRIMARY KEY (generation, scorer)
) STRICT, WITHOUT ROWID;

CREATE TABLE sweep (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    name TEXT NOT NULL, method TEXT NOT NULL, bundle INTEGER NOT NULL REFERENCES bundle,
    plan TEXT NOT NULL,             -- JSON
    now INTEGER NOT NULL,           -- what chat templates are told, in seconds since 1970
    rows INTEGER NOT NULL,          -- planned
    status TEXT NOT NULL            -- running, finished, stopped
) STRICT;
CREATE TABLE sweep_row (            -- one per (point, prompt, seed) that is finished
    sweep INTEGER NOT NULL REFERENCES sweep, point INTEGER NOT NULL REFERENCES point,
    prompt INTEGER NOT NULL REFERENCES prompt, seed INTEGER NOT NULL,
    point_index INTEGER NOT NULL, prompt_index INTEGER NOT NULL,
    generation INTEGER NOT NULL REFERENCES generation,
    PRIMARY KEY (sweep, point, prompt, seed)
) STRICT, WITHOUT ROWID;
CREATE INDEX sweep_row_generation ON sweep_row (generation);
CREATE TABLE claim (                -- rows that a process has under way, so that another leaves them
    key BLOB PRIMARY KEY, origin INTEGER NOT NULL REFERENCES origin, until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE task (                 -- design: JSON
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    name TEXT NOT NULL, design TEXT NOT NULL, locked INTEGER NOT NULL
) STRICT;
CREATE TABLE item (                 -- sides: JSON
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    task INTEGER NOT NULL REFERENCES task, sides TEXT NOT NULL, gold TEXT, probability REAL NOT NULL
) STRICT;
CREATE TABLE annotator (            -- an alias, never a name
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    alias TEXT NOT NULL
) STRICT;
CREATE TABLE vote (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    item INTEGER NOT NULL REFERENCES item, annotator INTEGER NOT NULL REFERENCES annotator,
    objective TEXT NOT NULL, choice TEXT NOT NULL, strength INTEGER, shown TEXT NOT NULL,
    active_ms INTEGER NOT NULL, early INTEGER NOT NULL, comment TEXT, replaces BLOB
) STRICT;

CREATE TABLE note (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    target BLOB NOT NULL UNIQUE, rev INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE tag (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    target BLOB NOT NULL, name TEXT NOT NULL, rev INTEGER NOT NULL, standing INTEGER NOT NULL, UNIQUE (target, name)
) STRICT;
CREATE TABLE mark (                 -- pin, star, hidden; named points carry their name in kind's value
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    target BLOB NOT NULL, kind TEXT NOT NULL, value TEXT, rev INTEGER NOT NULL, standing INTEGER NOT NULL,
    UNIQUE (target, kind)
) STRICT;

CREATE TABLE deck (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    rev INTEGER NOT NULL, json TEXT NOT NULL
) STRICT;
CREATE TABLE stop (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    deck INTEGER NOT NULL REFERENCES deck, rev INTEGER NOT NULL, json TEXT NOT NULL
) STRICT;
CREATE TABLE view (                 -- where a person was: point, prompt, pins, plots, zoom
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    name TEXT NOT NULL UNIQUE, rev INTEGER NOT NULL, json TEXT NOT NULL
) STRICT;
CREATE TABLE figure (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    rev INTEGER NOT NULL, json TEXT NOT NULL
) STRICT;

CREATE TABLE training (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    plan TEXT NOT NULL, status TEXT NOT NULL, data TEXT, votes BLOB, result TEXT
) STRICT;
CREATE TABLE step (
    training INTEGER NOT NULL REFERENCES training, n INTEGER NOT NULL, figures TEXT NOT NULL, PRIMARY KEY (training, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE op (                   -- edits that can be undone, also after a restart
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    title TEXT NOT NULL, target TEXT NOT NULL, before TEXT, after TEXT, rev INTEGER NOT NULL, undone INTEGER NOT NULL
) STRICT;
CREATE TABLE merge_log (
    id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, origin INTEGER NOT NULL REFERENCES origin,
    source TEXT NOT NULL, counts TEXT NOT NULL
) STRICT;
"];
