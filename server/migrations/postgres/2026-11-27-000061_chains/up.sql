-- When a person was last told that a task is stuck; gone when it no longer is.
CREATE TABLE stuck_alerts (
    task_key BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (task_key),
    FOREIGN KEY (task_key) REFERENCES tasks (key)
);

-- Limits of one run, in milliseconds; none: the project's, else the configured ones.
ALTER TABLE tasks ADD COLUMN time_limit_ms BIGINT;
ALTER TABLE tasks ADD COLUMN silence_limit_ms BIGINT;
ALTER TABLE projects ADD COLUMN time_limit_ms BIGINT;
ALTER TABLE projects ADD COLUMN silence_limit_ms BIGINT;

-- The archive, last archived first; tasks outside of it cost nothing.
CREATE INDEX tasks_archived ON tasks (archived_at, key) WHERE archived_at IS NOT NULL;
-- Who waits for its branch: READY tasks that have one, steps of plans and retries. Few at any time.
CREATE INDEX tasks_branch ON tasks (branch, project_id) WHERE status = 'READY' AND branch IS NOT NULL;
