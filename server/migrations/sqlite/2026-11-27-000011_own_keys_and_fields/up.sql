-- A task's own model.
ALTER TABLE tasks ADD COLUMN model TEXT;
-- Most runs of an account at once (0: no limit), and where its provider key is found; never the key itself.
ALTER TABLE accounts ADD COLUMN max_concurrent_runs INTEGER NOT NULL DEFAULT 0 CHECK (max_concurrent_runs >= 0);
ALTER TABLE accounts ADD COLUMN key_variable TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN key_source TEXT NOT NULL DEFAULT '';
-- True when the run's work was pushed to a remote.
ALTER TABLE runs ADD COLUMN pushed BOOLEAN NOT NULL DEFAULT FALSE;
-- When a key was last used, to the minute.
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;
-- Whether agents of the project may propose tasks: off, approval, open.
ALTER TABLE projects ADD COLUMN proposals TEXT NOT NULL DEFAULT 'approval' CHECK (proposals IN ('off','approval','open'));
