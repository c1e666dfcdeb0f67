//! The real program with real processes: started, used over its socket, ended.

mod agent_is_no_admin;
mod hook_shell;
mod provider_key;
mod standby_on_postgres;
mod without_walls;
mod world;
