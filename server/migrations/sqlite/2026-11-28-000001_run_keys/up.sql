-- The end of a run takes its keys back: found without looking at the keys of all runs. Keys that were taken back cost nothing.
CREATE INDEX api_keys_run ON api_keys (task_id, run_number) WHERE task_id IS NOT NULL AND revoked_at IS NULL;
