DROP INDEX tasks_branch;
DROP INDEX tasks_archived;
ALTER TABLE projects DROP COLUMN silence_limit_ms;
ALTER TABLE projects DROP COLUMN time_limit_ms;
ALTER TABLE tasks DROP COLUMN silence_limit_ms;
ALTER TABLE tasks DROP COLUMN time_limit_ms;
DROP TABLE stuck_alerts;
