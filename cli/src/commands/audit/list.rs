//! `aqctl audit list`.

use std::time::Duration;

use aq_proto::v1::ListAuditRecordsRequest;

use crate::candidates;
use crate::commands::paging::{self, Paging};
use crate::commands::values;
use crate::context::Context;
use crate::error::CliError;
use crate::ids;
use crate::render;

/// List who changed what, and who was refused, newest first
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only what happened within this time: 2h, 7d
    #[arg(long, value_name = "LENGTH", value_parser = values::length)]
    since: Option<Duration>,
    /// Only what this key did, by its public part
    #[arg(long, value_name = "KID")]
    key: Option<String>,
    /// Only what was done for this person, for example discord:1234
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// Only this call, for example StopTask
    #[arg(long, value_name = "CALL")]
    call: Option<String>,
    /// Only what was about this project
    #[arg(short, long, value_name = "PROJECT", add = candidates::projects())]
    project: Option<String>,
    /// Only what was refused
    #[arg(long)]
    refused: bool,
    /// Which part of the list.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let project_id = match &args.project {
        Some(typed) => ids::project(&connection, typed).await?,
        None => String::new(),
    };
    let now = context.ui.look.now;
    let since = args.since.map(|length| {
        let back = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
        prost_types::Timestamp { seconds: now.as_second().saturating_sub(back), nanos: 0 }
    });
    let request = ListAuditRecordsRequest {
        since,
        kid: args.key.unwrap_or_default(),
        person: args.person.unwrap_or_default(),
        method: args.call.unwrap_or_default(),
        project_id,
        refused_only: args.refused,
        ..Default::default()
    };
    let page = paging::pages!(args.paging, connection.admin(), list_audit_records, request, records);
    context.ui.show(&page, render::audit::list)?;
    if page.records.is_empty() {
        context.ui.talk("no such records");
    } else if !page.next_page_token.is_empty() {
        context.ui.talk(format!("there are older records; all: --all, next page: --page-token {}", page.next_page_token));
    }
    Ok(())
}
