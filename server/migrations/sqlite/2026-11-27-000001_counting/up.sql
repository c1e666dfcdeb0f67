-- A start counts tasks and lists the READY ones from indexes alone: it never reads the tasks themselves. Each index covers its query.
-- A READY task is never deleted or archived, unless its project is deleted with it, and then nobody asks.
DROP INDEX tasks_ready;
CREATE INDEX tasks_ready ON tasks (project_id, priority, key, runtime) WHERE status = 'READY';
CREATE INDEX tasks_defined ON tasks (project_id) WHERE status = 'DEFINED' AND deleted_at IS NULL AND archived_at IS NULL;
CREATE INDEX tasks_completed ON tasks (project_id) WHERE status = 'COMPLETED' AND deleted_at IS NULL AND archived_at IS NULL;
