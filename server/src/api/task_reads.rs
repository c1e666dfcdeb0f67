//! TaskService: reading one task, lists, trees, explanations, open questions.

use std::collections::BTreeMap;

use aq_core::principal::ProjectScope;
use aq_core::render::{self, DEFAULT_BAR_WIDTH, DEFAULT_TREE_DEPTH};
use aq_proto::v1 as pb;
use prost::Message as _;
use tonic::Request;

use super::convert;
use super::explain::{self, Waits};
use super::incoming::{few, member, optional_agent, optional_project, optional_task, project_ids, short, task_id, task_status, task_type};
use super::page::Page;
use super::status::{ApiError, Reply};
use super::task_chain::told_at_block;
use super::task_control::both_sides;
use super::task_fields::own;
use super::tasks::Tasks;
use super::views::{self, Drawn};
use crate::commands::task;
use crate::events::wire;
use crate::store::task_lists::{self, Archived, Finished, TaskCursor, TaskOrder, TaskPage, TaskQuery};
use crate::store::task_trees::{self, TaskTree};
use crate::store::{attachments, dependencies, details, questions, runs, tasks};

/// Runs told with a task.
const RUNS: usize = 20;
/// Subtasks told with a task.
const SUBTASKS: usize = 1_000;
/// Nodes of a tree.
const NODES: usize = 1_000;
/// A page of tasks ends early beyond this many bytes: descriptions may be long, and an answer has a limit.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

impl Tasks {
    pub(super) async fn get(&self, request: Request<pb::GetTaskRequest>) -> Reply<pb::GetTaskResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        own(&call.context, &id)?;
        let (context, hub) = (call.context.clone(), self.0.parts.hub.clone());
        let (drawn, mut answer, told) = self
            .0
            .turn(&call.context)
            .read(move |db| {
                let mut record = task(db, &context, &id)?;
                let told = told_at_block(db, &record)?;
                record.task.attachments = attachments::of_task(db, record.key)?;
                let edges = dependencies::map(db, &[record.key])?.remove(&record.key).unwrap_or_default();
                let (dependencies, dependents) = both_sides(edges);
                let subtasks = task_trees::subtasks(db, record.key)?;
                let costs = details::run_costs(db, &[record.key])?;
                let all = runs::shown_of_task(db, record.key)?;
                let runs = all.iter().rev().take(RUNS).map(|run| views::run(&hub, &record, run, &costs)).collect();
                let answer = pb::GetTaskResponse {
                    task: None,
                    dependencies,
                    dependents,
                    subtasks: subtasks.iter().take(SUBTASKS).map(convert::task_ref).collect(),
                    runs,
                };
                Ok((views::gather(db, vec![record])?, answer, told))
            })
            .await?;
        answer.task = self.0.show(&call.context, drawn).await?.pop();
        if let (Some(task), Some(told)) = (&mut answer.task, told) {
            // Mostly it is what the run ended with, which is there already.
            if !task.result_summary.contains(&told) {
                task.result_summary = [told.as_str(), task.result_summary.as_str()].join("\n\n").trim_end().to_owned();
            }
        }
        Ok(tonic::Response::new(answer))
    }

    pub(super) async fn list(&self, request: Request<pb::ListTasksRequest>) -> Reply<pb::ListTasksResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(i64, i64)>::of(&call.body)?;
        let (mut query, order) = query(&call.body, &call.context.principal.projects)?;
        let parent = optional_task("parent_task_id", &call.body.parent_task_id)?;
        let after = page.after.map(|(value, key)| TaskCursor { value, key });
        let (context, size) = (call.context.clone(), page.size);
        let (drawn, found) = self
            .0
            .turn(&call.context)
            .read(move |db| {
                if let Some(parent) = parent {
                    query.parent = Some(task(db, &context, &parent)?.key);
                }
                let mut found = task_lists::page(db, &query, order, after, size)?;
                let drawn = views::gather(db, std::mem::take(&mut found.tasks))?;
                Ok((drawn, found))
            })
            .await?;
        let places: Vec<(i64, i64)> = drawn.iter().map(|one| place(order, one)).collect();
        let TaskPage { unreachable, next, total, hidden, .. } = found;
        let mut shown = self.0.show(&call.context, drawn).await?;
        let mut next = next.map(|cursor| (cursor.value, cursor.key));
        let mut bytes = 0;
        let fits = shown.iter().take_while(|task| {
            bytes += task.encoded_len();
            bytes <= PAGE_BYTES
        });
        let fits = fits.count().max(1);
        if fits < shown.len() {
            shown.truncate(fits);
            next = places.get(fits - 1).copied();
        }
        Ok(tonic::Response::new(pb::ListTasksResponse {
            tasks: shown,
            next_page_token: page.token(next.as_ref()),
            total_size: u32::try_from(total).unwrap_or(u32::MAX),
            hidden_count: u32::try_from(hidden).unwrap_or(u32::MAX),
            unreachable,
        }))
    }

    pub(super) async fn tree(&self, request: Request<pb::GetTaskTreeRequest>) -> Reply<pb::GetTaskTreeResponse> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let depth = match call.body.max_depth {
            0 => u32::try_from(DEFAULT_TREE_DEPTH).unwrap_or(4),
            depth @ 1..=20 => depth,
            depth => return Err(ApiError::invalid("max_depth", format!("is {depth}; 1 to 20 are allowed")).into()),
        };
        let (context, compact, show) = (call.context, call.body.compact, call.body.show_dependencies);
        let answer = self.0.turn(&context).read(move |db| {
            let root = task(db, &context, &id)?;
            let tree = task_trees::tree(db, root.key, depth, NODES)?.ok_or_else(|| ApiError::not_found("task", id.as_str()))?;
            let keys: Vec<i64> = tree.nodes.iter().map(|node| node.record.key).collect();
            let edges = if show { dependencies::map(db, &keys)? } else { BTreeMap::new() };
            Ok(drawn_tree(&tree, &edges, compact, depth))
        });
        Ok(tonic::Response::new(answer.await?))
    }

    pub(super) async fn explain(&self, request: Request<pb::ExplainTaskRequest>) -> Reply<pb::ExplainTaskResponse> {
        let call = self.0.admit(request)?;
        let (id, context, policy) = (task_id("task_id", &call.body.task_id)?, call.context, std::sync::Arc::clone(&self.0.parts.policy));
        let answer = self.0.turn(&context).look(move |seen| {
            let record = task(seen.db, &context, &id)?;
            let unmet = details::unmet(seen.db, &[record.key])?.remove(&record.key).unwrap_or_default();
            let waits = Waits::decided(seen.figures, &policy, context.now);
            let at_block = told_at_block(seen.db, &record)?;
            let mut told = explain::explained(seen.figures, &waits, &record, &unmet, explain::MANY, context.now);
            told.reasons.extend(at_block.map(|text| pb::WaitReason { kind: pb::WaitKind::Blocked.into(), text, ..Default::default() }));
            Ok(pb::ExplainTaskResponse {
                task: Some(convert::task_ref(&record)),
                sentence: if told.sentence.is_empty() { "It is done.".to_owned() } else { told.sentence },
                reasons: told.reasons,
                expected_at: told.expected_at.map(convert::timestamp),
                ahead: told.ahead,
            })
        });
        Ok(tonic::Response::new(answer.await?))
    }

    pub(super) async fn questions(&self, request: Request<pb::ListQuestionsRequest>) -> Reply<pb::ListQuestionsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(i64, i64, String)>::of(&call.body)?;
        let (project, context) = (optional_project("project_id", &call.body.project_id)?, call.context);
        if let Some(project) = &project {
            context.sees(project, "project", project.as_str()).map_err(ApiError::from)?;
        }
        let found = self
            .0
            .turn(&context)
            .read(move |db| {
                let open = questions::open(db)?;
                let keys: Vec<i64> = open.iter().map(|question| question.task_key).collect();
                let by_key = tasks::shown_by_key(db, &keys)?;
                let mut found = Vec::new();
                for question in open {
                    let Some(record) = by_key.get(&question.task_key).filter(|record| record.deleted_at.is_none()) else { continue };
                    let wanted = project.as_ref().is_none_or(|project| record.task.project == *project);
                    if !wanted || !context.principal.projects.covers(&record.task.project) {
                        continue;
                    }
                    let key = (question.asked_at.as_millis(), question.task_key, question.question.request_id.clone());
                    let run = runs::get(db, record.key, question.run_number)?;
                    let pending = pb::PendingQuestion {
                        task_id: record.task.id.to_string(),
                        project_id: record.task.project.to_string(),
                        title: record.task.title.clone(),
                        run_number: question.run_number,
                        agent_id: run.map(|run| run.run.agent.to_string()).unwrap_or_default(),
                        question: Some(wire::question(&question.question)),
                        asked_at: Some(convert::timestamp(question.asked_at)),
                        deadline: question.deadline.map(convert::timestamp),
                        default_action: question.question.kind.default_action().to_owned(),
                    };
                    found.push((key, pending));
                }
                Ok(found)
            })
            .await?;
        let slice = page.slice(found, |(key, _)| key.clone());
        Ok(tonic::Response::new(pb::ListQuestionsResponse {
            questions: slice.items.into_iter().map(|(_, question)| question).collect(),
            next_page_token: slice.next,
            total_size: slice.total,
        }))
    }
}

/// Where a task stands in an order, as the list behind it begins.
fn place(order: TaskOrder, one: &Drawn) -> (i64, i64) {
    let task = &one.record.task;
    let value = match order {
        TaskOrder::Priority => i64::from(task.priority),
        TaskOrder::NewestFirst | TaskOrder::OldestFirst => one.record.key,
        TaskOrder::RecentlyChanged => task.updated_at.as_millis(),
        TaskOrder::RecentlyArchived => task.archived_at.map_or(0, |at| at.as_millis()),
    };
    (value, one.record.key)
}

fn query(body: &pb::ListTasksRequest, scope: &ProjectScope) -> Result<(TaskQuery, TaskOrder), ApiError> {
    let named = project_ids("project_ids", &body.project_ids)?;
    if let Some(hidden) = named.iter().find(|project| !scope.covers(project)) {
        return Err(ApiError::not_found("project", hidden.as_str()));
    }
    let projects = match (named.is_empty(), scope) {
        (false, _) => Some(named),
        (true, ProjectScope::All) => None,
        (true, ProjectScope::Only(projects)) => Some(projects.iter().cloned().collect()),
    };
    few("statuses", body.statuses.len())?;
    let mut statuses = Vec::new();
    for (index, status) in body.statuses.iter().enumerate() {
        let field = format!("statuses[{index}]");
        statuses.push(task_status(&field, *status)?.ok_or_else(|| ApiError::invalid(&field, "is unspecified; leave it out"))?);
    }
    if body.include_finished && body.finished_only {
        return Err(ApiError::invalid("finished_only", "contradicts include_finished; set one of them"));
    }
    let order = match member::<pb::TaskOrder>("order", body.order)? {
        None | Some(pb::TaskOrder::Unspecified) => TaskOrder::Priority,
        Some(pb::TaskOrder::NewestFirst) => TaskOrder::NewestFirst,
        Some(pb::TaskOrder::OldestFirst) => TaskOrder::OldestFirst,
        Some(pb::TaskOrder::RecentlyChanged) => TaskOrder::RecentlyChanged,
    };
    let query = TaskQuery {
        projects,
        statuses,
        finished: match (body.include_finished, body.finished_only) {
            (_, true) => Finished::Only,
            (true, false) => Finished::Show,
            (false, false) => Finished::Hide,
        },
        archived: Archived::Hide,
        task_type: task_type("type", body.r#type)?,
        agent: optional_agent("agent_id", &body.agent_id)?,
        parent: None,
        roots_only: body.roots_only,
        text: short("query", &body.query)?,
    };
    Ok((query, order))
}

fn drawn_tree(tree: &TaskTree, edges: &BTreeMap<i64, dependencies::Edges>, compact: bool, depth: u32) -> pb::GetTaskTreeResponse {
    let names = |links: &[dependencies::TaskLink]| links.iter().map(|link| link.id.clone()).collect::<Vec<_>>();
    let mut nodes = Vec::with_capacity(tree.nodes.len());
    // Built from the end, so that each node finds its children complete.
    let mut below: BTreeMap<i64, Vec<render::TreeNode>> = BTreeMap::new();
    let mut root = None;
    for node in tree.nodes.iter().rev() {
        let record = &node.record;
        let (needs, blocks) = edges.get(&record.key).map(|edge| (names(&edge.depends_on), names(&edge.blocks))).unwrap_or_default();
        let mut children = below.remove(&record.key).unwrap_or_default();
        children.reverse();
        nodes.push(pb::TaskTreeNode {
            task: Some(convert::task_ref(record)),
            depth: node.depth,
            parent_task_id: if node.depth == 0 {
                String::new()
            } else {
                record.task.parent.as_ref().map(ToString::to_string).unwrap_or_default()
            },
            depends_on: needs.iter().map(ToString::to_string).collect(),
            blocks: blocks.iter().map(ToString::to_string).collect(),
        });
        let drawn = render::TreeNode {
            id: record.task.id.clone(),
            title: record.task.title.clone(),
            status: record.task.status,
            needs,
            blocks,
            children,
        };
        match (node.depth, record.parent_key) {
            (0, _) | (_, None) => root = Some(drawn),
            (_, Some(parent)) => below.entry(parent).or_default().push(drawn),
        }
    }
    nodes.reverse();
    let (completed, total) = (tree.completed, tree.total);
    let count = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let formatted = root.map_or_else(String::new, |root| {
        if compact { render::compact_tree(&root) } else { render::task_tree(&root, usize::try_from(depth).unwrap_or(DEFAULT_TREE_DEPTH)) }
    });
    pb::GetTaskTreeResponse {
        nodes,
        formatted,
        completed: u32::try_from(completed).unwrap_or(u32::MAX),
        total: u32::try_from(total).unwrap_or(u32::MAX),
        progress_bar: render::progress_bar(count(completed), count(total), DEFAULT_BAR_WIDTH),
        truncated: tree.truncated,
    }
}
