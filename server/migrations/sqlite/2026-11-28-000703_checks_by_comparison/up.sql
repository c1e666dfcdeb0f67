-- SQLite builds the set of a long IN list anew for every row that is checked, which took as long as writing the row; comparisons cost next to
-- nothing. The stored rows stay as they are, so only the text of the tables is changed, as SQLite's documentation of ALTER TABLE says it is
-- done for constraints: the time does not depend on how many tasks there are.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (status IN (''DEFINED'',''READY'',''ASSIGNED'',''IN_PROGRESS'',''WAITING_INPUT'',''PAUSED'',''VERIFYING'',''AWAITING_APPROVAL'',''COMPLETED'',''FAILED'',''BLOCKED''))',
    'CHECK (status = ''READY'' OR status = ''IN_PROGRESS'' OR status = ''ASSIGNED'' OR status = ''COMPLETED'' OR status = ''DEFINED'' OR status = ''VERIFYING'' OR status = ''WAITING_INPUT'' OR status = ''PAUSED'' OR status = ''AWAITING_APPROVAL'' OR status = ''BLOCKED'' OR status = ''FAILED'')')
    WHERE type = 'table' AND name = 'tasks';
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (state IN (''STARTING'',''RUNNING'',''CONCLUDING'',''ENDED''))',
    'CHECK (state = ''STARTING'' OR state = ''RUNNING'' OR state = ''CONCLUDING'' OR state = ''ENDED'')')
    WHERE type = 'table' AND name = 'runs';
-- Other connections read the schema anew when its number has changed, and any change of it by a statement does that.
CREATE TABLE schema_has_changed (number INTEGER);
DROP TABLE schema_has_changed;
PRAGMA writable_schema = RESET;
