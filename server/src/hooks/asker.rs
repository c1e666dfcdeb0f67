//! Asks a model for a hook: a turn of the chat without a conversation before it, with the tools of the hook's owner.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aq_core::chat::{
    Belt, ChatModel, Delta, Effect, Event, Failure, Group, Limits, Message, ModelCall, Outcome, Purpose, Situation, Speaker, Step,
    ToolSpec, ToolUse, Turn, system_prompt, turn,
};
use aq_core::output::TokenUsage;
use aq_core::runner_link::BoxFuture;
use serde_json::{Value, json};

use super::ports::{Model, ModelAnswer, ModelAsk};
use crate::chat::{Account, Books};
use crate::tools::ToolBox;

/// What the model is told beside the rules of the chat.
const NOBODY: &str = "\n\nNobody reads along: you were started by a hook. Do what the text asks with your tools, ask nothing back, and end with a short report.";
/// The group of tools that is always offered.
const CORE: &str = "core";

/// A model with tools.
pub struct Asker {
    model: Arc<dyn ChatModel>,
    tools: Arc<dyn ToolBox>,
    books: Books,
}

impl Asker {
    /// A model that may use these tools; what it costs goes into these books.
    #[must_use]
    pub fn new(model: Arc<dyn ChatModel>, tools: Arc<dyn ToolBox>, books: Books) -> Self {
        Self { model, tools, books }
    }

    fn belt(&self, ask: &ModelAsk) -> Belt {
        let mut by_group: BTreeMap<String, Vec<ToolSpec>> = BTreeMap::new();
        for tool in self.tools.list(&ask.caller, &["*"]) {
            let group = if tool.core { CORE.to_owned() } else { tool.group.clone() };
            let spec = ToolSpec { name: tool.name.clone(), description: tool.description.clone(), schema: tool.input.clone() };
            by_group.entry(group).or_default().push(spec);
        }
        let about: BTreeMap<String, String> = self.tools.groups(&ask.caller).into_iter().map(|group| (group.name, group.about)).collect();
        let group = |(name, tools): (String, Vec<ToolSpec>)| {
            let description = about.get(&name).cloned().unwrap_or_else(|| "what is used most".to_owned());
            Group { core: name == CORE, name, description, tools }
        };
        Belt::new(by_group.into_iter().map(group).collect())
    }

    async fn go(&self, ask: ModelAsk) -> Result<ModelAnswer, (String, u64)> {
        if !ask.provider.is_empty() && ask.provider != self.model.provider() {
            let why = format!("the provider `{}` is not the configured one, `{}`", ask.provider, self.model.provider());
            return Err((why, 0));
        }
        let belt = self.belt(&ask);
        let system = system_prompt(&Situation { role: ask.caller.role, project: Some(&ask.project), belt: &belt }) + NOBODY;
        let usual = Limits::default();
        let cap = ask.max_tokens.unwrap_or(usual.turn_tokens);
        let answer_tokens = usual.answer_tokens.min(u32::try_from(cap).unwrap_or(u32::MAX)).max(1);
        let most = usual.turn_tokens;
        let limits = Limits { turn_tokens: cap.min(most), answer_tokens, ..usual };
        let message = Message::text(Speaker::Person, format!("[from {}]: {}", ask.name, ask.prompt));
        let mut state = Turn::new(limits, Purpose::Hook, ask.model.clone(), system, vec![message], belt);
        let needs = state.needs();
        if needs > cap.min(most) {
            return Err((nobody_asked(needs, ask.max_tokens, most), 0));
        }
        let mut effects = VecDeque::from(turn(&mut state, Event::Begin));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Tell(_) => {}
                Effect::Ask(call) => effects.extend(self.converse(&ask, &call, &mut state).await),
                Effect::Run(wanted) => {
                    let done = self.use_tool(&ask, wanted).await;
                    effects.extend(turn(&mut state, Event::ToolDone(done)));
                }
                Effect::Finish(Outcome { text, tokens, steps, .. }) => {
                    return Ok(ModelAnswer { text, tokens: sum(tokens), tools: steps.iter().map(told).collect() });
                }
                Effect::Fail(Failure { error, tokens, .. }) => return Err((error.to_string(), sum(tokens))),
            }
        }
        Err(("the model's turn came to no end; nothing more was done".to_owned(), sum(state.account().1)))
    }

    /// One call of the model, counted in the books and in the run.
    async fn converse(&self, ask: &ModelAsk, call: &ModelCall, state: &mut Turn) -> Vec<Effect> {
        let model = if call.model.is_empty() { self.model.model() } else { call.model.clone() };
        let mut spent = self.books.open(Account { project: Some(ask.project.clone()), purpose: Purpose::Hook, model });
        let (mut effects, before) = (Vec::new(), ask.meter.load(Ordering::SeqCst));
        let ended = match self.model.ask(call).await {
            Err(error) => Event::Failed(error),
            Ok(mut answer) => loop {
                match answer.next().await {
                    None => break Event::Answered,
                    Some(Err(error)) => break Event::Failed(error),
                    Some(Ok(piece)) => {
                        if let Delta::Usage(tokens) = piece {
                            spent.used(tokens);
                            ask.meter.store(before.saturating_add(tokens.total()), Ordering::SeqCst);
                        }
                        effects.extend(turn(state, Event::Piece(piece)));
                    }
                }
            },
        };
        let _counted = spent.close().await;
        effects.extend(turn(state, ended));
        effects
    }

    async fn use_tool(&self, ask: &ModelAsk, wanted: ToolUse) -> Result<String, String> {
        let answer = self.tools.call(&ask.caller, &wanted.name, Value::Object(wanted.input)).await;
        answer.map(|answer| answer.to_string()).map_err(|error| error.to_string())
    }
}

/// Why the question was not even asked, and what to change: the cap of the run, or, where that is no matter of the cap, the text.
fn nobody_asked(needs: u64, left: Option<u64>, most: u64) -> String {
    let begin = format!("nobody was asked: with its instructions and tools this question can take up to {needs} tokens");
    match left.filter(|left| *left < most && needs <= most) {
        Some(left) => format!(
            "{begin}, and the run may use {left} (max_tokens_per_run); allow {} or more, so that there is room for an answer, or set no cap",
            needs.saturating_mul(2).min(most)
        ),
        None => format!("{begin}, and a hook may use {most} at once; shorten the prompt, or what its steps fill in"),
    }
}

fn sum(tokens: TokenUsage) -> u64 {
    tokens.total()
}

fn told(step: &Step) -> Value {
    json!({ "name": step.tool, "failed": step.failed })
}

impl Model for Asker {
    fn ask(&self, ask: ModelAsk) -> BoxFuture<'_, Result<ModelAnswer, (String, u64)>> {
        Box::pin(self.go(ask))
    }
}
