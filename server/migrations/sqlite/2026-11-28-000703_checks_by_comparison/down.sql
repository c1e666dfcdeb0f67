-- The constraints as lists again.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (status = ''READY'' OR status = ''IN_PROGRESS'' OR status = ''ASSIGNED'' OR status = ''COMPLETED'' OR status = ''DEFINED'' OR status = ''VERIFYING'' OR status = ''WAITING_INPUT'' OR status = ''PAUSED'' OR status = ''AWAITING_APPROVAL'' OR status = ''BLOCKED'' OR status = ''FAILED'')',
    'CHECK (status IN (''DEFINED'',''READY'',''ASSIGNED'',''IN_PROGRESS'',''WAITING_INPUT'',''PAUSED'',''VERIFYING'',''AWAITING_APPROVAL'',''COMPLETED'',''FAILED'',''BLOCKED''))')
    WHERE type = 'table' AND name = 'tasks';
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (state = ''STARTING'' OR state = ''RUNNING'' OR state = ''CONCLUDING'' OR state = ''ENDED'')',
    'CHECK (state IN (''STARTING'',''RUNNING'',''CONCLUDING'',''ENDED''))')
    WHERE type = 'table' AND name = 'runs';
-- Other connections read the schema anew when its number has changed, and any change of it by a statement does that.
CREATE TABLE schema_has_changed (number INTEGER);
DROP TABLE schema_has_changed;
PRAGMA writable_schema = RESET;
