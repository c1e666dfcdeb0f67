-- What the owner of an account wants, as JSON, and what is learned of the size of a provider's windows.
ALTER TABLE accounts ADD COLUMN policy TEXT NOT NULL DEFAULT '{}';
ALTER TABLE limit_windows ADD COLUMN base_used DOUBLE PRECISION;
ALTER TABLE limit_windows ADD COLUMN base_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE limit_windows ADD COLUMN heard_spent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE limit_windows ADD COLUMN capacity DOUBLE PRECISION;
