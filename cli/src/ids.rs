//! Ids as people type them: a unique beginning, or `@last` (commands R5).
//!
//! Spec: specs/cli/commands.md

use aq_proto::client::Connection;
use aq_proto::v1;
use tonic::Code;

use crate::error::{CliError, Kind};

/// Entries asked for at once.
const PAGE: u32 = 200;
/// Candidates named in an error.
const SHOWN: usize = 8;

/// Chooses among `ids`: exactly `typed`, else the only one that begins so.
///
/// # Errors
/// Not found, with the nearest id as a hint; usage when several begin so.
pub(crate) fn choose(kind: &str, typed: &str, ids: &[String]) -> Result<String, CliError> {
    if typed.is_empty() {
        return Err(CliError::usage(format!("the {kind} is an empty text; see: aqctl {kind} list")));
    }
    if let Some(exact) = ids.iter().find(|id| *id == typed) {
        return Ok(exact.clone());
    }
    let matching: Vec<&String> = ids.iter().filter(|id| id.starts_with(typed)).collect();
    match matching.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let error = CliError::new(Kind::NotFound, format!("no {kind} `{typed}`"));
            let nearest = ids.iter().map(|id| (strsim::damerau_levenshtein(id, typed), id)).min();
            Err(match nearest {
                Some((distance, id)) if distance <= 3 => error.hint(format!("did you mean `{id}`?")),
                _ => error.hint(format!("see: aqctl {kind} list")),
            })
        }
        many => {
            let names: Vec<&str> = many.iter().take(SHOWN).map(|id| id.as_str()).collect();
            let more = if many.len() > SHOWN { format!(" and {} more", many.len() - SHOWN) } else { String::new() };
            Err(CliError::usage(format!("`{typed}` is the beginning of {} {kind}s: {}{more}", many.len(), names.join(", "))))
        }
    }
}

/// The id of the task that `typed` means.
///
/// # Errors
/// As [`choose`], and errors of the server.
pub(crate) async fn task(connection: &Connection, typed: &str) -> Result<String, CliError> {
    let mut tasks = connection.tasks();
    if typed == "@last" {
        let request =
            v1::ListTasksRequest { include_finished: true, order: v1::TaskOrder::NewestFirst.into(), page_size: 1, ..Default::default() };
        let newest = tasks.list_tasks(request).await?.into_inner().tasks.into_iter().next();
        return newest.map(|task| task.id).ok_or_else(|| {
            CliError::new(Kind::NotFound, "there is no newest task, for there is none at all").hint("add one with: aqctl task add TITLE")
        });
    }
    // The exact id is the usual case and costs the server one read; only a beginning needs the list.
    match tasks.get_task(v1::GetTaskRequest { task_id: typed.to_owned() }).await {
        Ok(_) => return Ok(typed.to_owned()),
        Err(status) if matches!(status.code(), Code::NotFound | Code::InvalidArgument) => {}
        Err(status) => return Err(status.into()),
    }
    let mut ids = Vec::new();
    let mut request = v1::ListTasksRequest { include_finished: true, query: typed.to_owned(), page_size: PAGE, ..Default::default() };
    loop {
        let page = tasks.list_tasks(request.clone()).await?.into_inner();
        ids.extend(page.tasks.into_iter().map(|task| task.id));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return choose("task", typed, &ids);
        }
    }
}

/// The id of the archived task that `typed` means.
///
/// # Errors
/// As [`choose`], and errors of the server.
pub(crate) async fn archived_task(connection: &Connection, typed: &str) -> Result<String, CliError> {
    let mut ids = Vec::new();
    let mut request = v1::ListArchivedTasksRequest { query: typed.to_owned(), page_size: PAGE, ..Default::default() };
    loop {
        let page = connection.tasks().list_archived_tasks(request.clone()).await?.into_inner();
        ids.extend(page.tasks.into_iter().filter_map(|entry| entry.task).map(|task| task.id));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return choose("archived task", typed, &ids)
                .map_err(|error| if error.kind == Kind::NotFound { error.hint("see: aqctl archive list") } else { error });
        }
    }
}

macro_rules! resolver {
    ($function:ident, $kind:literal, $client:ident . $call:ident ($request:ident) . $field:ident . $id:ident) => {
        #[doc = concat!("The id of the ", $kind, " that `typed` means.")]
        ///
        /// # Errors
        /// As [`choose`], and errors of the server.
        pub(crate) async fn $function(connection: &Connection, typed: &str) -> Result<String, CliError> {
            let mut client = connection.$client();
            let mut request = v1::$request { page_size: PAGE, ..Default::default() };
            let mut ids = Vec::new();
            loop {
                let page = client.$call(request.clone()).await?.into_inner();
                ids.extend(page.$field.into_iter().map(|entry| entry.$id));
                request.page_token = page.next_page_token;
                if request.page_token.is_empty() {
                    return choose($kind, typed, &ids);
                }
            }
        }
    };
}

resolver!(project, "project", projects.list_projects(ListProjectsRequest).projects.id);
resolver!(workspace, "workspace", workspaces.list_workspaces(ListWorkspacesRequest).workspaces.id);
resolver!(agent, "agent", agents.list_agents(ListAgentsRequest).agents.id);
resolver!(account, "account", accounts.list_accounts(ListAccountsRequest).accounts.id);
resolver!(key, "key", admin.list_api_keys(ListApiKeysRequest).api_keys.kid);

/// Chooses among hooks (id, name): exactly `typed`, else the only one of that name, else the only id that begins so.
///
/// # Errors
/// As [`choose`]; usage when hooks of several projects have the name.
fn choose_hook(typed: &str, hooks: &[(String, String)]) -> Result<String, CliError> {
    let named: Vec<&str> = hooks.iter().filter(|(_, name)| name == typed).map(|(id, _)| id.as_str()).collect();
    let ids: Vec<String> = hooks.iter().map(|(id, _)| id.clone()).collect();
    match named.as_slice() {
        [only] if !ids.iter().any(|id| id == typed) => Ok((*only).to_owned()),
        [] | [_] => choose("hook", typed, &ids),
        many => Err(CliError::usage(format!("{} hooks are called `{typed}`: {}", many.len(), many.join(", "))).hint("give the id of one")),
    }
}

/// The id of the hook that `typed` means: an id, its beginning, or a name.
///
/// # Errors
/// As [`choose`], usage when several have the name, and errors of the server.
pub(crate) async fn hook(connection: &Connection, typed: &str) -> Result<String, CliError> {
    let mut request = v1::ListHooksRequest { page_size: PAGE, ..Default::default() };
    let mut hooks = Vec::new();
    loop {
        let page = connection.hooks().list_hooks(request.clone()).await?.into_inner();
        hooks.extend(page.hooks.into_iter().map(|hook| (hook.id, hook.name)));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return choose_hook(typed, &hooks);
        }
    }
}

/// The ids of the tasks that `typed` mean, in order.
///
/// # Errors
/// As [`task`].
pub(crate) async fn tasks(connection: &Connection, typed: &[String]) -> Result<Vec<String>, CliError> {
    let mut ids = Vec::with_capacity(typed.len());
    for text in typed {
        ids.push(task(connection, text).await?);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Vec<String> {
        ["swift-falcon", "swift-fox", "calm-river", "swift"].map(str::to_owned).to_vec()
    }

    /// commands R5: the exact id wins over longer ones; a unique beginning is enough.
    #[test]
    fn exact_ids_and_unique_beginnings_are_found() {
        assert_eq!(choose("task", "swift", &ids()).unwrap(), "swift");
        assert_eq!(choose("task", "ca", &ids()).unwrap(), "calm-river");
    }

    /// D-77, commands R5: an empty text is no id, and is not looked for.
    #[test]
    fn an_empty_text_is_no_id() {
        let error = choose("project", "", &ids()).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (Kind::Usage, "the project is an empty text; see: aqctl project list"));
    }

    /// commands R5: a hook goes by its name too, as long as one alone has it; an id wins over a name.
    #[test]
    fn hooks_are_found_by_name() {
        let hooks = [("hk-1a", "nightly"), ("hk-2b", "nightly"), ("hk-3c", "weekly"), ("hk-4d", "hk-1a")];
        let hooks = hooks.map(|(id, name)| (id.to_owned(), name.to_owned()));
        assert_eq!(choose_hook("weekly", &hooks).unwrap(), "hk-3c");
        assert_eq!(choose_hook("hk-2", &hooks).unwrap(), "hk-2b");
        assert_eq!(choose_hook("hk-1a", &hooks).unwrap(), "hk-1a");
        let error = choose_hook("nightly", &hooks).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (Kind::Usage, "2 hooks are called `nightly`: hk-1a, hk-2b"));
        assert_eq!(choose_hook("daily", &hooks).unwrap_err().hint.as_deref(), Some("see: aqctl hook list"));
    }

    /// commands R5: several candidates are named; a near miss is suggested.
    #[test]
    fn ambiguous_and_unknown_ids_are_refused() {
        let error = choose("task", "swift-f", &ids()).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert_eq!(error.message, "`swift-f` is the beginning of 2 tasks: swift-falcon, swift-fox");
        let error = choose("task", "calm-rivr", &ids()).unwrap_err();
        assert_eq!((error.kind, error.hint.as_deref()), (Kind::NotFound, Some("did you mean `calm-river`?")));
        assert_eq!(choose("project", "x", &[]).unwrap_err().hint.as_deref(), Some("see: aqctl project list"));
    }
}
