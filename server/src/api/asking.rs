//! TaskService.AskHuman: an agent asks over MCP and waits for the answer, a while.

use aq_proto::v1 as pb;
use tonic::Request;

use super::status::{ApiError, Reply};
use super::tasks::Tasks;
use crate::commands::asking::{self, Standing};
use crate::commands::{CommandError, Context};
use crate::lifecycle::Tx;

/// How long one call waits. Programs of agents give a tool a minute; the next call goes on where this one ended.
const PATIENCE_MS: i64 = 50_000;

/// What an agent does when nobody has answered yet.
const AGAIN: &str = "Nobody has answered yet. Call ask_human again with the same question to go on waiting.";
/// What it does when its run is about to end.
const PARKED: &str = "Nobody answered in time. Stop here: your session goes on with the answer when a person has given it.";
/// What it does when the server is about to end.
const ENDING: &str = "The server is being restarted. Call ask_human again with the same question in half a minute.";

impl Tasks {
    pub(super) async fn ask_human(&self, request: Request<pb::AskHumanRequest>) -> Reply<pb::AskHumanResponse> {
        let call = self.0.cleansed(self.0.admit(request)?).await?;
        let question = asking::check(&call.body.question, &call.body.options).map_err(ApiError::from)?;
        let usual = self.0.parts.policy.question_timeout_ms;
        let ask = move |tx: &mut Tx<'_>, context: &Context| {
            let question_id = asking::ask(tx, context, &question, usual)?;
            Ok(pb::AskHumanResponse { question_id, ..Default::default() }.into())
        };
        let asked: pb::AskHumanResponse = self.0.carry_out(&call.context, &call.body, ask).await?;
        let standing = tokio::select! {
            standing = self.settled(&call.context, &asked.question_id) => standing?,
            () = self.0.parts.drain.cancelled() => return Ok(unanswered(asked, ENDING)),
            () = self.0.parts.clock.reached(call.context.now.plus_millis(PATIENCE_MS)) => Standing::Open,
        };
        match standing {
            Standing::Open => Ok(unanswered(asked, AGAIN)),
            Standing::Parked => Ok(unanswered(asked, PARKED)),
            Standing::Over => {
                let sentence = "the task went on without the answer; stop here";
                Err(ApiError::from(CommandError::precondition("RUN_ENDED", sentence)).into())
            }
            Standing::Answered(answer) => {
                let (context, id) = (call.context, asked.question_id.clone());
                self.0.turn(&context).write(move |tx| Ok(asking::fetched(tx, &context, &id)?)).await?;
                Ok(tonic::Response::new(pb::AskHumanResponse { answered: true, answer, ..asked }))
            }
        }
    }

    /// Waits until it is known what becomes of a question. Dropping this changes nothing: an answer that nobody took is told by the next call.
    async fn settled(&self, context: &Context, question_id: &str) -> Result<Standing, ApiError> {
        let parts = &self.0.parts;
        // Opened before the first look: what happens in between is seen.
        let mut feed = parts.bus.feed(self.0.turn(context).reader(), parts.bus.last(), Vec::new());
        let mut concerned = true;
        loop {
            if concerned {
                let (context, id) = (context.clone(), question_id.to_owned());
                let standing = self.0.turn(&context).read(move |db| Ok(asking::look(db, &context, &id)?)).await?;
                if standing != Standing::Open {
                    return Ok(standing);
                }
            }
            feed.changed().await;
            let events = feed.ready().await?;
            concerned = events.iter().any(|event| event.task.as_ref() == context.principal.run.as_ref().map(|run| &run.task));
        }
    }
}

fn unanswered(asked: pb::AskHumanResponse, advice: &str) -> tonic::Response<pb::AskHumanResponse> {
    tonic::Response::new(pb::AskHumanResponse { advice: advice.to_owned(), ..asked })
}
