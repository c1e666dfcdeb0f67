ALTER TABLE projects DROP COLUMN proposals;
ALTER TABLE api_keys DROP COLUMN last_used_at;
ALTER TABLE runs DROP COLUMN pushed;
ALTER TABLE accounts DROP COLUMN key_source;
ALTER TABLE accounts DROP COLUMN key_variable;
ALTER TABLE accounts DROP COLUMN max_concurrent_runs;
ALTER TABLE tasks DROP COLUMN model;
