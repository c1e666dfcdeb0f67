-- The events of a task are found by its key: keys grow, so that the events of new tasks stand at the end of the index. Ids are words in no order, and each
-- new task changed another page of an index over them.
DROP INDEX events_task;
ALTER TABLE events ADD COLUMN task_key BIGINT;
UPDATE events SET task_key = (SELECT tasks.key FROM tasks WHERE tasks.id = events.task_id) WHERE task_id IS NOT NULL;
CREATE INDEX events_task ON events (task_key, seq) WHERE task_key IS NOT NULL;
