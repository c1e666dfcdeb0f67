//! The real program with real processes: started, used over its socket, ended.

mod agent_is_no_admin;
mod garbage;
mod hook_shell;
mod long_home;
mod metrics;
mod provider_key;
mod reviewers;
mod standby_on_postgres;
mod without_walls;
mod world;
