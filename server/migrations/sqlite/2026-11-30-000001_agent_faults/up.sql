-- Why an agent cannot work, as JSON; NULL: nothing is known to be wrong.
ALTER TABLE agents ADD COLUMN fault TEXT;
