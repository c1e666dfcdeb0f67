//! Criteria, context and tools attached to a task; they reach the agent's prompt.

use aq_core::task::{Attachment, AttachmentKind};
use diesel::prelude::*;

use super::columns;
use super::dialect::queries;
use super::error::StoreError;
use super::schema::task_attachments;

queries! {
    /// Replaces the attachments of a task.
    pub fn replace(connection, task: i64, attachments: &[Attachment]) -> Result<(), StoreError> {
        diesel::delete(task_attachments::table.filter(task_attachments::task_key.eq(task))).execute(connection)?;
        for (position, attachment) in (0_i32..).zip(attachments) {
            diesel::insert_into(task_attachments::table)
                .values((
                    task_attachments::task_key.eq(task),
                    task_attachments::kind.eq(attachment.kind.as_str()),
                    task_attachments::position.eq(position),
                    task_attachments::label.eq(&attachment.label),
                    task_attachments::content.eq(&attachment.content),
                ))
                .execute(connection)?;
        }
        Ok(())
    }

    /// The attachments of a task, in the order they were given.
    pub fn of_task(connection, task: i64) -> Result<Vec<Attachment>, StoreError> {
        let rows: Vec<(String, String, String)> = task_attachments::table
            .filter(task_attachments::task_key.eq(task))
            .order(task_attachments::position)
            .select((task_attachments::kind, task_attachments::label, task_attachments::content))
            .load(connection)?;
        rows.into_iter()
            .map(|(kind, label, content)| {
                Ok(Attachment { kind: columns::read("task_attachments.kind", &kind, AttachmentKind::parse)?, label, content })
            })
            .collect()
    }
}
