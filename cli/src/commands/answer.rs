//! `aqctl answer`: answer a question of an agent.

use aq_proto::v1::answer_question_request::{Allow, Answer, Deny};
use aq_proto::v1::{AnswerQuestionRequest, PermissionScope};

use super::values::long_text;
use crate::candidates;
use crate::context::{Context, request_id};
use crate::error::CliError;
use crate::ids;
use crate::render::task;

/// Answer a question of an agent; a live agent receives the answer at once, else its session goes on with it
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("answer").required(true).args(["text", "file", "allow", "deny"]))]
pub(crate) struct Args {
    /// The task that waits
    #[arg(value_name = "TASK", add = candidates::tasks())]
    task: String,
    /// The chosen label or free text; `-` reads standard input
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Read the answer from a file
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<String>,
    /// Yes: the tool may be used, the plan is accepted
    #[arg(long)]
    allow: bool,
    /// With --allow: the tool may be used from now on, without asking again
    #[arg(long, value_name = "SCOPE", value_enum, requires = "allow", conflicts_with_all = ["text", "file", "deny"])]
    always: Option<Always>,
    /// No, with the reason told to the agent
    #[arg(long, value_name = "MESSAGE", num_args = 0..=1, default_missing_value = "")]
    deny: Option<String>,
    /// The question, when the task has several
    #[arg(long, value_name = "ID", default_value = "")]
    question: String,
}

/// How far an allowance reaches.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Always {
    /// Every run of this task
    Task,
    /// Every task of the project
    Project,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let answer = if args.allow {
        let remember = match args.always {
            None => PermissionScope::Unspecified,
            Some(Always::Task) => PermissionScope::Task,
            Some(Always::Project) => PermissionScope::Project,
        };
        Answer::Allow(Allow { remember: remember.into() })
    } else if let Some(message) = args.deny {
        Answer::Deny(Deny { message })
    } else {
        let text = long_text(&context.ui, args.text.as_deref(), args.file.as_deref())?.unwrap_or_default();
        if text.trim().is_empty() {
            return Err(CliError::usage("the answer is empty"));
        }
        Answer::Text(text)
    };
    let connection = context.connect().await?;
    let task_id = ids::task(&connection, &args.task).await?;
    let request = AnswerQuestionRequest { task_id, question_id: args.question, answer: Some(answer), request_id: request_id() };
    let answered = connection.tasks().answer_question(request).await?.into_inner();
    context.ui.done(&answered, None, format!("answered; {} is {}", answered.id, task::status(&answered)))
}
