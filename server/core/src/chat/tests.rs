//! Turns as tables; as random histories they are in `histories`.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::ids::ProjectId;
use crate::output::TokenUsage;
use crate::principal::Role;

fn spec(name: &str) -> ToolSpec {
    ToolSpec { name: name.into(), description: String::new(), schema: json!({ "type": "object", "properties": {} }) }
}

pub(super) fn belt() -> Belt {
    let group = |name: &str, core, tools: &[&str]| Group {
        name: name.into(),
        description: format!("about {name}"),
        core,
        tools: tools.iter().map(|name| spec(name)).collect(),
    };
    Belt::new(vec![group("tasks", true, &["create_task", "list_tasks"]), group("git", false, &["list_commits"])])
}

pub(super) fn limits() -> Limits {
    Limits { rounds: 4, turn_tokens: 100_000, ..Limits::default() }
}

pub(super) fn begun(limits: Limits) -> Turn {
    let messages = transcript(&[], "Ann", "do it").unwrap();
    let mut state = Turn::new(limits, Purpose::Chat, String::new(), "system".into(), messages, belt());
    let effects = turn(&mut state, Event::Begin);
    assert!(asked(&effects).is_some(), "{effects:?}");
    state
}

pub(super) fn asked(effects: &[Effect]) -> Option<&ModelCall> {
    effects.iter().find_map(|effect| if let Effect::Ask(call) = effect { Some(call.as_ref()) } else { None })
}

pub(super) fn run(effects: &[Effect]) -> Option<&ToolUse> {
    effects.iter().find_map(|effect| if let Effect::Run(wanted) = effect { Some(wanted) } else { None })
}

fn finished(effects: &[Effect]) -> Option<&Outcome> {
    effects.iter().find_map(|effect| if let Effect::Finish(outcome) = effect { Some(outcome) } else { None })
}

pub(super) fn wants(name: &str, arguments: &str) -> Delta {
    Delta::ToolUse(RawToolUse { id: String::new(), name: name.into(), arguments: arguments.into() })
}

/// An answer of these pieces.
pub(super) fn answer(state: &mut Turn, pieces: &[Delta]) -> Vec<Effect> {
    let mut effects: Vec<Effect> = pieces.iter().flat_map(|piece| turn(state, Event::Piece(piece.clone()))).collect();
    effects.extend(turn(state, Event::Answered));
    effects
}

/// The result of the last tool that the model is told.
fn last_result(state: &Turn) -> ToolResult {
    match state.messages().last().unwrap().blocks.last().unwrap() {
        Block::ToolResult(result) => result.clone(),
        other => panic!("{other:?}"),
    }
}

/// F-174, F-175: text is passed on as it comes, tools run in order, and the answer is the text of the last call.
#[test]
fn tools_run_and_the_last_text_is_the_answer() {
    let mut state = begun(limits());
    let usage = Delta::Usage(TokenUsage { input: 10, output: 5, ..Default::default() });
    let pieces = [Delta::Text("I look.".into()), wants("list_tasks", ""), wants("create_task", "{\"title\":\"x\"}"), usage];
    let effects = answer(&mut state, &pieces);
    assert!(effects.contains(&Effect::Tell(Progress::Text("I look.".into()))));
    let first = run(&effects).unwrap().clone();
    assert_eq!((first.name.as_str(), first.id.as_str()), ("list_tasks", "call_1"));
    let effects = turn(&mut state, Event::ToolDone(Ok("[]".into())));
    assert_eq!(run(&effects).unwrap().input, json!({ "title": "x" }).as_object().unwrap().clone());
    let effects = turn(&mut state, Event::ToolDone(Err("no".into())));
    let call = asked(&effects).unwrap();
    assert_eq!(call.messages.len(), 3);
    assert_eq!(call.messages[1].blocks.len(), 3, "the text before the tools is kept");
    assert_eq!(last_result(&state), ToolResult { id: "call_2".into(), content: "{\"error\":\"no\"}".into(), failed: true });
    let effects = answer(&mut state, &[Delta::Text(" ✅ done ".into()), Delta::Stop(StopReason::Finished)]);
    let outcome = finished(&effects).unwrap();
    assert_eq!((outcome.text.as_str(), outcome.ending, outcome.rounds, outcome.tokens.total()), ("✅ done", Ending::Answered, 2, 15));
    assert_eq!(outcome.steps.iter().map(|step| step.failed).collect::<Vec<_>>(), [false, true]);
    assert!(state.is_over() && turn(&mut state, Event::Answered).is_empty());
}

/// D-82: an empty answer leads to one more call without tools; when that says nothing either, what was done is told, not a bare "Done".
#[test]
fn an_empty_answer_is_asked_for_once_more() {
    let mut state = begun(limits());
    let _ran = answer(&mut state, &[wants("create_task", "{}")]);
    let _next = turn(&mut state, Event::ToolDone(Ok("{}".into())));
    let effects = answer(&mut state, &[Delta::Text("  ".into())]);
    let call = asked(&effects).unwrap();
    assert!(!call.may_use_tools && !call.tools.is_empty() && call.system.contains("without using tools"));
    let effects = answer(&mut state, &[]);
    assert_eq!(finished(&effects).unwrap().text, "The model gave no answer. Done: create_task.");
}

/// chat R6: the rounds, the tokens, vain rounds and calls that repeat each end the turn with one last call.
#[test]
fn every_loop_ends() {
    type Case = (&'static str, Limits, fn(u32) -> Delta, Result<String, String>, Ending);
    let cases: [Case; 5] = [
        ("rounds", limits(), |round| wants("create_task", &format!("{{\"n\":{round}}}")), Ok("{}".into()), Ending::Rounds),
        ("the same", Limits { rounds: 50, ..limits() }, |_| wants("list_tasks", "{}"), Ok("[]".into()), Ending::Loop),
        ("no such tool", Limits { rounds: 50, ..limits() }, |_| wants("drop_table", "{}"), Ok(String::new()), Ending::Loop),
        ("bad arguments", Limits { rounds: 50, ..limits() }, |_| wants("create_task", "{\"a\":"), Ok(String::new()), Ending::Loop),
        (
            "refusals",
            Limits { rounds: 50, ..limits() },
            |round| wants("create_task", &format!("{{\"n\":{round}}}")),
            Err("no".into()),
            Ending::Loop,
        ),
    ];
    for (name, limits, piece, result, ending) in cases {
        let (rounds, mut state) = (limits.rounds, begun(limits));
        let mut calls = 1;
        let outcome = loop {
            let mut effects = answer(&mut state, &[piece(calls)]);
            while run(&effects).is_some() {
                effects = turn(&mut state, Event::ToolDone(result.clone()));
            }
            match asked(&effects) {
                Some(call) if !call.may_use_tools => {
                    let effects = answer(&mut state, &[piece(0), Delta::Text("that was it".into())]);
                    break finished(&effects).unwrap().clone();
                }
                Some(_) => calls += 1,
                None => panic!("{name}: {effects:?}"),
            }
            assert!(calls <= rounds, "{name}");
        };
        assert_eq!((outcome.ending, outcome.text.as_str()), (ending, "that was it"), "{name}");
        assert!(outcome.rounds <= 7, "{name}: {}", outcome.rounds);
    }
    let mut state = begun(limits());
    let used = Delta::Usage(TokenUsage { output: 98_000, ..Default::default() });
    let _ran = answer(&mut state, &[wants("list_tasks", ""), used]);
    let effects = turn(&mut state, Event::ToolDone(Ok("[]".into())));
    assert!(asked(&effects).unwrap().max_tokens <= 1500, "what is left bounds the answer");
}

/// chat R12: a call is made only when its request and an answer fit into what is left; a round that does not fit becomes the last call, and when that does
/// not fit either, nobody is asked and what was done is told. What the first call cost teaches what the next one will.
#[test]
fn no_call_passes_the_tokens_of_the_turn() {
    let ran = |used: u64, cap: u64, content: &str| {
        let mut state = begun(Limits { turn_tokens: cap, ..limits() });
        let usage = Delta::Usage(TokenUsage { input: used, output: 10, ..Default::default() });
        let _ran = answer(&mut state, &[wants("list_tasks", ""), usage]);
        let effects = turn(&mut state, Event::ToolDone(Ok(content.to_owned())));
        (state, effects)
    };
    // The first call cost 400; the next one, a little longer, fits.
    let (_, effects) = ran(400, 3000, "[]");
    let call = asked(&effects).unwrap();
    assert!(call.may_use_tools && (1900..2190).contains(&call.max_tokens), "{}", call.max_tokens);
    // The conversation has grown by what the tool answered, which may be a token for each byte: it could pass the cap.
    let (state, effects) = ran(400, 3000, &"x".repeat(2200));
    assert!(asked(&effects).is_none() && state.is_over());
    let outcome = finished(&effects).unwrap();
    assert_eq!((outcome.ending, outcome.rounds, outcome.tokens.total()), (Ending::Tokens, 1, 410));
    let (begin, end) =
        ("Another call does not fit into the 3000 tokens of the turn: 410 are used, and it may take 28", ". Done: list_tasks.");
    assert!(outcome.text.starts_with(begin) && outcome.text.ends_with(end), "{}", outcome.text);
    // Not even the first call fits: nothing is asked, nothing is paid.
    let messages = transcript(&[], "Ann", &"long ".repeat(400)).unwrap();
    let small = Limits { turn_tokens: 400, ..limits() };
    let mut state = Turn::new(small, Purpose::Hook, String::new(), "system".into(), messages, belt());
    let effects = turn(&mut state, Event::Begin);
    let outcome = finished(&effects).unwrap();
    assert_eq!((outcome.ending, outcome.rounds, outcome.tokens.total()), (Ending::Tokens, 0, 0));
    assert!(outcome.text.ends_with("nothing was done."), "{}", outcome.text);
}

/// chat R12: a turn that is allowed exactly what it needs is asked, with room for a short answer; with one token less it is told what it needs.
#[test]
fn a_turn_needs_its_first_call_and_a_short_answer() {
    let new = |turn_tokens| {
        let messages = transcript(&[], "Ann", "do it").unwrap();
        Turn::new(Limits { turn_tokens, ..limits() }, Purpose::Chat, String::new(), "system".into(), messages, belt())
    };
    let needs = new(0).needs();
    assert_eq!(asked(&turn(&mut new(needs), Event::Begin)).unwrap().max_tokens, 64);
    let effects = turn(&mut new(needs - 1), Event::Begin);
    let text = &finished(&effects).unwrap().text;
    assert!(asked(&effects).is_none() && text.contains(&format!("it may take {needs}.")), "{text}");
}

/// chat R5: a call that answers differently each time is no loop (waiting for a task).
#[test]
fn looking_again_at_what_changes_is_allowed() {
    let mut state = begun(Limits { rounds: 20, ..limits() });
    for number in 0..10 {
        let _ran = answer(&mut state, &[wants("list_tasks", "{}")]);
        let effects = turn(&mut state, Event::ToolDone(Ok(format!("[{number}]"))));
        assert!(asked(&effects).unwrap().may_use_tools, "{number}");
    }
}

/// chat R4: what cannot run is answered to the model with what helps, and nothing runs.
#[test]
fn what_cannot_run_is_explained() {
    let cases = [
        (wants("list_task", "{}"), "similar: list_tasks"),
        (wants("drop_db", "{}"), "there is no tool `drop_db`; load_tools has more"),
        (wants("\u{1b}[2J", "{}"), "there is no tool `__2J`"),
        (wants("create_task", "{\"title\": \"x"), "no JSON"),
        (wants("create_task", "[1]"), "not a JSON object"),
        (wants("create_task", "\"text\""), "a text, not a JSON object"),
        (wants("list_commits", "{}"), "was not loaded. It is now"),
        (wants("load_tools", "{\"groups\":[\"nothing\"]}"), "not known: nothing"),
        (wants("load_tools", "{}"), "name some of tasks, git"),
    ];
    for (piece, text) in cases {
        let mut state = begun(limits());
        let effects = answer(&mut state, std::slice::from_ref(&piece));
        assert!(run(&effects).is_none() && asked(&effects).is_some(), "{piece:?}");
        let result = last_result(&state);
        assert!(result.failed && result.content.contains(text), "{piece:?}: {}", result.content);
    }
    let mut state = begun(limits());
    let many: Vec<_> = (0..66).map(|number| wants("create_task", &format!("{{\"n\":{number}}}"))).collect();
    let mut effects = answer(&mut state, &many);
    let mut ran = 0;
    while run(&effects).is_some() {
        ran += 1;
        effects = turn(&mut state, Event::ToolDone(Ok("{}".into())));
    }
    assert_eq!((ran, state.messages().last().unwrap().blocks.len()), (16, 64), "no answer may want more than 64 tools, run or refused");
    assert!(last_result(&state).content.contains("at most 16"));
    let long = |bytes: usize| wants("create_task", &format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)));
    assert!(run(&answer(&mut begun(limits()), &[long(256 * 1024)])).is_some());
    let mut state = begun(limits());
    assert!(run(&answer(&mut state, &[long(256 * 1024 + 1)])).is_none());
    assert!(last_result(&state).content.contains("longer than 262144 bytes"));
}

/// chat R4: names that share a word are similar; words of two letters are in too many names to tell anything.
#[test]
fn similar_tools_share_a_word() {
    let tools = ["get_pr", "list_pr_comments", "list_commits"].map(spec).into();
    let belt = Belt::new(vec![Group { name: "git".into(), description: String::new(), core: true, tools }]);
    assert_eq!(belt.alike("comment_list"), ["list_pr_comments", "list_commits"]);
    assert_eq!(belt.alike("open_pr"), Vec::<&str>::new());
}

/// chat R2: a usable id of the provider is kept once; any other use gets one of its own.
#[test]
fn every_use_has_an_id_of_its_own() {
    let (whole, longer) = ("x".repeat(64), "x".repeat(65));
    let cases = [
        (vec!["toolu_01-A", "toolu_01-A", ""], vec!["toolu_01-A", "call_2", "call_3"]),
        (vec!["call_2", "call_2", "call_2", "call_1"], vec!["call_2", "call_3", "call_4", "call_1"]),
        (vec![&whole, &longer, "a b", "ä"], vec![&whole, "call_2", "call_3", "call_4"]),
    ];
    for (given, kept) in cases {
        let wanted = |id: &&str| Delta::ToolUse(RawToolUse { id: (*id).into(), name: "list_tasks".into(), arguments: String::new() });
        let mut state = begun(limits());
        let _ran = answer(&mut state, &given.iter().map(wanted).collect::<Vec<_>>());
        let uses = state.messages().last().unwrap().blocks.iter();
        let ids: Vec<_> = uses.map(|block| if let Block::ToolUse(wanted) = block { wanted.id.as_str() } else { "" }).collect();
        assert_eq!(ids, kept, "{given:?}");
    }
}

/// chat R3: a group is loaded by the model, and its tools are offered from the next call on.
#[test]
fn groups_are_loaded_on_demand() {
    let mut state = begun(limits());
    let effects = answer(&mut state, &[wants("load_tools", "{\"groups\":[\"git\"]}")]);
    let names: Vec<_> = asked(&effects).unwrap().tools.iter().map(|spec| spec.name.clone()).collect();
    assert_eq!(names, ["create_task", "list_tasks", "list_commits"]);
    // A model may name one group as a text, or use a tool before its group is loaded.
    for early in [wants("load_tools", "{\"groups\":\"git\"}"), wants("list_commits", "{}")] {
        let effects = answer(&mut begun(limits()), &[early]);
        assert_eq!(asked(&effects).unwrap().tools.last().unwrap().name, "list_commits", "{effects:?}");
    }
    let mut other = belt();
    other.load("nothing");
    assert_eq!(other, belt());
    let effects = answer(&mut state, &[wants("list_commits", "\"{\\\"a\\\":1}\"")]);
    assert_eq!(run(&effects).unwrap().input, json!({ "a": 1 }).as_object().unwrap().clone());
}

/// chat R7: long answers of the model and of tools are cut, and that is said.
#[test]
fn long_answers_are_cut() {
    let mut state = begun(Limits { result_bytes: 10, ..limits() });
    let _ran = answer(&mut state, &[wants("list_tasks", "")]);
    let _next = turn(&mut state, Event::ToolDone(Ok("äöüäöüäöü".into())));
    assert!(last_result(&state).content.starts_with("äöüäö\n[cut here; the whole has 18 bytes"));
    let piece = Delta::Text("ä".repeat(100_000));
    let effects = answer(&mut state, &[piece.clone(), piece.clone(), piece]);
    let outcome = finished(&effects).unwrap();
    assert_eq!((outcome.text.len(), outcome.ending), (256 * 1024, Ending::TooLong));
    let cuts = effects.iter().filter(|effect| matches!(effect, Effect::Tell(Progress::Notice(text)) if text.contains("left out")));
    assert_eq!(cuts.count(), 1, "a cut is said once, whatever still comes");
}

/// chat R8: a model that fails ends the turn with its error and what was done; when only the last words are missing, what was done is told.
#[test]
fn a_model_that_fails_ends_the_turn() {
    let mut state = begun(limits());
    let _ran = answer(&mut state, &[wants("create_task", "{}")]);
    let _next = turn(&mut state, Event::ToolDone(Ok("{}".into())));
    let effects = turn(&mut state, Event::Failed(ModelError::Cut("gone".into())));
    let Some(Effect::Fail(failure)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((failure.steps.len(), &failure.error), (1, &ModelError::Cut("gone".into())));
    assert_eq!(state.account(), (failure.steps.as_slice(), failure.tokens));
    let mut state = begun(limits());
    let _ran = answer(&mut state, &[wants("create_task", "{}")]);
    let _next = turn(&mut state, Event::ToolDone(Ok("{}".into())));
    let _asked = answer(&mut state, &[]);
    let effects = turn(&mut state, Event::Failed(ModelError::Cut("gone".into())));
    assert_eq!(finished(&effects).unwrap().text, "The model gave no answer. Done: create_task.");
}

/// chat R10, D-82: where the model says nothing, what worked and what failed is named.
#[test]
fn what_was_done_is_told() {
    let step = |tool: &str, failed| Step { tool: tool.into(), failed };
    let cases = [
        (vec![], "and nothing was done."),
        (vec![step("a", false), step("b", false)], "Done: a, b."),
        (vec![step("a", true)], "Nothing was done; these failed: a."),
        (vec![step("a", true), step("b", false)], "Done: b. These failed: a."),
    ];
    for (steps, ending) in cases {
        let text = outcome::told(&steps);
        assert!(text.starts_with("The model gave no answer") && text.ends_with(ending), "{text}");
    }
}

/// F-179: a summary is asked for with who said what, one line each; a person whose name is not told is a person.
#[test]
fn a_summary_tells_who_said_what() {
    let said = |speaker, author: &str, text: &str| Said { speaker, author: author.into(), text: text.into() };
    let call =
        summary_call("m", &[said(Speaker::Person, " Ann ", "hi "), said(Speaker::Model, "x", "yes"), said(Speaker::Person, " ", "go")]);
    let [Block::Text(text)] = call.messages[0].blocks.as_slice() else { panic!("{call:?}") };
    assert!(text.ends_with("\n\nAnn: hi\nassistant: yes\nperson: go\n"), "{text}");
    assert_eq!((call.purpose, call.may_use_tools, call.max_tokens), (Purpose::Summary, false, SUMMARY_TOKENS));
}

/// chat R9: after a cancel nothing happens any more.
#[test]
fn a_cancelled_turn_is_over() {
    let mut state = begun(limits());
    let _ran = answer(&mut state, &[wants("create_task", "{}")]);
    assert!(turn(&mut state, Event::Cancelled).is_empty());
    assert!(turn(&mut state, Event::ToolDone(Ok("{}".into()))).is_empty() && state.is_over());
}

/// F-177, D-79: the thirteen rules are in the prompt, each tool that they name is listed, and so is the active project.
#[test]
fn the_prompt_holds_the_rules() {
    let (belt, project) = (belt(), ProjectId::parse("app").unwrap());
    let text = system_prompt(&Situation { role: Role::Viewer, project: Some(&project), belt: &belt });
    for (number, rule) in (1..).zip(RULES) {
        assert!(text.contains(&format!("{number}. {rule}\n")), "{number}");
    }
    let quoted: BTreeSet<&str> =
        RULES.iter().flat_map(|rule| rule.split('`').skip(1).step_by(2)).filter(|word| word.contains('_')).collect();
    assert_eq!(quoted, NAMED_TOOLS.into_iter().chain(["project_id"]).filter(|name| quoted.contains(name)).collect());
    insta::assert_snapshot!(text);
}

/// chat Failures: what may pass by itself is told from what a person has to mend; each call is named by what it is for.
#[test]
fn some_errors_pass() {
    let why = || "why".to_owned();
    let passing = [
        ModelError::Limited { retry_after_ms: None, message: why() },
        ModelError::Overloaded(why()),
        ModelError::Unreachable(why()),
        ModelError::Cut(why()),
    ];
    let staying = [ModelError::NotConfigured(why()), ModelError::Auth(why()), ModelError::Rejected(why()), ModelError::Malformed(why())];
    assert!(passing.iter().all(ModelError::passes) && !staying.iter().any(ModelError::passes));
    let purposes = [Purpose::Chat, Purpose::Summary, Purpose::Hook, Purpose::Plan];
    assert_eq!(purposes.map(Purpose::as_str), ["chat", "summary", "hook", "plan"]);
}
