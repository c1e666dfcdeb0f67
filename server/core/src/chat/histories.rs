//! Turns as random histories: what holds whatever a model says and its tools answer.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::tests::{answer, asked, begun, belt, limits, run, wants};
use super::*;
use crate::output::TokenUsage;

#[derive(Clone, Debug)]
enum Act {
    Piece(Delta),
    Answered,
    Failed,
    Tool(bool),
    Cancel,
    Begin,
}

fn act() -> impl Strategy<Value = Act> {
    let name = prop::sample::select(vec!["create_task", "list_tasks", "list_commits", "load_tools", "nothing", ""]);
    let arguments = prop::sample::select(vec!["", "{}", "{\"a\":1}", "[", "null", "7", "{\"groups\":[\"git\"]}", "{\"groups\":null}"]);
    let wanted = (name, arguments, "[a-c]{0,2}")
        .prop_map(|(name, arguments, id)| Act::Piece(Delta::ToolUse(RawToolUse { id, name: name.into(), arguments: arguments.into() })));
    prop_oneof![
        4 => wanted,
        3 => "[ a]{0,3}".prop_map(|text| Act::Piece(Delta::Text(text))),
        1 => (0_u64..400).prop_map(|input| Act::Piece(Delta::Usage(TokenUsage { input, ..Default::default() }))),
        1 => Just(Act::Piece(Delta::Stop(StopReason::Length))),
        6 => Just(Act::Answered),
        6 => any::<bool>().prop_map(Act::Tool),
        1 => Just(Act::Failed),
        1 => Just(Act::Begin),
    ]
}

/// Every tool that the model wanted has exactly one answer behind it, in order, and ids are never used twice.
fn is_sound(messages: &[Message]) -> Result<(), TestCaseError> {
    let mut ids = BTreeSet::new();
    for pair in messages.windows(2) {
        prop_assert_ne!(pair[0].speaker, pair[1].speaker);
        let wanted: Vec<_> = pair[0]
            .blocks
            .iter()
            .filter_map(|block| if let Block::ToolUse(wanted) = block { Some(wanted.id.clone()) } else { None })
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let answered: Vec<_> = pair[1]
            .blocks
            .iter()
            .filter_map(|block| if let Block::ToolResult(result) = block { Some(result.id.clone()) } else { None })
            .collect();
        prop_assert_eq!(&wanted, &answered);
        for id in wanted {
            prop_assert!(!id.is_empty() && ids.insert(id));
        }
    }
    Ok(())
}

/// What the dearest tokeniser makes of a request: a token of every byte that is not ours, of every other byte that is, and around everything what providers are
/// known to put there.
fn dearest(call: &ModelCall) -> u64 {
    let own: usize = call.system.len()
        + call.tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.schema.to_string().len()).sum::<usize>();
    let said = |block: &Block| match block {
        Block::Text(text) => text.len(),
        Block::ToolUse(wanted) => wanted.name.len() + Value::Object(wanted.input.clone()).to_string().len(),
        Block::ToolResult(result) => result.content.len(),
    };
    let said: usize = call.messages.iter().flat_map(|message| &message.blocks).map(|block| said(block) + 12).sum();
    u64::try_from(own / 2 + said + 12 * call.tools.len() + 530).unwrap()
}

proptest! {
    /// chat R2, R6: whatever a model says, calls are bounded, every call is well-formed, an answer is never empty, and the end is the end.
    #[test]
    fn any_history_is_bounded(acts in prop::collection::vec(act(), 0..120), cancelled in any::<bool>()) {
        let mut state = begun(limits());
        let (mut calls, mut ends) = (1, 0);
        for act in acts.into_iter().chain(cancelled.then_some(Act::Cancel)) {
            let was_over = state.is_over();
            let effects = turn(&mut state, match act {
                Act::Piece(piece) => Event::Piece(piece),
                Act::Answered => Event::Answered,
                Act::Failed => Event::Failed(ModelError::Cut(String::new())),
                Act::Tool(true) => Event::ToolDone(Ok("{}".into())),
                Act::Tool(false) => Event::ToolDone(Err("no".into())),
                Act::Cancel => Event::Cancelled,
                Act::Begin => Event::Begin,
            });
            prop_assert!(!was_over || effects.is_empty());
            for effect in &effects {
                match effect {
                    Effect::Ask(call) => {
                        calls += 1;
                        is_sound(&call.messages)?;
                        prop_assert_eq!(call.messages.last().unwrap().speaker, Speaker::Person);
                    }
                    Effect::Finish(outcome) => {
                        ends += 1;
                        prop_assert!(!outcome.text.trim().is_empty());
                    }
                    Effect::Fail(_) => ends += 1,
                    Effect::Run(wanted) => prop_assert!(["create_task", "list_tasks", "list_commits"].contains(&wanted.name.as_str())),
                    Effect::Tell(_) => {}
                }
            }
        }
        prop_assert!(calls <= limits().rounds + 1, "{} calls", calls);
        prop_assert!(ends <= 1);
    }

    /// chat R12: whatever the tokeniser makes of a request, however long the answers are and whatever tools say, no turn costs more than its tokens, and what is asked
    /// has room for an answer.
    #[test]
    fn no_turn_costs_more_than_its_tokens(
        cap in 0_u64..60_000,
        text in "\\PC{0,400}",
        share in 1_u64..=8,
        rounds in prop::collection::vec((0_u64..=8, 0_usize..9000, any::<bool>()), 0..30),
    ) {
        let messages = transcript(&[], "Ann", &format!("do it {text}")).unwrap();
        let mut state = Turn::new(Limits { rounds: 50, turn_tokens: cap, ..limits() }, Purpose::Hook, String::new(), "system".into(), messages, belt());
        let mut effects = turn(&mut state, Event::Begin);
        let mut spent = 0;
        for (index, (long, result, loads)) in rounds.into_iter().enumerate() {
            let Some(call) = asked(&effects).cloned() else { break };
            prop_assert!(call.max_tokens >= 64);
            let input = dearest(&call).div_ceil(share);
            let output = u64::from(call.max_tokens) * long / 8;
            spent += input + output;
            prop_assert!(spent <= cap, "{} of {} after call {}", spent, cap, index);
            let wanted = if loads { wants("load_tools", "{\"groups\":[\"git\"]}") } else { wants("list_tasks", &format!("{{\"n\":{index}}}")) };
            let usage = Delta::Usage(TokenUsage { input, output, ..Default::default() });
            effects = answer(&mut state, &[wanted, usage]);
            if run(&effects).is_some() {
                effects = turn(&mut state, Event::ToolDone(Ok("é".repeat(result / 2))));
            }
        }
        prop_assert!(state.account().1.total() <= cap);
    }
}
