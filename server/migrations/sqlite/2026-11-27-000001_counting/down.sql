DROP INDEX tasks_completed;
DROP INDEX tasks_defined;
DROP INDEX tasks_ready;
CREATE INDEX tasks_ready ON tasks (project_id, priority, key) WHERE status = 'READY';
