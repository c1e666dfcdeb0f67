//! The table of commands: words, what they are for, their options, who may use them, who sees the answer.

use crate::trust::Role;

/// What is offered while an option is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Projects.
    Projects,
    /// Tasks; finished ones too.
    Tasks,
    /// Agents.
    Agents,
    /// Branches of the project's repository.
    Branches,
    /// Workspaces.
    Workspaces,
    /// Plans that wait.
    Plans,
    /// Archived tasks.
    Archived,
    /// Notes of the project.
    Notes,
    /// Hooks of the project.
    Hooks,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Takes {
    /// Text.
    Text,
    /// Text, with choices while it is being written.
    Offered(Offer),
    /// A whole number.
    Whole(i64, i64),
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// One of these.
    One(&'static [&'static str]),
    /// A channel.
    Channel,
}

/// An option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Opt {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) takes: Takes,
    pub(super) required: bool,
}

/// A command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    /// Its words with spaces: `task show`.
    pub(super) words: &'static str,
    /// What the original called it, when that was different.
    pub(super) was: &'static str,
    pub(super) about: &'static str,
    pub(super) role: Role,
    /// Only the asker sees the answer.
    pub(super) quiet: bool,
    pub(super) options: &'static [Opt],
}

const fn must(name: &'static str, about: &'static str, takes: Takes) -> Opt {
    Opt { name, about, takes, required: true }
}

const fn may(name: &'static str, about: &'static str, takes: Takes) -> Opt {
    Opt { name, about, takes, required: false }
}

const PROJECT: Opt = may("project", "The project; that of the channel when left out", Takes::Offered(Offer::Projects));
const NAMED_PROJECT: Opt = must("project", "The project", Takes::Offered(Offer::Projects));
const TASK: Opt = must("task", "The task", Takes::Offered(Offer::Tasks));
const AGENT: Opt = must("agent", "The agent", Takes::Offered(Offer::Agents));
const HOOK: Opt = must("hook", "The hook", Takes::Offered(Offer::Hooks));
const BRANCH: Opt = must("branch", "The branch", Takes::Offered(Offer::Branches));
const TYPES: &[&str] = &["feature", "bugfix", "refactor", "test", "docs", "chore", "research", "plan"];
const RUNTIMES: &[&str] = &["claude", "codex", "gemini", "opencode", "acp", "command", "scripted"];
const VIEWS: &[&str] = &["list", "tree", "compact"];

macro_rules! commands {
    ($($words:literal $((was $was:literal))? $role:ident $seen:ident $about:literal [$($option:expr),* $(,)?];)+) => {
        /// Every command.
        pub(super) const COMMANDS: &[Command] = &[$(Command {
            words: $words,
            was: commands!(@was $($was)?),
            about: $about,
            role: Role::$role,
            quiet: commands!(@$seen),
            options: &[$($option),*],
        },)+];
    };
    (@was) => { "" };
    (@was $was:literal) => { $was };
    (@all) => { false };
    (@asker) => { true };
}

commands! {
    "status" Viewer all "How everything stands" [PROJECT];
    "board" Viewer all "How the work stands: counts, what runs, what waits and why, with a picture" [PROJECT];
    "tasks" Viewer all "The tasks of a project" [
        PROJECT,
        may("view", "How they are shown", Takes::One(VIEWS)),
        may("show_completed", "Completed ones too", Takes::Flag),
    ];
    "active-tasks" Viewer all "What is under way, over all projects" [may("show_completed", "Completed ones too", Takes::Flag)];
    "projects" Viewer all "The projects" [];
    "agents" Viewer all "The agents and what they do" [];
    "workspaces" (was "repos") Viewer all "The workspaces of a project" [PROJECT];
    "questions" Viewer all "Questions that wait for an answer" [PROJECT];
    "limits" Viewer all "Usage limits of the accounts, and who used what, with a picture" [];
    "budget" Viewer all "Budgets and what counts against them" [PROJECT];
    "usage" Viewer all "Who used how many model tokens, with a picture" [
        PROJECT,
        may("by", "What a line stands for", Takes::One(&["default", "agent", "model", "day"])),
        may("over", "How far back; a week when left out", Takes::One(&["day", "week", "month"])),
    ];
    "forecast" Viewer all "When tasks are expected to start and end" [PROJECT];
    "events" Viewer asker "What happened last" [PROJECT, may("limit", "How many, 1 to 50", Takes::Whole(1, 50))];
    "explain" Viewer asker "Why a task is not done yet" [TASK];
    "chain-health" Viewer all "Tasks that wait behind blocked ones" [
        PROJECT,
        may("task", "Only what stands in the way of this task", Takes::Offered(Offer::Tasks)),
    ];
    "orchestrator" Admin all "Pause or resume everything" [must("action", "What", Takes::One(&["pause", "resume", "status"]))];
    "set-project" Admin all "Say which project this channel belongs to; none when left out" [
        may("project", "The project", Takes::Offered(Offer::Projects)),
    ];
    "help" Viewer asker "What there is, with the names of before" [];
    "task add" (was "add-task") Operator all "Make a task" [
        must("description", "What shall be done", Takes::Text),
        PROJECT,
        may("title", "One line; the beginning of the description when left out", Takes::Text),
        may("priority", "Lower runs first; 100 is usual", Takes::Whole(1, 100_000)),
        may("task_type", "What kind of work", Takes::One(TYPES)),
        may("after", "A task that has to be done first", Takes::Offered(Offer::Tasks)),
        may("approval", "Its work waits for a person before it lands", Takes::Flag),
    ];
    "task show" (was "task") Viewer all "Everything about a task" [TASK];
    "task result" (was "task-result") Viewer asker "What came out of a task" [TASK];
    "task diff" (was "task-diff") Viewer asker "What a task changed" [TASK];
    "task deps" (was "task-deps") Viewer all "What a task waits for, and what waits for it" [TASK];
    "task error" (was "agent-error") Viewer asker "The whole error of a task" [TASK];
    "task messages" Viewer asker "What people told the agents of a task" [TASK];
    "task edit" (was "edit-task") Operator all "Change a task" [
        TASK,
        may("title", "New title", Takes::Text),
        may("description", "New description", Takes::Text),
        may("priority", "Lower runs first", Takes::Whole(1, 100_000)),
        may("task_type", "What kind of work", Takes::One(TYPES)),
        may("max_retries", "Most tries in all", Takes::Whole(0, 20)),
        may("approval", "Its work waits for a person before it lands", Takes::Flag),
    ];
    "task set-status" (was "edit-task status, set-status") Operator all "Set the status by hand" [
        TASK,
        must("status", "The new status", Takes::One(&["ready", "completed", "blocked", "defined"])),
        must("reason", "Why, for the record", Takes::Text),
    ];
    "task say" Operator asker "Tell a working agent something" [TASK, must("text", "What", Takes::Text)];
    "task answer" Operator asker "Answer the question of an agent" [TASK, must("text", "The answer", Takes::Text)];
    "task stop" (was "stop-task") Operator all "Stop the agent of a task; its work is saved" [TASK];
    "task restart" (was "restart-task") Operator all "Start a task over" [TASK];
    "task reopen" (was "reopen-with-feedback") Operator all "Send finished work back" [
        TASK,
        must("feedback", "What should be different", Takes::Text),
    ];
    "task skip" (was "skip-task") Operator all "Count a blocked task as done" [TASK];
    "task approve" (was "approve-task") Operator all "Accept the work of a task, or a proposed task" [TASK];
    "task reject" Operator all "Refuse the work of a task" [TASK, must("reason", "What is wrong with it", Takes::Text)];
    "task repair" Operator all "Make a task that resolves a merge conflict" [TASK];
    "task delete" (was "delete-task") Operator all "Delete a task; running work is saved first" [TASK];
    "task depend" Operator all "Make a task wait for another" [
        TASK,
        must("on", "The task that has to be done first", Takes::Offered(Offer::Tasks)),
    ];
    "task undepend" Operator all "Let a task wait no longer for another" [
        TASK,
        must("on", "The task that it waits for", Takes::Offered(Offer::Tasks)),
    ];
    "archive add" (was "archive-task") Operator all "Archive a finished task" [TASK];
    "archive all" (was "archive-tasks") Operator all "Archive the finished tasks of a project" [
        PROJECT,
        may("include_failed", "Failed and blocked ones too", Takes::Flag),
    ];
    "archive list" (was "list-archived") Viewer all "The archive" [PROJECT, may("limit", "How many, 1 to 50", Takes::Whole(1, 50))];
    "archive restore" (was "restore-task") Operator all "Bring a task back from the archive" [
        must("task", "The task", Takes::Offered(Offer::Archived)),
    ];
    "archive settings" (was "archive-settings") Viewer asker "When tasks are archived by themselves" [];
    "project create" (was "create-project") Admin all "Make a project" [
        must("name", "Its name", Takes::Text),
        may("repo_url", "Address or path of its repository", Takes::Text),
        may("default_branch", "The branch that work lands on", Takes::Text),
        may("credit_weight", "Its share; 1 is usual", Takes::Number),
        may("max_concurrent_agents", "Most agents at once", Takes::Whole(1, 100)),
        may("auto_create_channels", "Make a channel for it", Takes::Flag),
    ];
    "project show" Viewer all "Everything about a project" [PROJECT];
    "project edit" (was "edit-project") Admin all "Change a project" [
        NAMED_PROJECT,
        may("name", "New name", Takes::Text),
        may("credit_weight", "Its share", Takes::Number),
        may("max_concurrent_agents", "Most agents at once", Takes::Whole(1, 100)),
        may("budget_limit", "Most model tokens; 0 or less: none of its own", Takes::Whole(-1, 1_000_000_000_000)),
        may("repo_url", "Address or path of its repository", Takes::Text),
        may("default_branch", "The branch that work lands on", Takes::Text),
        may("channel", "Its channel", Takes::Channel),
    ];
    "project delete" (was "delete-project") Admin asker "Delete a project with its tasks" [
        NAMED_PROJECT,
        may("archive_channels", "Lock and rename its channel too", Takes::Flag),
    ];
    "project pause" (was "pause") Operator all "Start nothing new of a project" [PROJECT];
    "project resume" (was "resume") Operator all "Let a paused project work again" [PROJECT];
    "channel create" (was "create-channel") Admin all "Make a channel for a project" [
        PROJECT,
        may("name", "Its name; by the naming rule when left out", Takes::Text),
        may("category", "The category it stands in", Takes::Text),
    ];
    "channel set" (was "set-channel, set-control-interface") Admin all "Make a channel that of a project" [
        PROJECT,
        may("channel", "The channel; this one when left out", Takes::Channel),
        may("as", "Its notices go there, or it is controlled from there too", Takes::One(&["notifications", "control"])),
    ];
    "channel clear" Admin all "Take a project's channel away from it" [NAMED_PROJECT];
    "channel map" (was "channel-map") Viewer asker "Which channel belongs to which project" [];
    "agent create" (was "create-agent") Admin all "Make an agent" [
        may("name", "Its name; a creative one when left out", Takes::Text),
        may("agent_type", "The program; claude when left out", Takes::One(RUNTIMES)),
        may("account", "The account that it draws from", Takes::Text),
    ];
    "agent edit" (was "edit-agent") Admin all "Change an agent" [
        AGENT,
        may("name", "New name", Takes::Text),
        may("model", "The model, in its own words", Takes::Text),
    ];
    "agent pause" (was "pause-agent") Admin all "Give an agent nothing new" [AGENT];
    "agent resume" (was "resume-agent") Admin all "Let an agent work again" [AGENT];
    "agent delete" (was "delete-agent") Admin all "Delete an agent" [AGENT];
    "workspace add" (was "add-workspace, add-repo") Admin all "Give a project a place to work in" [
        must("source", "How", Takes::One(&["clone", "link"])),
        PROJECT,
        may("path", "Address or path", Takes::Text),
        may("name", "Its name", Takes::Text),
    ];
    "workspace release" (was "release-workspace") Admin all "Take a lease away" [
        must("workspace", "The workspace", Takes::Offered(Offer::Workspaces)),
    ];
    "git status" (was "git-status") Viewer all "How the repository stands" [PROJECT];
    "git branches" (was "git-branches") Viewer all "The branches" [PROJECT];
    "git log" (was "git-log") Viewer all "The newest commits" [
        PROJECT,
        may("branch", "Of this branch", Takes::Offered(Offer::Branches)),
        may("count", "How many, 1 to 50", Takes::Whole(1, 50)),
    ];
    "git diff" (was "git-diff") Viewer asker "What a branch changed" [PROJECT, BRANCH, may("base", "Compared with", Takes::Offered(Offer::Branches))];
    "git files" (was "git-files") Viewer asker "Which files a branch changed" [
        PROJECT,
        BRANCH,
        may("base", "Compared with", Takes::Offered(Offer::Branches)),
    ];
    "git conflicts" Viewer all "What would not land cleanly" [PROJECT];
    "git branch" (was "git-branch, create-branch, project-create-branch") Operator all "Make a branch" [
        must("branch", "Its name", Takes::Text),
        PROJECT,
        may("from", "Where it begins", Takes::Offered(Offer::Branches)),
    ];
    "git checkout" (was "git-checkout, checkout-branch") Operator all "Check a branch out" [BRANCH, PROJECT];
    "git commit" (was "git-commit, commit, project-commit") Operator all "Commit what was changed" [must("message", "The message", Takes::Text), PROJECT];
    "git push" (was "git-push, push, project-push") Operator all "Push a branch" [BRANCH, PROJECT];
    "git merge" (was "git-merge, merge, project-merge") Operator all "Merge a branch" [BRANCH, PROJECT];
    "git pr" (was "git-pr") Operator all "Open a pull request for a task" [TASK];
    "notes" Viewer asker "Open the notes of a project in a thread" [PROJECT];
    "note list" Viewer all "The notes of a project" [PROJECT];
    "note show" Viewer asker "Read a note" [must("note", "The note", Takes::Offered(Offer::Notes)), PROJECT];
    "note write" (was "write-note") Operator all "Write a note whole" [
        must("title", "Its title", Takes::Text),
        must("content", "Its text", Takes::Text),
        PROJECT,
    ];
    "note append" Operator all "Add to a note" [
        must("title", "Its title", Takes::Offered(Offer::Notes)),
        must("content", "What to add", Takes::Text),
        PROJECT,
    ];
    "note delete" (was "delete-note") Operator all "Delete a note" [must("note", "The note", Takes::Offered(Offer::Notes)), PROJECT];
    "hook list" (was "hooks") Viewer all "The hooks of a project: work that starts by itself" [PROJECT];
    "hook runs" (was "hook-runs") Viewer asker "The last runs of a hook" [HOOK, may("limit", "How many, 1 to 20", Takes::Whole(1, 20))];
    "hook create" (was "create-hook") Operator all "Make a hook that asks the model, or makes a task" [
        must("name", "Its name", Takes::Text),
        must("trigger_type", "What starts it", Takes::One(&["periodic", "cron", "event"])),
        must("trigger_value", "Seconds, five cron fields, or the event: 3600 · 30 2 * * MON-FRI · task.failed", Takes::Text),
        must("prompt", "What is asked, or the task's instruction; {{event.task_id}} is filled in", Takes::Text),
        may("does", "What it does with that; ask when left out", Takes::One(&["ask", "task"])),
        may("cooldown_seconds", "Least time between two starts", Takes::Whole(0, 31_622_400)),
        PROJECT,
    ];
    "hook edit" (was "edit-hook") Operator all "Change a hook" [
        HOOK,
        may("name", "New name", Takes::Text),
        may("enabled", "Whether it starts by itself", Takes::Flag),
        may("prompt", "What is asked from now on", Takes::Text),
        may("cooldown_seconds", "Least time between two starts", Takes::Whole(0, 31_622_400)),
        may("max_tokens_per_run", "Most model tokens of a run; 0 for no cap", Takes::Whole(0, 1_000_000_000)),
    ];
    "hook fire" (was "fire-hook") Operator all "Start a hook now" [HOOK];
    "hook delete" (was "delete-hook") Operator all "Delete a hook" [HOOK];
    "plan list" Viewer all "Plans of a project" [PROJECT];
    "plan show" Viewer asker "Read a plan" [must("plan", "The plan", Takes::Offered(Offer::Plans))];
    "plan approve" Operator all "Make tasks of a plan" [must("plan", "The plan", Takes::Offered(Offer::Plans))];
    "plan reject" Operator all "Refuse a plan" [
        must("plan", "The plan", Takes::Offered(Offer::Plans)),
        may("feedback", "What should be different; left out: it is put away", Takes::Text),
    ];
}

/// The command of these words.
pub(super) fn command(words: &[String]) -> Option<&'static Command> {
    let words = words.join(" ");
    COMMANDS.iter().find(|command| command.words == words)
}
