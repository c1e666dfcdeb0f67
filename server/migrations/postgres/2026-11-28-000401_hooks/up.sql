-- Hooks, and the ledger of their runs.

CREATE TABLE hooks (
    id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    trigger_json TEXT NOT NULL,
    steps_json TEXT NOT NULL,
    actions_json TEXT NOT NULL,
    cooldown_ms BIGINT NOT NULL,
    missed TEXT NOT NULL,
    max_tokens_per_run BIGINT,
    max_tokens_per_day BIGINT,
    owner_key_id TEXT NOT NULL,
    owner_person TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    next_due_at BIGINT,
    last_fired_at BIGINT,
    PRIMARY KEY (id),
    CHECK (missed IN ('skip', 'once', 'all')),
    CHECK (cooldown_ms >= 0),
    FOREIGN KEY (project_id) REFERENCES projects (id)
);

CREATE UNIQUE INDEX hooks_name ON hooks (project_id, name);

CREATE TABLE hook_runs (
    id TEXT NOT NULL,
    hook_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    scheduled_at BIGINT,
    event_seq BIGINT,
    event_json TEXT,
    state TEXT NOT NULL,
    context_json TEXT NOT NULL,
    prompt TEXT NOT NULL,
    response TEXT NOT NULL,
    actions_json TEXT NOT NULL,
    note TEXT NOT NULL,
    tokens BIGINT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    PRIMARY KEY (id),
    CHECK (cause IN ('schedule', 'event', 'manual', 'webhook')),
    CHECK (state IN ('queued', 'running', 'completed', 'skipped', 'failed')),
    CHECK ((cause = 'schedule') = (scheduled_at IS NOT NULL)),
    CHECK ((cause = 'event') = (event_seq IS NOT NULL)),
    FOREIGN KEY (hook_id) REFERENCES hooks (id)
);

-- Each due time and each event starts a hook once.
CREATE UNIQUE INDEX hook_runs_time ON hook_runs (hook_id, scheduled_at) WHERE scheduled_at IS NOT NULL;
CREATE UNIQUE INDEX hook_runs_event ON hook_runs (hook_id, event_seq) WHERE event_seq IS NOT NULL;
CREATE INDEX hook_runs_list ON hook_runs (hook_id, created_at);
CREATE INDEX hook_runs_open ON hook_runs (created_at) WHERE state IN ('queued', 'running');
