-- What is neither waiting to run nor settled, said by what it is not: SQLite builds the set of a long IN list anew for every row that is written,
-- comparisons cost next to nothing.
DROP INDEX tasks_active;
CREATE INDEX tasks_active ON tasks (status, key)
    WHERE status <> 'DEFINED' AND status <> 'READY' AND status <> 'COMPLETED' AND status <> 'FAILED' AND status <> 'BLOCKED';
