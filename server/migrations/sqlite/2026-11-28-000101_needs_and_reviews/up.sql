-- What a task asks of its agent, in one text, and what it was made of: runtimes to fall back to, filler work. The text is what a start reads of
-- READY tasks, so the index covers it instead of the runtime.
ALTER TABLE tasks ADD COLUMN needs TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN fallback TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN filler BOOLEAN NOT NULL DEFAULT FALSE;
-- Set while the work of the last run waits for its review: the reviewer's runtime, empty for the task's.
ALTER TABLE tasks ADD COLUMN review TEXT;
UPDATE tasks SET needs = runtime WHERE runtime IS NOT NULL;
DROP INDEX tasks_ready;
CREATE INDEX tasks_ready ON tasks (project_id, priority, key, needs) WHERE status = 'READY';
-- Whether a run worked or reviewed.
ALTER TABLE runs ADD COLUMN purpose TEXT NOT NULL DEFAULT 'work' CHECK (purpose IN ('work','review'));
-- What a project says of checking: who checks where a task says nothing, and who reviews.
ALTER TABLE projects ADD COLUMN verification TEXT NOT NULL DEFAULT 'auto_test';
ALTER TABLE projects ADD COLUMN reviewer_runtime TEXT;
ALTER TABLE projects ADD COLUMN reviewer TEXT;
