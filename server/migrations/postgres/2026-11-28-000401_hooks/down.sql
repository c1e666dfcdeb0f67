DROP TABLE hook_runs;
DROP TABLE hooks;
