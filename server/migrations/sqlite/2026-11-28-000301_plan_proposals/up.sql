-- The steps that a model proposed for a plan, as a list of titles and descriptions; empty: none.
ALTER TABLE plans ADD COLUMN proposed TEXT NOT NULL DEFAULT '';
