-- The base schema. Instants are milliseconds since the Unix epoch; enumerations are their stored text; JSON is text.

CREATE TABLE settings (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE projects (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    credit_weight DOUBLE PRECISION NOT NULL,
    max_concurrent_agents INTEGER NOT NULL,
    budget_limit BIGINT,
    repo_url TEXT NOT NULL,
    default_branch TEXT NOT NULL,
    discord_channel_id TEXT,
    test_commands TEXT NOT NULL,
    runtime TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (id),
    CHECK (credit_weight >= 0),
    CHECK (max_concurrent_agents >= 0)
);

CREATE TABLE workspaces (
    id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    PRIMARY KEY (id),
    FOREIGN KEY (project_id) REFERENCES projects (id)
);

CREATE TABLE accounts (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    login_dir TEXT NOT NULL,
    reserve DOUBLE PRECISION NOT NULL,
    paused BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (id)
);

CREATE TABLE limit_windows (
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    used DOUBLE PRECISION,
    resets_at BIGINT,
    source TEXT NOT NULL,
    observed_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, name),
    FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

CREATE TABLE agents (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    runtime TEXT NOT NULL,
    paused BOOLEAN NOT NULL,
    account_id TEXT,
    profile TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (id),
    FOREIGN KEY (account_id) REFERENCES accounts (id)
);

CREATE TABLE tasks (
    key INTEGER NOT NULL,
    id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    parent_key BIGINT,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    priority INTEGER NOT NULL,
    status TEXT NOT NULL,
    blocked_reason TEXT,
    task_type TEXT,
    verification TEXT NOT NULL,
    runtime TEXT,
    preferred_agent TEXT,
    agent_id TEXT,
    run_number INTEGER NOT NULL,
    retry_count INTEGER NOT NULL,
    max_retries INTEGER NOT NULL,
    unmet_deps INTEGER NOT NULL,
    branch TEXT,
    session_id TEXT,
    resume_after BIGINT,
    requires_approval BOOLEAN NOT NULL,
    pr_url TEXT,
    plan_source TEXT,
    is_plan_subtask BOOLEAN NOT NULL,
    test_commands TEXT NOT NULL,
    budget_tokens BIGINT,
    origin TEXT NOT NULL,
    failure TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    archived_at BIGINT,
    deleted_at BIGINT,
    PRIMARY KEY (key),
    CHECK (status IN ('DEFINED','READY','ASSIGNED','IN_PROGRESS','WAITING_INPUT','PAUSED','VERIFYING','AWAITING_APPROVAL','COMPLETED','FAILED','BLOCKED')),
    CHECK (status <> 'PAUSED' OR resume_after IS NOT NULL),
    CHECK (status NOT IN ('ASSIGNED','IN_PROGRESS') OR agent_id IS NOT NULL),
    CHECK ((status = 'BLOCKED') = (blocked_reason IS NOT NULL)),
    CHECK (retry_count <= max_retries),
    CHECK (unmet_deps >= 0),
    FOREIGN KEY (project_id) REFERENCES projects (id),
    FOREIGN KEY (parent_key) REFERENCES tasks (key)
);

CREATE TABLE task_dependencies (
    task_key BIGINT NOT NULL,
    depends_on_key BIGINT NOT NULL,
    PRIMARY KEY (task_key, depends_on_key),
    CHECK (task_key <> depends_on_key),
    FOREIGN KEY (task_key) REFERENCES tasks (key),
    FOREIGN KEY (depends_on_key) REFERENCES tasks (key)
) WITHOUT ROWID;

CREATE TABLE task_attachments (
    task_key BIGINT NOT NULL,
    kind TEXT NOT NULL,
    position INTEGER NOT NULL,
    label TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (task_key, kind, position),
    FOREIGN KEY (task_key) REFERENCES tasks (key)
) WITHOUT ROWID;

CREATE TABLE runs (
    task_key BIGINT NOT NULL,
    number INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    runtime TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    state TEXT NOT NULL,
    result TEXT,
    failure_class TEXT,
    message TEXT NOT NULL,
    summary TEXT NOT NULL,
    files_changed TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    session_id TEXT,
    directory TEXT NOT NULL,
    base_commit TEXT NOT NULL,
    pid BIGINT,
    exit_code INTEGER,
    reserved_tokens BIGINT NOT NULL,
    tokens_input BIGINT NOT NULL,
    tokens_output BIGINT NOT NULL,
    tokens_cache_read BIGINT NOT NULL,
    tokens_cache_write BIGINT NOT NULL,
    output_items BIGINT NOT NULL,
    output_bytes BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (task_key, number),
    CHECK (state IN ('STARTING','RUNNING','CONCLUDING','ENDED')),
    CHECK ((state = 'ENDED') = (ended_at IS NOT NULL)),
    FOREIGN KEY (task_key) REFERENCES tasks (key)
) WITHOUT ROWID;

CREATE TABLE questions (
    task_key BIGINT NOT NULL,
    run_number INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    tool TEXT NOT NULL,
    detail TEXT NOT NULL,
    options TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    closed_at BIGINT,
    answer TEXT,
    PRIMARY KEY (task_key, run_number, request_id),
    FOREIGN KEY (task_key) REFERENCES tasks (key)
) WITHOUT ROWID;

CREATE TABLE token_ledger (
    task_key BIGINT NOT NULL,
    run_number INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    project_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    account_id TEXT,
    model TEXT NOT NULL,
    input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    cost_micros BIGINT,
    PRIMARY KEY (task_key, run_number, message_id)
) WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    project_id TEXT,
    task_id TEXT,
    run_number INTEGER,
    agent_id TEXT,
    payload TEXT NOT NULL,
    PRIMARY KEY (seq)
);

CREATE TABLE consumers (
    name TEXT NOT NULL,
    acknowledged_seq BIGINT NOT NULL,
    holder TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE api_keys (
    kid TEXT NOT NULL,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    projects TEXT NOT NULL,
    task_id TEXT,
    run_number INTEGER,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (kid)
);

CREATE TABLE requests (
    principal TEXT NOT NULL,
    request_id TEXT NOT NULL,
    method TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    response BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (principal, request_id)
);


-- Names are never used twice, not even after a deletion: the row stays.
CREATE UNIQUE INDEX tasks_id ON tasks (id);
CREATE INDEX tasks_project ON tasks (project_id, key);
CREATE INDEX tasks_parent ON tasks (parent_key) WHERE parent_key IS NOT NULL;
-- The reload path of the ready heads, and the timers that are due.
CREATE INDEX tasks_ready ON tasks (project_id, priority, key) WHERE status = 'READY';
CREATE INDEX tasks_timer ON tasks (resume_after) WHERE resume_after IS NOT NULL;
-- What is neither waiting to run nor settled: small, and read at every start.
CREATE INDEX tasks_active ON tasks (status, key) WHERE status IN ('ASSIGNED','IN_PROGRESS','WAITING_INPUT','VERIFYING','AWAITING_APPROVAL','PAUSED');
-- What others wait behind; moves between other statuses never touch it.
CREATE INDEX tasks_stuck ON tasks (status, key) WHERE status IN ('FAILED','BLOCKED');
CREATE INDEX task_dependencies_reverse ON task_dependencies (depends_on_key);
-- A lease is an open run: an agent works on one run at most, and a workspace serves one run at a time.
CREATE UNIQUE INDEX runs_agent ON runs (agent_id) WHERE state IN ('STARTING', 'RUNNING');
CREATE UNIQUE INDEX runs_workspace ON runs (workspace_id) WHERE state <> 'ENDED';
-- Lists of runs for people, newest first.
CREATE INDEX runs_started ON runs (started_at, task_key, number);
-- The history of one task, newest first.
CREATE INDEX events_task ON events (task_id, seq) WHERE task_id IS NOT NULL;
CREATE INDEX questions_open ON questions (task_key) WHERE closed_at IS NULL;
CREATE INDEX token_ledger_at ON token_ledger (at, project_id);
CREATE UNIQUE INDEX workspaces_path ON workspaces (path) WHERE removed_at IS NULL;
CREATE INDEX requests_age ON requests (created_at);
