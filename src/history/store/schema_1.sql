-- A run, and what is to be thought of it.
CREATE TABLE night (
  id             INTEGER PRIMARY KEY,
  run            TEXT    NOT NULL UNIQUE,
  started_at     TEXT    NOT NULL,            -- 2026-01-31T01:00:00.000000Z
  took_us        INTEGER,                     -- NULL: it did not come to its end
  cut_short      TEXT,                        -- why it ended early
  tool_version   TEXT    NOT NULL,
  testbed        TEXT    NOT NULL,            -- what nights have to share to be compared
  target         TEXT    NOT NULL,            -- live, emulator, replay
  place          TEXT    NOT NULL,            -- the connection's name, or host and port
  region         TEXT,
  release        TEXT,
  server_version TEXT,
  generator      TEXT,                        -- the machine that sent the requests
  simulated      TEXT,                        -- the model behind the figures, if there is one
  seed           TEXT    NOT NULL,
  scale          INTEGER NOT NULL,
  status         TEXT    NOT NULL DEFAULT 'unjudged'
                 CHECK (status IN ('unjudged', 'accepted', 'red', 'unsure', 'invalid')),
  why            TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX night_by_testbed ON night (testbed, started_at);

-- A quantity that is measured each night.
CREATE TABLE series (
  id      INTEGER PRIMARY KEY,
  suite   TEXT NOT NULL,                      -- empty: of the whole run
  "case"  TEXT NOT NULL,
  role    TEXT NOT NULL,                      -- interactive, standard; a table, of refreshes
  query   TEXT NOT NULL,                      -- of the mix; empty: all of it
  metric  TEXT NOT NULL,                      -- p95, error-share, credits
  unit    TEXT NOT NULL CHECK (unit IN ('us', 'share', 'per second', 'count', 'word', 'credits')),
  better  TEXT NOT NULL CHECK (better IN ('lower', 'higher', 'neither')),
  UNIQUE (suite, "case", role, query, metric)
) STRICT;

-- What a quantity was in a night.
CREATE TABLE value (
  series    INTEGER NOT NULL REFERENCES series (id),
  night     INTEGER NOT NULL REFERENCES night (id) ON DELETE CASCADE,
  sample    INTEGER NOT NULL DEFAULT 0,       -- 0: the run's own; 1, 2, ...: taken again
  value     REAL,
  low       REAL,                             -- of the 95 % interval; NULL: no end, or not known
  high      REAL,
  samples   REAL,                             -- independent ones that tell as much; NULL: no interval
  exact     INTEGER,                          -- a number without noise
  word      TEXT,                             -- what is no number
  control   REAL,                             -- the same of what nobody changes
  PRIMARY KEY (series, night, sample),
  CHECK ((value IS NOT NULL) + (exact IS NOT NULL) + (word IS NOT NULL) = 1)
) STRICT, WITHOUT ROWID;

CREATE INDEX value_by_night ON value (night);

CREATE TABLE histogram (
  night   INTEGER NOT NULL REFERENCES night (id) ON DELETE CASCADE,
  suite   TEXT NOT NULL,
  "case"  TEXT NOT NULL,
  role    TEXT NOT NULL,
  query   TEXT NOT NULL,
  kind    TEXT NOT NULL,                      -- from due, execute, lag, refresh time
  data    BLOB NOT NULL,                      -- HdrHistogram V2, deflated, in microseconds
  PRIMARY KEY (night, suite, "case", role, query, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE outcome (
  night   INTEGER NOT NULL REFERENCES night (id) ON DELETE CASCADE,
  suite   TEXT NOT NULL,
  "case"  TEXT NOT NULL,
  id      TEXT,                               -- of the behaviour
  outcome TEXT NOT NULL,                      -- passed, failed, unsure, ...
  took_us INTEGER NOT NULL,
  reason  TEXT,
  PRIMARY KEY (night, suite, "case")
) STRICT, WITHOUT ROWID;

-- What the gate said of a quantity of a night. Cleared alarms are in it, too.
CREATE TABLE verdict (
  night    INTEGER NOT NULL REFERENCES night (id) ON DELETE CASCADE,
  series   INTEGER NOT NULL REFERENCES series (id),
  verdict  TEXT NOT NULL,
  why      TEXT NOT NULL,
  estimate REAL,                              -- tonight by the nights before
  PRIMARY KEY (night, series)
) STRICT, WITHOUT ROWID;
