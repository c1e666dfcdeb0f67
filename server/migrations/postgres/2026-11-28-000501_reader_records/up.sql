-- What durable readers of events remember for themselves, by key: a gateway's message ids, links and marks.
CREATE TABLE reader_records (
    reader TEXT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (reader, key)
);
