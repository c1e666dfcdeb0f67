DROP INDEX events_task;
ALTER TABLE events DROP COLUMN task_key;
CREATE INDEX events_task ON events (task_id, seq) WHERE task_id IS NOT NULL;
