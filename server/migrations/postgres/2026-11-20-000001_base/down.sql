-- The base schema is never taken back: restore a backup instead.
DROP TABLE requests;
DROP TABLE api_keys;
DROP TABLE consumers;
DROP TABLE events;
DROP TABLE token_ledger;
DROP TABLE questions;
DROP TABLE runs;
DROP TABLE task_attachments;
DROP TABLE task_dependencies;
DROP TABLE tasks;
DROP TABLE agents;
DROP TABLE limit_windows;
DROP TABLE accounts;
DROP TABLE workspaces;
DROP TABLE projects;
DROP TABLE settings;
