ALTER TABLE plans DROP COLUMN proposed;
