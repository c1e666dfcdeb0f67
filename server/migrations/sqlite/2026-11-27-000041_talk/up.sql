-- Questions have a deadline and keep the answer until the agent has it; messages and permissions are kept.

ALTER TABLE questions ADD COLUMN deadline BIGINT;
ALTER TABLE questions ADD COLUMN given TEXT;
ALTER TABLE questions ADD COLUMN given_by TEXT;
ALTER TABLE questions ADD COLUMN given_at BIGINT;
ALTER TABLE questions ADD COLUMN delivered_at BIGINT;
ALTER TABLE questions ADD COLUMN told_run INTEGER;
CREATE INDEX questions_deadline ON questions (deadline) WHERE deadline IS NOT NULL;

-- What people told agents at work.
CREATE TABLE messages (
    task_key BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    run_number INTEGER NOT NULL,
    text TEXT NOT NULL,
    actor TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    delivered_at BIGINT,
    told_run INTEGER,
    PRIMARY KEY (task_key, message_id),
    FOREIGN KEY (task_key) REFERENCES tasks (key)
) WITHOUT ROWID;

-- Tools that a person allowed once and for all, for a task or for a project.
CREATE TABLE permission_grants (
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    tool TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, subject, tool),
    CHECK (scope IN ('task', 'project'))
) WITHOUT ROWID;

ALTER TABLE projects ADD COLUMN question_timeout_ms BIGINT;
ALTER TABLE projects ADD COLUMN plan_approval TEXT;
