//! A conversation on a real terminal: a pseudo-terminal whose keys and picture are ours.

use std::io::{Read as _, Write as _};
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use aq_proto::v1;
use aq_proto::v1::chat_response::Event;
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use tonic::Status;

use crate::fake::{Environment, Fake};

/// How long anything that is waited for may take; it bounds a failure and never a success.
const PATIENCE: Duration = Duration::from_secs(60);
const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const BACKSPACE: &str = "\u{7f}";

/// A program on a terminal of its own.
struct Terminal {
    child: Child,
    keys: Arc<Pty>,
    pieces: Receiver<Vec<u8>>,
    /// What was shown behind what was looked for last.
    shown: String,
    whole: String,
}

impl Terminal {
    fn start(environment: &Environment, args: &[&str]) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(24, 80)).unwrap();
        let usual = environment.command(args);
        let mut command = Command::new(usual.get_program()).args(usual.get_args()).env_clear().env("TERM", "xterm").env("NO_COLOR", "1");
        for (name, value) in usual.get_envs() {
            command = command.env(name, value.unwrap_or_default());
        }
        let child = command.current_dir(environment.dir.path()).spawn(pts).unwrap();
        let (keys, (sender, pieces)) = (Arc::new(pty), mpsc::channel());
        let picture = Arc::clone(&keys);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // When the program ends, its terminal does: an error on this side.
            while let Ok(count @ 1..) = (&*picture).read(&mut piece) {
                if sender.send(piece[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keys, pieces, shown: String::new(), whole: String::new() }
    }

    fn types(&self, keys: &str) {
        (&*self.keys).write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown behind what was waited for before.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        loop {
            if let Some((_, rest)) = self.shown.split_once(text) {
                self.shown = rest.to_owned();
                return;
            }
            let piece = self.pieces.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{text:?}: {error}:\n{}", self.whole));
            let piece = String::from_utf8_lossy(&piece).into_owned();
            self.shown.push_str(&piece);
            self.whole.push_str(&piece);
        }
    }

    /// The code with which it ended, and everything that was shown.
    fn ends(mut self) -> (Option<i32>, String) {
        while let Ok(piece) = self.pieces.recv_timeout(PATIENCE) {
            self.whole.push_str(&String::from_utf8_lossy(&piece));
        }
        (self.child.wait().unwrap().code(), self.whole.clone())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn turn(events: Vec<Event>) -> Vec<Result<v1::ChatResponse, Status>> {
    events.into_iter().map(|event| Ok(v1::ChatResponse { event: Some(event) })).collect()
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn finished(text: &str) -> Event {
    Event::Finished(v1::ChatFinished { text: text.to_owned(), ..Default::default() })
}

/// F-174, F-175, commands R14: a conversation on a terminal. Keys are edited before they are said; text is shown as it comes, tools as they begin and fail; Ctrl-C cancels a
/// turn, with what was said so far remembered, or the line that was typed, and never ends the program; Ctrl-D ends it.
#[test]
#[expect(clippy::disallowed_methods, reason = "a failure is bounded, and no success depends on it")]
fn a_conversation_on_a_terminal() {
    let fake = Fake::default();
    let begun = v1::ChatToolBegun { use_id: "1".into(), tool: "get_task".into(), arguments_json: "{\"task_id\":\"x\"}".into() };
    let result_json = "{\"error\":\"task `x` not found\"}".to_owned();
    let ended = v1::ChatToolEnded { use_id: "1".into(), tool: "get_task".into(), failed: true, result_json };
    let first = vec![
        Event::Round(v1::ChatRound { number: 1 }),
        text("I look. "),
        Event::ToolBegun(begun),
        Event::ToolEnded(ended),
        Event::Round(v1::ChatRound { number: 2 }),
        text("There is \u{1b}[31mno "),
        text("task x."),
        finished("There is \u{1b}[31mno task x."),
    ];
    // Behind its last message the stream stays open and silent.
    let second = vec![Event::Round(v1::ChatRound { number: 1 }), text("Half an ans")];
    let turns = [first, second, Vec::new(), vec![finished("Third.")]];
    fake.turns.lock().unwrap().extend(turns.map(turn));
    let server = fake.start();
    let mut terminal = Terminal::start(&Environment::with_server(server.address), &["chat"]);
    terminal.shows("Ctrl-C cancels a turn, Ctrl-D ends");
    terminal.shows("› ");
    terminal.types(&format!("what iss{BACKSPACE} x?\r"));
    for shown in ["I look. \r\n", "· get_task {\"task_id\":\"x\"}\r\n", "did not work: task `x` not found\r\n", "There is no task x.\r\n› "]
    {
        terminal.shows(shown);
    }
    terminal.types("second\r");
    terminal.shows("Half an ans");
    terminal.types(CTRL_C);
    terminal.shows("\r\ncancelled; what was done stays done\r\n› ");
    // Nothing came yet.
    terminal.types("quiet\r");
    terminal.shows("quiet\r\n");
    let end = std::time::Instant::now() + PATIENCE;
    while fake.said.lock().unwrap().len() < 3 {
        assert!(std::time::Instant::now() < end, "nothing was said: {}", terminal.whole);
        std::thread::yield_now();
    }
    terminal.types(CTRL_C);
    terminal.shows("cancelled; what was done stays done\r\n› ");
    terminal.types("half a line");
    terminal.shows("half a line");
    terminal.types(CTRL_C);
    terminal.shows("\r\nCtrl-D ends\r\n› ");
    terminal.types("/exti\r");
    terminal.shows("there is no /exti; /project NAME, /new and /exit are known\r\n› ");
    terminal.types("third\r");
    terminal.shows("Third.\r\n› ");
    terminal.types(CTRL_D);
    let (code, whole) = terminal.ends();
    assert_eq!(code, Some(0), "{whole}");
    assert!(whole.ends_with("› \r\n"), "{whole:?}");
    assert!(!whole.contains("\u{1b}[31m"), "{whole:?}");
    let asked = fake.said.lock().unwrap();
    let said: Vec<_> = asked.iter().map(|request| (request.text.as_str(), request.history.len())).collect();
    assert_eq!(said, [("what is x?", 0), ("second", 2), ("quiet", 4), ("third", 6)]);
    assert_eq!((asked[3].history[3].text.as_str(), asked[3].history[5].text.as_str()), ("Half an ans", "(cancelled)"));
}
