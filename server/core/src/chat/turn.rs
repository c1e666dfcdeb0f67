//! The turn itself: a state, what happens to it, and what has to be done next.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::belt::Belt;
use super::calls::{Circles, Verdict, judge};
use super::limits::Limits;
use super::message::{Block, Message, RawToolUse, Speaker, ToolResult, ToolUse};
use super::model::{Delta, ModelCall, ModelError, Purpose, StopReason};
use super::outcome::{Ending, Failure, Outcome, Step, add, told};
use super::reserve::{LEAST_ANSWER, Meter, bound};
use crate::output::TokenUsage;

/// Longest text of one answer that is kept, in bytes.
const MOST_TEXT: usize = 256 * 1024;
/// Most tools that one answer may want and that are looked at, run or refused.
const MOST_WANTED: usize = 64;

/// What happens to a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It begins.
    Begin,
    /// A piece of the answer came.
    Piece(Delta),
    /// The answer is whole.
    Answered,
    /// There is no answer, or not a whole one.
    Failed(ModelError),
    /// The tool that was run answered; `Err`: it refused or failed.
    ToolDone(Result<String, String>),
    /// The caller is gone, or does not want it any more.
    Cancelled,
}

/// What the caller sees of a turn while it lasts.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The model is asked for the so-manieth time, from 1.
    Round(u32),
    /// Something to know.
    Notice(String),
    /// A piece of thinking.
    Thinking(String),
    /// A piece of text.
    Text(String),
    /// A tool begins.
    ToolBegun {
        /// Names the use.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        input: Map<String, Value>,
    },
    /// A tool is over.
    ToolEnded {
        /// Names the use.
        id: String,
        /// The tool.
        name: String,
        /// What it answered.
        content: String,
        /// True when it refused or failed.
        failed: bool,
    },
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell the caller.
    Tell(Progress),
    /// Ask the model; pieces come back as [`Event::Piece`], then [`Event::Answered`] or [`Event::Failed`].
    Ask(Box<ModelCall>),
    /// Run a tool; what it says comes back as [`Event::ToolDone`].
    Run(ToolUse),
    /// The turn is over.
    Finish(Outcome),
    /// The turn is over without a text.
    Fail(Failure),
}

/// What came of the present call so far.
#[derive(Clone, Debug, Default)]
struct Gathered {
    text: String,
    cut: bool,
    wanted: Vec<RawToolUse>,
    tokens: TokenUsage,
    stop: Option<StopReason>,
}

#[derive(Clone, Debug)]
enum Phase {
    New,
    /// The model is asked; with a reason when this is the last call.
    Asking(Gathered, Option<Ending>),
    /// Tools run: the one running, those behind it, what was answered, and whether something worked.
    Working {
        running: Option<ToolUse>,
        queue: VecDeque<Verdict>,
        results: Vec<ToolResult>,
        worked: bool,
    },
    Over,
}

/// A turn of the chat.
#[derive(Clone, Debug)]
pub struct Turn {
    limits: Limits,
    purpose: Purpose,
    model: String,
    system: String,
    messages: Vec<Message>,
    belt: Belt,
    ids: BTreeSet<String>,
    circles: Circles,
    rounds: u32,
    tokens: TokenUsage,
    meter: Meter,
    steps: Vec<Step>,
    phase: Phase,
}

impl Turn {
    /// A turn that has not begun. `model` empty: the configured one.
    #[must_use]
    pub fn new(limits: Limits, purpose: Purpose, model: String, system: String, messages: Vec<Message>, belt: Belt) -> Self {
        let (ids, circles) = (BTreeSet::new(), Circles::default());
        Self {
            limits,
            purpose,
            model,
            system,
            messages,
            belt,
            ids,
            circles,
            rounds: 0,
            tokens: TokenUsage::default(),
            meter: Meter::default(),
            steps: Vec::new(),
            phase: Phase::New,
        }
    }

    /// True when nothing more happens.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The conversation so far, for records.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Tokens that a turn which has not begun must be allowed for its model to be asked at all: the most that the first call can cost, and a short answer.
    #[must_use]
    pub fn needs(&self) -> u64 {
        bound(&self.system, &self.messages, &self.belt.specs()).saturating_add(LEAST_ANSWER)
    }

    /// The steps so far, and the tokens of the calls that are over.
    #[must_use]
    pub fn account(&self) -> (&[Step], TokenUsage) {
        (&self.steps, self.tokens)
    }

    /// Asks the model, when what the call needs is left of the turn's tokens. A round that does not fit becomes the last call; when that does not fit
    /// either, we say ourselves what was done.
    fn ask(&mut self, last: Option<Ending>, effects: &mut Vec<Effect>) {
        let mut system = self.system.clone();
        if last.is_some() {
            system.push_str(LAST_WORDS);
        }
        let most = bound(&system, &self.messages, &self.belt.specs());
        let expected = self.meter.expects(most);
        let room = self.limits.turn_tokens.saturating_sub(self.tokens.total()).saturating_sub(expected);
        if room < LEAST_ANSWER {
            return match last {
                None if self.rounds > 0 => self.ask(Some(Ending::Tokens), effects),
                _ => self.finish(&format!("{} {}", self.no_room(expected), told(&self.steps)), Ending::Tokens, effects),
            };
        }
        self.meter.asks(most);
        self.rounds = self.rounds.saturating_add(1);
        effects.push(Effect::Tell(Progress::Round(self.rounds)));
        effects.push(Effect::Ask(Box::new(ModelCall {
            purpose: self.purpose,
            model: self.model.clone(),
            system,
            messages: self.messages.clone(),
            tools: self.belt.specs(),
            may_use_tools: last.is_none(),
            must_use: None,
            max_tokens: self.limits.answer_tokens.min(u32::try_from(room).unwrap_or(u32::MAX)),
        })));
        self.phase = Phase::Asking(Gathered::default(), last);
    }

    fn no_room(&self, expected: u64) -> String {
        let (most, used, least) = (self.limits.turn_tokens, self.tokens.total(), expected.saturating_add(LEAST_ANSWER));
        format!("Another call does not fit into the {most} tokens of the turn: {used} are used, and it may take {least}.")
    }

    fn finish(&mut self, text: &str, ending: Ending, effects: &mut Vec<Effect>) {
        let text = text.trim();
        let text = if text.is_empty() { told(&self.steps) } else { text.to_owned() };
        let (rounds, tokens, steps) = (self.rounds, self.tokens, self.steps.clone());
        effects.push(Effect::Finish(Outcome { text, ending, rounds, tokens, steps }));
        self.phase = Phase::Over;
    }

    fn gather(&mut self, piece: Delta, effects: &mut Vec<Effect>) {
        let Phase::Asking(gathered, _) = &mut self.phase else { return };
        match piece {
            Delta::Notice(text) => effects.push(Effect::Tell(Progress::Notice(text))),
            Delta::Thinking(text) => effects.push(Effect::Tell(Progress::Thinking(text))),
            Delta::Text(text) if !gathered.cut => {
                let room = MOST_TEXT.saturating_sub(gathered.text.len());
                let kept = head(&text, room);
                gathered.text.push_str(kept);
                if !kept.is_empty() {
                    effects.push(Effect::Tell(Progress::Text(kept.to_owned())));
                }
                if kept.len() < text.len() {
                    gathered.cut = true;
                    effects
                        .push(Effect::Tell(Progress::Notice(format!("the answer is longer than {MOST_TEXT} bytes; the rest is left out"))));
                }
            }
            Delta::Text(_) => {}
            Delta::ToolUse(wanted) if gathered.wanted.len() < MOST_WANTED => gathered.wanted.push(wanted),
            Delta::ToolUse(_) => {}
            Delta::Usage(tokens) => gathered.tokens = tokens,
            Delta::Stop(stop) => gathered.stop = Some(stop),
        }
    }

    fn answered(&mut self, gathered: Gathered, last: Option<Ending>, effects: &mut Vec<Effect>) {
        add(&mut self.tokens, gathered.tokens);
        self.meter.settles(gathered.tokens);
        let Gathered { text, cut, wanted, stop, .. } = gathered;
        if let Some(ending) = last {
            return self.finish(&text, ending, effects);
        }
        if wanted.is_empty() {
            return match (stop, text.trim().is_empty()) {
                (Some(StopReason::Refused), true) => self.finish("The model refused to answer.", Ending::Refused, effects),
                (Some(StopReason::Refused), false) => self.finish(&text, Ending::Refused, effects),
                (Some(StopReason::Length), false) => self.finish(&text, Ending::TooLong, effects),
                (_, false) => self.finish(&text, if cut { Ending::TooLong } else { Ending::Answered }, effects),
                // Nothing was said: one more call makes the model say what it did (D-82).
                (_, true) => self.ask(Some(Ending::Answered), effects),
            };
        }
        let mut blocks = Vec::new();
        if !text.trim().is_empty() {
            blocks.push(Block::Text(text));
        }
        let mut queue = VecDeque::with_capacity(wanted.len());
        for (index, raw) in wanted.iter().enumerate() {
            let verdict = judge(raw, index, &mut self.belt, &mut self.circles, &mut self.ids, &self.limits);
            let (Verdict::Run(wanted) | Verdict::Answer(wanted, _)) = &verdict;
            blocks.push(Block::ToolUse(wanted.clone()));
            queue.push_back(verdict);
        }
        self.messages.push(Message { speaker: Speaker::Model, blocks });
        self.phase = Phase::Working { running: None, queue, results: Vec::new(), worked: false };
        self.work(effects);
    }

    /// Goes on with the tools until one has to run or all are answered.
    fn work(&mut self, effects: &mut Vec<Effect>) {
        loop {
            let Phase::Working { running, queue, .. } = &mut self.phase else { return };
            let Some(verdict) = queue.pop_front() else { return self.worked(effects) };
            let (Verdict::Run(wanted) | Verdict::Answer(wanted, _)) = &verdict;
            let (id, name, input) = (wanted.id.clone(), wanted.name.clone(), wanted.input.clone());
            effects.push(Effect::Tell(Progress::ToolBegun { id, name, input }));
            match verdict {
                Verdict::Run(wanted) => {
                    *running = Some(wanted.clone());
                    effects.push(Effect::Run(wanted));
                    return;
                }
                Verdict::Answer(wanted, answer) => self.tool_answered(&wanted, answer, effects),
            }
        }
    }

    fn tool_answered(&mut self, wanted: &ToolUse, answer: Result<String, String>, effects: &mut Vec<Effect>) {
        let failed = answer.is_err();
        let content = match answer {
            Ok(content) => bounded(content, self.limits.result_bytes),
            Err(problem) => json!({ "error": bounded(problem, self.limits.result_bytes) }).to_string(),
        };
        self.steps.push(Step { tool: wanted.name.clone(), failed });
        let (id, name) = (wanted.id.clone(), wanted.name.clone());
        effects.push(Effect::Tell(Progress::ToolEnded { id, name, content: content.clone(), failed }));
        if let Phase::Working { results, worked, .. } = &mut self.phase {
            *worked |= !failed;
            results.push(ToolResult { id: wanted.id.clone(), content, failed });
        }
    }

    /// Every tool of the answer is answered.
    fn worked(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Working { results, worked, .. } = std::mem::replace(&mut self.phase, Phase::Over) else { return };
        self.messages.push(Message { speaker: Speaker::Person, blocks: results.into_iter().map(Block::ToolResult).collect() });
        let circles = self.circles.round(worked, self.limits.vain_rounds);
        let last = if circles {
            Some(Ending::Loop)
        } else if self.rounds >= self.limits.rounds {
            Some(Ending::Rounds)
        } else if self.tokens.total() >= self.limits.turn_tokens {
            Some(Ending::Tokens)
        } else {
            None
        };
        self.ask(last, effects);
    }
}

/// What the system prompt ends with when no tool may be used any more.
const LAST_WORDS: &str =
    "\n\nNow answer without using tools. In a few sentences: what was done, what failed and why, and what is left to do.";

/// The longest beginning of `text` that has at most `bytes` bytes.
fn head(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The text, cut with a word about it when it is too long.
fn bounded(text: String, bytes: usize) -> String {
    if text.len() <= bytes {
        return text;
    }
    format!("{}\n[cut here; the whole has {} bytes. Ask for less: a filter, a smaller page]", head(&text, bytes), text.len())
}

/// What has to be done when `event` happens to the turn. What does not fit its phase changes nothing.
pub fn turn(state: &mut Turn, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    match event {
        Event::Begin if matches!(state.phase, Phase::New) => state.ask(None, &mut effects),
        Event::Piece(piece) => state.gather(piece, &mut effects),
        Event::Answered => {
            if let Phase::Asking(gathered, last) = &mut state.phase {
                let (gathered, last) = (std::mem::take(gathered), *last);
                state.answered(gathered, last, &mut effects);
            }
        }
        Event::Failed(error) => {
            if let Phase::Asking(gathered, last) = &mut state.phase {
                let (gathered, last) = (std::mem::take(gathered), *last);
                add(&mut state.tokens, gathered.tokens);
                if let (Some(ending), false) = (last, state.steps.is_empty()) {
                    // The work is done; only the words about it are missing.
                    state.finish("", ending, &mut effects);
                } else {
                    effects.push(Effect::Fail(Failure { error, tokens: state.tokens, steps: state.steps.clone() }));
                    state.phase = Phase::Over;
                }
            }
        }
        Event::ToolDone(answer) => {
            if let Phase::Working { running, .. } = &mut state.phase
                && let Some(wanted) = running.take()
            {
                state.circles.answered(&wanted, answer.as_ref().map_or_else(String::as_str, String::as_str));
                state.tool_answered(&wanted, answer, &mut effects);
                state.work(&mut effects);
            }
        }
        Event::Cancelled => state.phase = Phase::Over,
        Event::Begin => {}
    }
    effects
}
