ALTER TABLE limit_windows DROP COLUMN capacity;
ALTER TABLE limit_windows DROP COLUMN heard_spent;
ALTER TABLE limit_windows DROP COLUMN base_at;
ALTER TABLE limit_windows DROP COLUMN base_used;
ALTER TABLE accounts DROP COLUMN policy;
