DROP INDEX api_keys_run;
