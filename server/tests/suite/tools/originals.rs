//! Every command and tool of the original has its place here.

use std::collections::{BTreeMap, BTreeSet};

use aq_server::tools::Registry;

use crate::api::fixture::Server;

/// The commands of the original that its chat agent, its slash commands and its hooks could use.
const ORIGINALS: &str = "
    get_status get_recent_events get_token_usage orchestrator_control restart_daemon set_active_project
    list_projects create_project edit_project pause_project resume_project delete_project set_project_channel set_control_interface
    get_project_channels get_project_for_channel
    list_tasks list_active_tasks_all_projects get_task_tree get_task task_deps get_task_dependencies get_chain_health get_task_result
    get_task_diff get_agent_error
    create_task edit_task set_task_status add_dependency remove_dependency stop_task restart_task reopen_with_feedback delete_task
    approve_task skip_task provide_input archive_tasks archive_task list_archived restore_task archive_settings
    list_agents create_agent edit_agent pause_agent resume_agent delete_agent
    add_workspace list_workspaces remove_workspace release_workspace add_repo list_repos
    get_git_status git_commit git_push git_create_branch git_merge git_create_pr git_changed_files git_log git_diff git_branch git_checkout
    create_branch checkout_branch commit_changes push_branch merge_branch
    create_hook list_hooks edit_hook delete_hook list_hook_runs fire_hook
    list_notes write_note append_note read_note delete_note compare_specs_notes list_prompts read_prompt render_prompt
    read_file run_command search_files";

/// The rows of the spec's table: the original's name, our tools, the remark.
fn rows() -> BTreeMap<String, (Vec<String>, String)> {
    let spec = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/server/tools.md")).unwrap();
    let (_, table) = spec.split_once("| Original | Here | Remark |").unwrap();
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let ours = cells[1].split_whitespace().map(|name| name.trim_matches('`').to_owned()).collect();
            (cells[0].to_owned(), (ours, cells[2].to_owned()))
        })
        .collect()
}

/// F-131, F-178, F-182: each name of the original leads to tools that exist, or the table says why there is none.
#[tokio::test]
async fn every_original_leads_to_a_tool() {
    let server = Server::start().await;
    let registry = Registry::new(server.api.inside()).unwrap();
    let known: BTreeSet<_> = registry.all().map(|(tool, _)| tool.name.clone()).collect();
    let rows = rows();
    let mut offences = Vec::new();
    for original in ORIGINALS.split_whitespace() {
        match rows.get(original) {
            None => offences.push(format!("{original}: has no row")),
            Some((ours, remark)) if ours.is_empty() && remark.is_empty() => offences.push(format!("{original}: neither tool nor reason")),
            Some((ours, _)) => {
                offences
                    .extend(ours.iter().filter(|name| !known.contains(*name)).map(|name| format!("{original}: `{name}` does not exist")));
            }
        }
    }
    let wanted: BTreeSet<_> = ORIGINALS.split_whitespace().collect();
    offences
        .extend(rows.keys().filter(|name| !wanted.contains(name.as_str())).map(|name| format!("{name}: is no command of the original")));
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}
