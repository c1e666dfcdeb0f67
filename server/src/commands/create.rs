//! Creating tasks: one or many in one transaction, with their dependencies, so that no task is ever seen without them.

use std::collections::BTreeMap;

use aq_core::ids::{AgentId, ProjectId, TaskId};
use aq_core::project::PlanApproval;
use aq_core::runtime::{RuntimeKind, RuntimeSet};
use aq_core::task::{Attachment, OwnLimits, Task, TaskOrigin, TaskStatus, TaskType, VerificationType, branch_of};

use super::context::{Context, project, task};
use super::error::{CommandError, Violation};
use crate::lifecycle::{Tx, bring, free_name};
use crate::store::{TaskRecord, attachments, chains, plans, tasks};

/// Most tasks created in one call.
pub const MAX_BATCH: usize = 1000;
/// Longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 300;
/// Longest description, in bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 512 * 1024;
/// Most dependencies of one task.
pub const MAX_AFTER: usize = 10_000;
/// Highest number of tries that may be allowed.
pub const MAX_RETRIES: u32 = 100;

/// What is said of a limit of runs that is out of bounds.
pub(super) const LIMIT_BOUNDS: &str = "must be from 1 second to 7 days; leave it out for the project's";

/// A task to create.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// A name for this task within the call, for other tasks of the call to wait for; empty: none.
    pub key: String,
    /// The project.
    pub project: ProjectId,
    /// The title, one line.
    pub title: String,
    /// The whole instruction; empty: the title.
    pub description: String,
    /// Lower runs first.
    pub priority: i32,
    /// What kind of work it is.
    pub task_type: Option<TaskType>,
    /// What it waits for: ids of tasks, or keys of this call.
    pub after: Vec<String>,
    /// The runtime it requires.
    pub runtime: Option<RuntimeKind>,
    /// The runtimes it may fall back to.
    pub fallback: RuntimeSet,
    /// Whether it is filler work.
    pub filler: bool,
    /// Who checks its work; `None`: as the project says.
    pub verification: Option<VerificationType>,
    /// What happens between its plan and the tasks; `None`: as the project says.
    pub plan_approval: Option<PlanApproval>,
    /// The model its runs ask for.
    pub model: Option<String>,
    /// The agent it should get.
    pub preferred_agent: Option<AgentId>,
    /// Criteria, context, tools.
    pub attachments: Vec<Attachment>,
    /// Commands that must pass.
    pub test_commands: Vec<String>,
    /// Finished work waits for approval.
    pub requires_approval: bool,
    /// Tries in total.
    pub max_retries: u32,
    /// Most tokens of one run.
    pub budget_tokens: Option<u64>,
    /// Limits of its runs.
    pub limits: OwnLimits,
    /// The task it came out of.
    pub parent: Option<TaskId>,
    /// A step of the plan that its parent wrote: it works on the parent's branch.
    pub is_plan_subtask: bool,
    /// Where it comes from.
    pub origin: TaskOrigin,
}

/// What is wrong with the runtimes that a task may fall back to.
pub(super) fn fallback_problem(runtime: Option<RuntimeKind>, fallback: RuntimeSet) -> Option<&'static str> {
    match runtime {
        None if !fallback.is_empty() => Some("needs a runtime to fall back from; name the task's runtime too"),
        Some(own) if fallback.has(own) => Some("holds the task's own runtime; name others"),
        _ => None,
    }
}

fn check(new: &NewTask, at: &str) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let mut say = |field: &str, problem: String| wrong.push(Violation::new(format!("{at}{field}"), problem));
    if new.title.trim().is_empty() {
        say("title", "is empty; give the task a title".to_owned());
    } else if new.title.chars().count() > MAX_TITLE_CHARS {
        say("title", format!("is longer than {MAX_TITLE_CHARS} characters; put the details into the description"));
    } else if new.title.chars().any(char::is_control) {
        say("title", "holds control characters; a title is one line".to_owned());
    }
    if new.description.len() > MAX_DESCRIPTION_BYTES {
        say("description", format!("is longer than {MAX_DESCRIPTION_BYTES} bytes; attach long material as context"));
    }
    if new.max_retries > MAX_RETRIES {
        say("max_retries", format!("is {}; at most {MAX_RETRIES} tries are allowed", new.max_retries));
    }
    if new.after.len() > MAX_AFTER {
        say("after", format!("lists {} tasks; at most {MAX_AFTER} are allowed", new.after.len()));
    }
    for limit in new.limits.out_of_bounds() {
        say(limit, LIMIT_BOUNDS.to_owned());
    }
    for (index, command) in new.test_commands.iter().enumerate() {
        if command.trim().is_empty() || command.contains('\0') {
            say(&format!("test_commands[{index}]"), "is empty or holds a NUL character; give one shell line".to_owned());
        }
    }
    wrong
}

/// Creates tasks in one transaction: all of them or none.
///
/// # Errors
/// [`CommandError::Invalid`] lists every wrong field; [`CommandError::NotFound`] names an unknown project, parent or dependency.
pub fn create(tx: &mut Tx<'_>, context: &Context, new: &[NewTask]) -> Result<Vec<TaskRecord>, CommandError> {
    if new.is_empty() || new.len() > MAX_BATCH {
        return Err(CommandError::invalid("tasks", format!("holds {} tasks; 1 to {MAX_BATCH} are allowed", new.len())));
    }
    let prefix = |index: usize| if new.len() == 1 { String::new() } else { format!("tasks[{index}].") };
    let wrong: Vec<_> = new.iter().enumerate().flat_map(|(index, task)| check(task, &prefix(index))).collect();
    if !wrong.is_empty() {
        return Err(CommandError::Invalid(wrong));
    }
    let mut made: BTreeMap<&str, (i64, TaskStatus)> = BTreeMap::new();
    let mut records = Vec::with_capacity(new.len());
    for (index, task) in new.iter().enumerate() {
        let record = create_one(tx, context, task, &made, &prefix(index))?;
        if !task.key.is_empty() && made.insert(&task.key, (record.key, record.task.status)).is_some() {
            return Err(CommandError::invalid(format!("{}key", prefix(index)), format!("`{}` is used twice in this call", task.key)));
        }
        records.push(record);
    }
    Ok(records)
}

fn create_one(
    tx: &mut Tx<'_>,
    context: &Context,
    new: &NewTask,
    made: &BTreeMap<&str, (i64, TaskStatus)>,
    at: &str,
) -> Result<TaskRecord, CommandError> {
    let project = project(tx.state, context, &new.project)?;
    let runtime = new.runtime.or(project.default_runtime);
    if let Some(problem) = fallback_problem(runtime, new.fallback) {
        return Err(CommandError::invalid(format!("{at}fallback"), problem));
    }
    let mut upstream = Vec::new();
    for (index, text) in new.after.iter().enumerate() {
        let found = if let Some(found) = made.get(text.as_str()) {
            *found
        } else {
            let id = TaskId::parse(text).map_err(|error| CommandError::id(&format!("{at}after[{index}]"), &error))?;
            let record = task(tx.db, context, &id)?;
            (record.key, record.task.status)
        };
        if upstream.iter().any(|(key, _)| *key == found.0) {
            return Err(CommandError::invalid(format!("{at}after[{index}]"), format!("`{text}` is listed twice")));
        }
        upstream.push(found);
    }
    let mut parent = new.parent.as_ref().map(|id| task(tx.db, context, id)).transpose()?;
    if !upstream.is_empty() && !new.is_plan_subtask {
        let keys: Vec<i64> = upstream.iter().map(|(key, _)| *key).collect();
        let waited_for = tasks::by_keys(tx.db, &keys)?;
        let landing = chains::landed_with(tx.db, None, &waited_for)?;
        upstream.extend(landing.into_iter().map(|step| (step.key, step.task.status)));
    }
    let description = if new.description.trim().is_empty() { new.title.clone() } else { new.description.clone() };
    let mut record = TaskRecord {
        key: tx.state.next_key(),
        parent_key: parent.as_ref().map(|parent| parent.key),
        unmet: 0,
        failure: None,
        deleted_at: None,
        task: Task::new(free_name(tx)?, new.project.clone(), new.title.trim(), description, context.now),
    };
    let fields = &mut record.task;
    fields.priority = new.priority;
    fields.task_type = new.task_type;
    fields.runtime = runtime;
    fields.fallback = new.fallback;
    fields.filler = new.filler;
    fields.verification = new.verification.unwrap_or(project.verification);
    fields.model.clone_from(&new.model);
    fields.preferred_agent.clone_from(&new.preferred_agent);
    fields.test_commands.clone_from(&new.test_commands);
    fields.requires_approval = new.requires_approval;
    fields.max_retries = new.max_retries;
    fields.budget_tokens = new.budget_tokens;
    fields.limits = new.limits;
    fields.is_plan_subtask = new.is_plan_subtask && parent.is_some();
    if fields.is_plan_subtask {
        // Known from the start, so that two steps on one branch never run at the same time.
        fields.branch = Some(branch_of(fields, parent.as_ref().map(|parent| &parent.task)));
        if let Some(parent) = parent.as_mut().filter(|parent| parent.task.branch.is_none()) {
            // The parent has not begun yet: it will work on the same branch, whatever it is called by then.
            parent.task.branch.clone_from(&fields.branch);
            tasks::set_place(tx.db, parent)?;
        }
    }
    fields.parent = parent.map(|parent| parent.task.id);
    // Whatever way a hook takes to a task (an act, a call, a tool of its model), the task is known as its own.
    fields.origin = if context.principal.is_hook() { TaskOrigin::Hook } else { new.origin };
    bring(tx, &mut record, &upstream, &context.actor())?;
    if new.plan_approval.is_some() {
        plans::set_task_rule(tx.db, record.key, new.plan_approval)?;
    }
    if !new.attachments.is_empty() {
        attachments::replace(tx.db, record.key, &new.attachments)?;
        record.task.attachments.clone_from(&new.attachments);
    }
    Ok(record)
}
