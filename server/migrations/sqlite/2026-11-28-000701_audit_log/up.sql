-- Who changed what, and who was refused for lack of right: records chained by their hashes. Rows are added, never changed, and removed from the oldest on only.
CREATE TABLE audit_log (
    seq INTEGER NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    key_name TEXT NOT NULL,
    role TEXT NOT NULL,
    kind TEXT NOT NULL,
    person TEXT NOT NULL,
    run TEXT NOT NULL,
    method TEXT NOT NULL,
    resources TEXT NOT NULL,
    project_id TEXT NOT NULL,
    choices TEXT NOT NULL,
    request_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    code TEXT NOT NULL,
    note TEXT NOT NULL,
    previous_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (seq)
);

-- Two places in the log: `newest`, the record written last, and `cut`, the last one that was removed because of its age.
CREATE TABLE audit_marks (
    name TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (name)
);
INSERT INTO audit_marks (name, seq, hash) VALUES ('newest', 0, zeroblob(32)), ('cut', 0, zeroblob(32));
