//! The real program with real processes: started, used over its socket, ended.

mod agent_is_no_admin;
mod allocator;
mod attacks;
mod bad_input;
mod canaries;
mod chat_program;
mod collector;
mod disk_and_lock;
mod endings;
mod floods;
mod garbage;
mod hook_kills;
mod hook_shell;
mod locked_reads;
mod long_home;
mod metrics;
mod nothing_left;
mod place;
mod provider_key;
mod records;
mod restore;
mod reviewers;
mod standby_on_postgres;
mod traces;
mod without_walls;
mod world;
