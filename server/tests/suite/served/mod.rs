//! The real program with real processes: started, used over its socket, ended.

mod agent_is_no_admin;
mod world;
