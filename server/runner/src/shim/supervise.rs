//! The shim's life: start the agent, carry its streams, keep its limits, end everything, leave a record. One thread, one loop.
//!
//! Spec: specs/server/runner/shim.md

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Signal, WaitStatus, getpid, set_child_subreaper, set_dumpable_behavior, setsid};

use super::agent::{Agent, Pipes};
use super::control::Control;
use super::folder::{RunFolder, is_known};
use super::ladder::{Ladder, Step, View};
use super::lines::LineCutter;
use super::note::Note;
use super::spec::{ExitRecord, FORMAT, RunFile, ShimSpec, TimedOut};
use super::stdin::AgentStdin;
use super::wire::{Refusal, Reply, Request};
use crate::process::clock::{monotonic, now};
use crate::process::{boot_id, cgroup, kill_pass, read_stat};
use crate::sandbox::SandboxLevel;
use crate::spool::{RawKind, Writer};

/// What the shim tells its launcher when the run file is in place. Anything else is an error in words.
pub(super) const READY: &str = "ready";

/// Longest sleep of the loop: orphans that ended meanwhile are reaped this often at least.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Silence after which the last lines beyond the output limit are written.
const QUIET: Duration = Duration::from_millis(200);

/// The greatest number of a signal.
const LAST_SIGNAL: i32 = 64;

/// How much is read from a pipe at once.
const READ_BYTES: usize = 256 * 1024;

/// Is the shim of the run in `folder`. Returns when the run is over and its record is durable.
pub(crate) fn run(folder: &Path) -> ExitCode {
    close_inherited();
    let folder = RunFolder::new(folder);
    match Supervisor::start(folder) {
        Ok(mut supervisor) => {
            tell_launcher(READY);
            supervisor.work();
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell_launcher(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Closes whatever our launcher's own launcher let through: only the standard streams are ours.
fn close_inherited() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // One of them was the listing itself and is closed already.
        nix::unistd::close(fd).ok();
    }
}

/// Says one line to the launcher and lets go of it: from here on nobody may hold us by a pipe.
fn tell_launcher(words: &str) {
    // A launcher that died meanwhile will find us by our files.
    drop(writeln!(io::stdout(), "{words}"));
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        rustix::stdio::dup2_stdout(&null).ok();
    }
}

/// One of the agent's output streams.
struct Stream {
    kind: RawKind,
    pipe: Option<OwnedFd>,
    lines: LineCutter,
}

/// The leader's exit code, or the signal that ended it. `bwrap` answers for the agent as a shell does: 128 and the signal's number.
fn ending(status: WaitStatus, level: SandboxLevel) -> (Option<i32>, Option<i32>) {
    match status.exit_status() {
        Some(code) if level == SandboxLevel::Bwrap && (129..=128 + LAST_SIGNAL).contains(&code) => (None, Some(code - 128)),
        code => (code, status.terminating_signal()),
    }
}

struct Supervisor {
    folder: RunFolder,
    spec: ShimSpec,
    agent: Agent,
    has_children: bool,
    streams: [Stream; 2],
    stdin: AgentStdin,
    control: Control,
    spool: Writer,
    ladder: Ladder,
    cgroup: Option<std::path::PathBuf>,
    started: Instant,
    last_sign: Instant,
    silence: Duration,
    exit: ExitRecord,
    buffer: Vec<u8>,
    /// Held for life: two shims never serve one folder.
    _lock: File,
}

impl Supervisor {
    fn start(folder: RunFolder) -> Result<Self, Box<dyn std::error::Error>> {
        let spec = folder.read_spec()?;
        if !is_known(spec.format) {
            return Err(format!("the run folder has format {}, this shim knows up to {FORMAT}", spec.format).into());
        }
        let lock = folder.lock().map_err(|error| format!("another shim serves this run: {error}"))?;
        if folder.is_given_up() {
            return Err("this run was given up before it started".into());
        }
        if folder.has_exit() || folder.read_run().is_ok() {
            return Err("this run was started before".into());
        }
        // The leader of a group already cannot start a session; then it is apart from its launcher's group just the same.
        setsid().ok();
        set_child_subreaper(Some(getpid()))?;
        // Hides our memory, which holds the agent's credentials, from processes of the same user. Best effort.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
        let spool = Writer::create(&folder.file("spool"), spec.limits.output_bytes)?;
        let control = Control::open(&folder.socket_candidates(), &spec.key, spec.epoch)?;
        let cgroup = cgroup::create(&spec.mark);
        let own = read_stat(getpid().as_raw_nonzero().get()).ok_or("/proc is not mounted")?.identity();
        let (agent, pipes) = Agent::start(&folder, &spec)?;
        let run = RunFile {
            format: FORMAT,
            run: spec.run.clone(),
            epoch: spec.epoch,
            mark: spec.mark.clone(),
            shim: own,
            agent: agent.identity,
            boot_id: boot_id()?,
            socket: control.path().to_owned(),
            cgroup: cgroup.clone(),
            started_at_ms: now().as_millis(),
        };
        if let Err(error) = folder.write_run(&run) {
            // Nobody could ever find this run again, so it must not go on.
            kill_pass(Some(own.pid), &spec.mark);
            return Err(error.into());
        }
        let Pipes { stdin, stdout, stderr } = pipes;
        let stream = |kind, pipe| Stream { kind, pipe: Some(pipe), lines: LineCutter::default() };
        let at = monotonic();
        Ok(Self {
            exit: ExitRecord { format: FORMAT, run: spec.run.clone(), ..ExitRecord::default() },
            silence: Duration::from_millis(spec.limits.silence_ms),
            streams: [stream(RawKind::Stdout, stdout), stream(RawKind::Stderr, stderr)],
            stdin: AgentStdin::new(stdin),
            has_children: true,
            ladder: Ladder::new(),
            started: at,
            last_sign: at,
            buffer: vec![0; READ_BYTES],
            folder,
            spec,
            agent,
            control,
            spool,
            cgroup,
            _lock: lock,
        })
    }

    fn work(&mut self) {
        while self.advance() {
            self.wait();
        }
        for stream in &mut self.streams {
            let (kind, spool) = (stream.kind, &mut self.spool);
            stream.lines.finish(|line, dropped| spool.line(kind, line, dropped, now().as_millis()));
        }
        if let Some(cgroup) = &self.cgroup {
            cgroup::remove(cgroup);
        }
        self.record();
    }

    /// Keeps the limits and takes the ladder's next step. False when the run is over.
    fn advance(&mut self) -> bool {
        let at = monotonic();
        self.has_children = self.agent.reap();
        if self.agent.status().is_some() {
            self.stdin.abandon();
        }
        if self.ladder.is_running() && self.agent.status().is_none() {
            self.keep_limits(at);
        }
        let view = View {
            now: at,
            leader_ended: self.agent.status().is_some(),
            has_children: self.has_children,
            pipes_open: self.streams.iter().any(|stream| stream.pipe.is_some()),
        };
        loop {
            match self.ladder.step(view) {
                Step::Wait => return true,
                Step::Terminate => {
                    self.agent.signal_group(Signal::TERM);
                    return true;
                }
                Step::Kill => {
                    // Whoever was found needs a moment to die.
                    if self.kill() > 0 || self.has_children {
                        return true;
                    }
                }
                Step::Finish => return false,
            }
        }
    }

    /// One kill pass; returns how many it found. A subreaper without children has no descendants: then only marks are left to look for,
    /// and once is enough.
    fn kill(&mut self) -> usize {
        let proven = !self.has_children && self.ladder.was_empty();
        if let Some(cgroup) = self.cgroup.as_deref().filter(|path| !proven && cgroup::is_populated(path)) {
            cgroup::kill(cgroup);
        }
        let root = self.has_children.then(|| getpid().as_raw_nonzero().get());
        let found = if proven { 0 } else { kill_pass(root, &self.spec.mark) };
        self.ladder.killed(found);
        found
    }

    /// Limits in milliseconds; 0 means none (shim R7).
    fn next_limit(&self) -> Option<(Instant, TimedOut)> {
        let wall = Some(Duration::from_millis(self.spec.limits.wall_ms)).filter(|limit| !limit.is_zero());
        let silence = Some(self.silence).filter(|limit| !limit.is_zero());
        let wall = wall.and_then(|limit| Some((self.started.checked_add(limit)?, TimedOut::Wall)));
        let silence = silence.and_then(|limit| Some((self.last_sign.checked_add(limit)?, TimedOut::Silence)));
        [wall, silence].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn keep_limits(&mut self, at: Instant) {
        if let Some((limit, kind)) = self.next_limit()
            && at >= limit
        {
            self.exit.timed_out = Some(kind);
            self.stop(at, Duration::from_millis(self.spec.limits.grace_ms));
        }
    }

    fn stop(&mut self, at: Instant, grace: Duration) {
        if self.ladder.stop(at, grace) {
            self.agent.signal_group(Signal::INT);
        }
    }

    fn patience(&self) -> Duration {
        let at = monotonic();
        let limit = self.next_limit().filter(|_| self.ladder.is_running()).map(|(limit, _)| limit.saturating_duration_since(at));
        let quiet = self.spool.has_tail().then(|| QUIET.saturating_sub(at.saturating_duration_since(self.last_sign)));
        [self.ladder.patience(at), limit, quiet].into_iter().flatten().fold(LONGEST_SLEEP, Duration::min)
    }

    /// Sleeps until something happens, and takes it up.
    fn wait(&mut self) {
        // Rounded up, so that the loop never wakes a moment before a limit and spins.
        let patience = self.patience() + Duration::from_micros(500);
        let control_fds = self.control.poll_fds();
        let controls = control_fds.len();
        let mut fds = control_fds;
        fds.extend(self.agent.poll_fd().map(|(fd, flags)| PollFd::new(fd, flags)));
        fds.extend(self.stdin.waiting().map(|fd| PollFd::new(fd, PollFlags::OUT)));
        for stream in &self.streams {
            fds.extend(stream.pipe.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
        }
        let timeout = Timespec { tv_sec: i64::try_from(patience.as_secs()).unwrap_or(1), tv_nsec: i64::from(patience.subsec_nanos()) };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            // Out of memory for a moment: try again, but not in a hot loop.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
        let found: Vec<PollFlags> = fds.iter().take(controls).map(PollFd::revents).collect();
        drop(fds);
        // The pipes are non-blocking: trying costs less than keeping track of which of them had news.
        self.stdin.write();
        self.read_streams();
        self.serve(&found);
    }

    fn read_streams(&mut self) {
        let mut heard = false;
        for stream in &mut self.streams {
            let Some(pipe) = &stream.pipe else { continue };
            match rustix::io::read(pipe, self.buffer.as_mut_slice()) {
                Ok(0) => stream.pipe = None,
                Ok(count) => {
                    heard = true;
                    let (kind, spool, at) = (stream.kind, &mut self.spool, now().as_millis());
                    let bytes = self.buffer.get(..count).unwrap_or_default();
                    stream.lines.push(bytes, |line, dropped| spool.line(kind, line, dropped, at));
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => stream.pipe = None,
            }
        }
        let at = monotonic();
        if heard {
            self.last_sign = at;
        } else if self.spool.has_tail() && at.saturating_duration_since(self.last_sign) >= QUIET {
            self.spool.quiet(now().as_millis());
        }
        if self.spool.flush() {
            self.control.nudge();
        }
    }

    fn serve(&mut self, found: &[PollFlags]) {
        let mut stops = Vec::new();
        let (stdin, agent, ladder) = (&mut self.stdin, &self.agent, &self.ladder);
        let (silence, last_sign) = (&mut self.silence, &mut self.last_sign);
        self.control.handle(found, |request| match request {
            Request::Stdin { id, data } => match super::wire::decode(&data) {
                Some(bytes) => match stdin.push(&id, bytes) {
                    Ok(receipt) => {
                        *last_sign = monotonic();
                        Reply::Stdin { receipt }
                    }
                    Err(why) => Reply::Refused { why },
                },
                None => Reply::Refused { why: Refusal::Malformed },
            },
            Request::CloseStdin => {
                stdin.close();
                Reply::Ok
            }
            Request::Stop { reason, grace_ms } => {
                stops.push((reason, grace_ms));
                Reply::Ok
            }
            Request::Silence { limit_ms } => {
                *silence = Duration::from_millis(limit_ms);
                *last_sign = monotonic();
                Reply::Ok
            }
            Request::Watch { .. } | Request::Hello { .. } => Reply::Ok,
            Request::Status => Reply::Status {
                pid: agent.identity.pid,
                leader_alive: agent.status().is_none(),
                stopping: !ladder.is_running(),
                queued_bytes: stdin.queued_bytes(),
            },
        });
        for (reason, grace_ms) in stops {
            if self.agent.status().is_none() && self.exit.stopped_by.is_none() {
                self.exit.stopped_by = Some(reason);
            }
            self.stop(monotonic(), Duration::from_millis(grace_ms));
        }
    }

    /// Writes the record. A full disk does not let the run end without one: it is tried again until it works (shim R10).
    fn record(&mut self) {
        let note = Note::read(&self.folder);
        let (exit_code, signal) = self.agent.status().map_or((None, None), |status| ending(status, self.spec.sandbox.level));
        self.exit.exit_code = exit_code.filter(|_| note.error.is_none());
        self.exit.signal = signal;
        self.exit.spawn_error = note.error;
        self.exit.sandbox = note.sandbox;
        self.exit.leftovers = self.ladder.leftovers();
        self.exit.dropped_bytes = self.spool.finish(now().as_millis());
        self.exit.ended_at_ms = now().as_millis();
        while self.folder.path().exists() && self.folder.write_exit(&self.exit).is_err() {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
