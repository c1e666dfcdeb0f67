//! The `command` runtime.

use aq_core::output::{FailureClass, LineStream, OutputBody};
use aq_core::runner_link::{Answer, RunOutcome};
use aq_core::runtime::RuntimeKind;
use aq_runner::runtimes::{LaunchRefused, runtime};
use aq_runner::shim::StdinMode;
use aq_runner::spool::RawKind;

use crate::bench::{exit_code, fresh, plan, raw, start};

/// Placeholders decide where the prompt goes; without one it is the input.
#[test]
fn the_prompt_goes_where_it_is_wanted() {
    let mut start = start(RuntimeKind::Command);
    assert_eq!(plan(&start), Err(LaunchRefused::NoCommand));
    start.profile.command = ["tool", "--title={title}"].map(str::to_owned).into();
    let piped = plan(&start).unwrap();
    assert_eq!(piped.argv, ["tool", "--title=A title"]);
    assert_eq!((piped.stdin, piped.close_stdin, piped.frames[0].bytes.as_slice()), (StdinMode::Held, true, b"Do it\n".as_slice()));
    start.profile.command = ["tool", "{prompt}", "{task}"].map(str::to_owned).into();
    let argument = plan(&start).unwrap();
    assert_eq!(
        (argument.argv.as_slice(), argument.stdin),
        (["tool", "Do it", "swift-fox"].map(str::to_owned).as_slice(), StdinMode::Closed)
    );
    start.profile.command = ["tool", "@{prompt_file}"].map(str::to_owned).into();
    let file = plan(&start).unwrap();
    assert_eq!(file.argv[1], "@/home/of/task/.aq-prompt-swift-fox.1.md");
    assert_eq!(file.files[0].1, "Do it");
}

/// R4: the exit code is the word; the last line is the summary; nobody can talk to it.
#[test]
fn exit_codes_decide() {
    let mut lines = fresh(RuntimeKind::Command);
    let step = lines.line(&raw(RawKind::Stdout, "{\"type\":\"result\"} done\r"));
    let line = OutputBody::Line { stream: LineStream::Stdout, text: "{\"type\":\"result\"} done".to_owned(), truncated: false };
    assert_eq!(step.items, [line]);
    drop(lines.line(&raw(RawKind::Stderr, "warning: old")));
    drop(lines.line(&raw(RawKind::Stdout, "  ")));
    assert_eq!(lines.answer("r", &Answer::Allow), None);
    assert_eq!(lines.message("m", "hi"), None);
    let mut again = runtime(RuntimeKind::Command).restore(&lines.state()).unwrap();
    assert_eq!(again.end(&exit_code(0)).outcome, RunOutcome::Succeeded { summary: "{\"type\":\"result\"} done".to_owned() });
    let failed = again.end(&exit_code(3)).outcome;
    assert_eq!(failed, RunOutcome::Failed { class: FailureClass::Agent, message: "exit code 3: warning: old".to_owned() });
}
