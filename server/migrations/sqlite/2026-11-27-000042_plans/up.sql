-- Plans that agents wrote or people brought, and what became of them.

CREATE TABLE plans (
    id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    task_key BIGINT,
    run_number INTEGER,
    request_id TEXT,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    archive TEXT NOT NULL,
    hash TEXT NOT NULL,
    state TEXT NOT NULL,
    text TEXT NOT NULL,
    feedback TEXT NOT NULL,
    decided_by TEXT,
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    PRIMARY KEY (id),
    CHECK (source IN ('file', 'plan_exit', 'text')),
    CHECK (state IN ('pending', 'proposed', 'accepted', 'answered', 'rejected', 'superseded', 'empty')),
    FOREIGN KEY (project_id) REFERENCES projects (id),
    FOREIGN KEY (task_key) REFERENCES tasks (key)
);

-- The same words become tasks once in a project.
CREATE UNIQUE INDEX plans_hash ON plans (project_id, hash) WHERE state NOT IN ('rejected', 'superseded');
CREATE INDEX plans_task ON plans (task_key) WHERE task_key IS NOT NULL;

-- What a task says about plans itself.
CREATE TABLE task_plan_rules (
    task_key BIGINT NOT NULL,
    rule TEXT NOT NULL,
    PRIMARY KEY (task_key),
    FOREIGN KEY (task_key) REFERENCES tasks (key)
) WITHOUT ROWID;
