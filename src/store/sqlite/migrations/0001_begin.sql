-- Journals: the exact bytes of their lines.
CREATE TABLE journal (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    lines INTEGER NOT NULL
) STRICT;

CREATE TABLE line (
    journal INTEGER NOT NULL REFERENCES journal (id),
    seq     INTEGER NOT NULL,
    text    BLOB NOT NULL,
    PRIMARY KEY (journal, seq)
) STRICT, WITHOUT ROWID;

-- Documents, each changed only by whoever knows its version.
CREATE TABLE document (
    folder  TEXT NOT NULL,
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    text    BLOB NOT NULL,
    PRIMARY KEY (folder, name)
) STRICT;

-- The one lease. Its token only grows, also while nobody holds it.
CREATE TABLE lease (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    token     INTEGER NOT NULL,
    holder    TEXT,
    until_us  INTEGER
) STRICT;
INSERT INTO lease VALUES (1, 0, NULL, NULL);

-- Written to when all before it must reach the disk.
CREATE TABLE synced (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    times INTEGER NOT NULL
) STRICT;
INSERT INTO synced VALUES (1, 0);
