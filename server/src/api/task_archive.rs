//! TaskService: the archive, and the files that tell of what is in it.

use std::path::{Path, PathBuf};

use aq_core::ids::{ProjectId, TaskId};
use aq_core::principal::ProjectScope;
use aq_core::render::{ArchiveNote, archive_note};
use aq_proto::v1 as pb;
use tonic::Request;

use super::convert;
use super::incoming::{optional_project, project_id, short, task_id};
use super::page::Page;
use super::service::Done;
use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use super::views;
use crate::commands::{Context, archive};
use crate::lifecycle::Tx;
use crate::store::task_lists::{self, Archived, Finished, TaskCursor, TaskOrder, TaskQuery};
use crate::store::{Connection, StoreError, archive as rows, dependencies, runs, tasks};

/// Tasks named with a task that still wait for it.
const WAITING: usize = 50;

/// Where the file of a task lies.
fn note_path(folder: &Path, project: &ProjectId, task: &TaskId) -> PathBuf {
    folder.join(project.as_str()).join(format!("{task}.md"))
}

/// The texts of the files of these tasks, by task.
fn notes(db: &mut Connection, ids: &[TaskId]) -> Result<Vec<(TaskId, ProjectId, String)>, StoreError> {
    let mut texts = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(record) = tasks::by_id(db, id)? else { continue };
        let mut records = vec![record];
        task_lists::name_parents(db, &mut records)?;
        for record in &records {
            let upstream = dependencies::upstream(db, record.key)?;
            let names = task_lists::names(db, &upstream)?;
            let waited: Vec<TaskId> = upstream.iter().filter_map(|key| names.get(key).cloned()).collect();
            let newest = runs::of_task(db, record.key)?.into_iter().rev().find(|run| run.run.end.is_some());
            let note = ArchiveNote { task: &record.task, dependencies: &waited, run: newest.as_ref().map(|run| &run.run) };
            texts.push((id.clone(), record.task.project.clone(), archive_note(&note)));
        }
    }
    Ok(texts)
}

/// Writes a file whole: beside its place, then moved there.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("md.new");
    std::fs::write(&new, text)?;
    std::fs::rename(&new, path)
}

impl Tasks {
    fn note_folder(&self) -> PathBuf {
        self.0.parts.facts.home.join("archive")
    }

    pub(super) async fn archive(&self, request: Request<pb::ArchiveTasksRequest>) -> Reply<pb::ArchiveTasksResponse> {
        let call = self.0.admit(request)?;
        let named = call.body.task_ids.len();
        if named > archive::MAX_NAMED {
            return Err(ApiError::invalid("task_ids", format!("has {named} entries; at most {} are allowed", archive::MAX_NAMED)).into());
        }
        let mut ids = Vec::with_capacity(named);
        for (index, text) in call.body.task_ids.iter().enumerate() {
            let id = task_id(&format!("task_ids[{index}]"), text)?;
            if ids.contains(&id) {
                return Err(ApiError::invalid(format!("task_ids[{index}]"), "is named twice").into());
            }
            ids.push(id);
        }
        let project = optional_project("project_id", &call.body.project_id)?;
        if ids.is_empty() == project.is_none() {
            return Err(ApiError::invalid("task_ids", "name tasks, or a project: one of them").into());
        }
        if call.body.include_failed && project.is_none() {
            return Err(
                ApiError::invalid("include_failed", "goes with project_id only; named tasks are archived whatever their end").into()
            );
        }
        let (failed, folder) = (call.body.include_failed, self.note_folder());
        let put_away = move |tx: &mut Tx<'_>, context: &Context| {
            let (archived, left) = match &project {
                Some(project) => archive::archive_project(tx, context, project, failed)?,
                None => (archive::archive(tx, context, &ids)?, Vec::new()),
            };
            let some = !archived.is_empty();
            let told = archived.iter().map(|one| pb::ArchivedTask {
                task: Some(convert::task_ref(&one.record)),
                note_path: note_path(&folder, &one.record.task.project, &one.record.task.id).to_string_lossy().into_owned(),
                note_error: String::new(),
                waiting: one.waiting.iter().take(WAITING).map(convert::link).collect(),
            });
            let answer = pb::ArchiveTasksResponse {
                archived: told.collect(),
                left: left
                    .iter()
                    .map(|left| pb::NotArchivedTask { task: Some(convert::task_ref(&left.record)), reason: left.reason.clone() })
                    .collect(),
                note_folder: if some { folder.to_string_lossy().into_owned() } else { String::new() },
            };
            Ok(Done::from(answer))
        };
        let mut answer = self.0.carry_out(&call.context, &call.body, put_away).await?;
        self.write_notes(&call.context, &mut answer).await?;
        Ok(tonic::Response::new(answer))
    }

    /// Writes the files of what was archived. One that cannot be written is told; the archive does not depend on it.
    async fn write_notes(&self, context: &Context, answer: &mut pb::ArchiveTasksResponse) -> Result<(), ApiError> {
        let ids: Vec<TaskId> =
            answer.archived.iter().filter_map(|one| one.task.as_ref()).map(|task| TaskId::from_trusted(&task.id)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let folder = self.note_folder();
        let texts = self.0.turn(context).read(move |db| Ok(notes(db, &ids)?)).await?;
        let written = tokio::task::spawn_blocking(move || {
            let write_one = |(id, project, text): (TaskId, ProjectId, String)| {
                let path = note_path(&folder, &project, &id);
                write(&path, &text).err().map(|error| (id, format!("{} cannot be written: {error}", path.display())))
            };
            texts.into_iter().filter_map(write_one).collect::<Vec<_>>()
        });
        for (id, why) in written.await.unwrap_or_default() {
            tracing::warn!(task = %id, why, "the file of an archived task is missing");
            let one = answer.archived.iter_mut().find(|one| one.task.as_ref().is_some_and(|task| task.id == id.as_str()));
            if let Some(one) = one {
                one.note_path.clear();
                one.note_error = why;
            }
        }
        Ok(())
    }

    pub(super) async fn restore(&self, request: Request<pb::RestoreTaskRequest>) -> Reply<pb::Task> {
        let call = self.0.admit(request)?;
        let id = task_id("task_id", &call.body.task_id)?;
        let restore = move |tx: &mut Tx<'_>, context: &Context| {
            let record = archive::restore(tx, context, &id)?;
            Ok(views::answer_one(tx, context, record)?.into())
        };
        self.0.mutate(&call.context, &call.body, restore).await
    }

    pub(super) async fn archived(&self, request: Request<pb::ListArchivedTasksRequest>) -> Reply<pb::ListArchivedTasksResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(i64, i64)>::of(&call.body)?;
        let query = TaskQuery {
            projects: projects(&call.context, &call.body.project_id)?,
            finished: Finished::Show,
            archived: Archived::Only,
            text: short("query", &call.body.query)?,
            ..TaskQuery::default()
        };
        let after = page.after.map(|(value, key)| TaskCursor { value, key });
        let size = page.size;
        let found =
            self.0.turn(&call.context).read(move |db| Ok(task_lists::page(db, &query, TaskOrder::RecentlyArchived, after, size)?)).await?;
        let next = found.next.map(|cursor| (cursor.value, cursor.key));
        let entry = |record: &crate::store::TaskRecord| pb::ArchivedTaskEntry {
            task: Some(convert::task_ref(record)),
            project_id: record.task.project.to_string(),
            archived_at: record.task.archived_at.map(convert::timestamp),
            last_run_number: record.task.run_number,
        };
        Ok(tonic::Response::new(pb::ListArchivedTasksResponse {
            unreachable: found.unreachable,
            tasks: found.tasks.iter().map(entry).collect(),
            next_page_token: page.token(next.as_ref()),
            total_size: u32::try_from(found.total).unwrap_or(u32::MAX),
        }))
    }

    pub(super) async fn archive_settings(&self, request: Request<pb::GetArchiveSettingsRequest>) -> Reply<pb::GetArchiveSettingsResponse> {
        let call = self.0.admit(request)?;
        let projects = projects(&call.context, &call.body.project_id)?;
        let (policy, now) = (self.0.parts.policy.archive.clone(), call.context.now);
        let (statuses, before) = (policy.statuses.clone(), now.plus_millis(-policy.after_ms));
        let (archived, eligible) = self
            .0
            .turn(&call.context)
            .read(move |db| {
                let archived = rows::count(db, projects.as_deref())?;
                let mut eligible = 0;
                match &projects {
                    None => eligible += rows::candidates(db, None, &statuses, before, 0, i64::MAX)?.len(),
                    Some(projects) => {
                        for project in projects {
                            eligible += rows::candidates(db, Some(project), &statuses, before, 0, i64::MAX)?.len();
                        }
                    }
                }
                Ok((archived, u64::try_from(eligible).unwrap_or(u64::MAX)))
            })
            .await?;
        let after = std::time::Duration::from_millis(u64::try_from(policy.after_ms).unwrap_or(0));
        Ok(tonic::Response::new(pb::GetArchiveSettingsResponse {
            enabled: policy.enabled,
            after: Some(aq_proto::time::duration(after)),
            statuses: policy.statuses.iter().map(|status| convert::task_status(*status)).collect(),
            archived_count: archived,
            eligible_count: eligible,
            note_folder: self.note_folder().to_string_lossy().into_owned(),
        }))
    }
}

/// The projects that a read is about: the named one, else those that the caller sees; `None`: all.
fn projects(context: &Context, named: &str) -> Result<Option<Vec<ProjectId>>, ApiError> {
    if !named.is_empty() {
        let project = project_id("project_id", named)?;
        context.sees(&project, "project", named)?;
        return Ok(Some(vec![project]));
    }
    Ok(match &context.principal.projects {
        ProjectScope::All => None,
        ProjectScope::Only(projects) => Some(projects.iter().cloned().collect()),
    })
}
