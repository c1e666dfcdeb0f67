-- Finished work that waits for approval: since when, the next reminder, and the pull request behind it.
CREATE TABLE approvals (
    task_key BIGINT NOT NULL,
    run_number INTEGER NOT NULL,
    since BIGINT NOT NULL,
    remind_at BIGINT NOT NULL,
    repository TEXT NOT NULL,
    branch TEXT NOT NULL,
    number BIGINT,
    etag TEXT NOT NULL,
    review TEXT NOT NULL,
    ask_at BIGINT,
    failures INTEGER NOT NULL,
    problem TEXT NOT NULL,
    PRIMARY KEY (task_key),
    FOREIGN KEY (task_key) REFERENCES tasks (key)
);
