//! The model world: agents that work at a constant rate on one account, whose window opens with the first token after its end, lasts five hours and
//! holds a fixed number of tokens. Time goes in steps of one second.
//!
//! What is done about a refusal, and when something starts, is a [`Policy`]; the policies live in `policies`.

use crate::draws::Draws;

/// Length of a window, in seconds.
pub(crate) const WINDOW: f64 = 5.0 * 3600.0;
/// Tokens per second of one agent.
pub(crate) const RATE: f64 = 100.0;
/// Seconds from a start to the first token.
pub(crate) const SPAWN: f64 = 2.0;

/// One case of the measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// Agents.
    pub(crate) agents: usize,
    /// Mean length of a task, in seconds.
    pub(crate) mean: f64,
    /// Tokens that a resumed session has to read again.
    pub(crate) reread: f64,
    /// How many windows the model runs through.
    pub(crate) windows: f64,
    /// Tasks in all; `None`: there is always one more.
    pub(crate) backlog: Option<u32>,
}

impl Scenario {
    /// Tokens of a window: the agents at full speed would use them up after three fifths of it.
    pub(crate) fn budget(&self) -> f64 {
        0.6 * self.agents as f64 * RATE * WINDOW
    }
}

/// What an attempt has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempt {
    /// When it makes its first token.
    pub(crate) start: f64,
    /// Tokens still to do.
    pub(crate) rest: f64,
    /// Tokens of the whole task.
    pub(crate) total: f64,
    /// Tokens done since it was last begun afresh.
    pub(crate) done: f64,
    /// Refusals so far.
    pub(crate) refused: u32,
}

/// What an agent is doing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Agent {
    /// Nothing.
    Idle,
    /// Working.
    Running(Attempt),
    /// Holding its session until an instant.
    Waiting(Attempt, f64),
}

/// What happens to an attempt that was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// The agent keeps the task, what was done is lost, and it tries again at the instant.
    Hold(f64),
    /// The agent keeps the session and goes on at the instant.
    Resume(f64),
    /// What was done is lost; the task is ready again at the instant with its refusals counted on or forgotten.
    Requeue(f64, u32),
    /// The task is blocked for good.
    Block,
}

/// The account's window as it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// When it ends; negative before the first.
    pub(crate) end: f64,
    /// Tokens left in it.
    pub(crate) left: f64,
}

/// Decides about starts and refusals.
pub(crate) trait Policy {
    /// May an idle agent take a task now?
    fn may_start(&mut self, now: f64, agents: &[Agent]) -> bool;
    /// May a waiting agent go on now, its instant having come?
    fn may_resume(&mut self, now: f64, agents: &[Agent]) -> bool;
    /// The provider refused an attempt.
    fn refused(&mut self, now: f64, attempt: &Attempt, window: Window) -> Refused;
    /// An attempt used tokens.
    fn used(&mut self, _now: f64, _tokens: f64, _window: Window) {}
    /// A task is done.
    fn done(&mut self, _attempt: &Attempt) {}
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Tokens of attempts that were kept, as a part of what the windows offered.
    pub(crate) useful: f64,
    /// Mean seconds from a window's end to the next token.
    pub(crate) reset_to_token: f64,
    /// Tasks done.
    pub(crate) done: u32,
    /// Tasks blocked.
    pub(crate) blocked: u32,
    /// Refusals met by attempts that began while the provider was known to refuse.
    pub(crate) launches_refused: u32,
}

/// Runs a scenario with one seed.
pub(crate) fn run(scenario: &Scenario, policy: &mut dyn Policy, seed: u32) -> Outcome {
    let mut draws = Draws::new(seed);
    let mu = scenario.mean.ln() - 0.5;
    let (budget, horizon) = (scenario.budget(), scenario.windows * WINDOW);
    let mut window = Window { end: -1.0, left: 0.0 };
    let mut agents = vec![Agent::Idle; scenario.agents];
    let mut ready: Vec<(f64, f64, u32)> = Vec::new();
    let mut pool = scenario.backlog;
    let (mut spent, mut wasted) = (0.0, 0.0);
    let mut gaps: Vec<f64> = Vec::new();
    let mut outcome = Outcome::default();
    let mut refused = (-1.0, -1.0);
    let mut now = 0.0;
    while now < horizon {
        for index in 0..agents.len() {
            match agents[index] {
                Agent::Running(mut attempt) if now >= attempt.start => {
                    if now >= window.end {
                        if window.end > 0.0 {
                            gaps.push(now - window.end);
                        }
                        window = Window { end: now + WINDOW, left: budget };
                    }
                    let take = RATE.min(attempt.rest);
                    if window.left >= take {
                        window.left -= take;
                        spent += take;
                        attempt.rest -= take;
                        attempt.done += take;
                        policy.used(now, take, window);
                        agents[index] = Agent::Running(attempt);
                        if attempt.rest <= 0.0 {
                            outcome.done += 1;
                            policy.done(&attempt);
                            agents[index] = Agent::Idle;
                        }
                    } else {
                        let launched = attempt.start - SPAWN;
                        if launched > refused.0 && launched < refused.1 {
                            outcome.launches_refused += 1;
                        }
                        if refused.1 < window.end {
                            refused = (now, window.end);
                        }
                        attempt.refused += 1;
                        agents[index] = match policy.refused(now, &attempt, window) {
                            Refused::Resume(at) => Agent::Waiting(attempt, at),
                            Refused::Hold(at) => {
                                wasted += attempt.done;
                                Agent::Waiting(Attempt { rest: attempt.total, done: 0.0, ..attempt }, at)
                            }
                            Refused::Requeue(at, refused) => {
                                wasted += attempt.done;
                                ready.push((at, attempt.total, refused));
                                Agent::Idle
                            }
                            Refused::Block => {
                                wasted += attempt.done;
                                outcome.blocked += 1;
                                Agent::Idle
                            }
                        };
                    }
                }
                Agent::Waiting(attempt, at) if now >= at && policy.may_resume(now, &agents) => {
                    let reread = if attempt.done > 0.0 { scenario.reread } else { 0.0 };
                    wasted += reread;
                    let again = Attempt { start: now + SPAWN, rest: attempt.rest + reread, total: attempt.total + reread, ..attempt };
                    agents[index] = Agent::Running(again);
                }
                _ => {}
            }
            if matches!(agents[index], Agent::Idle) {
                if !policy.may_start(now, &agents) {
                    continue;
                }
                let waiting = ready.iter().position(|(at, _, _)| *at <= now);
                let (total, refused) = if let Some(place) = waiting {
                    let (_, total, refused) = ready.remove(place);
                    (total, refused)
                } else {
                    match &mut pool {
                        Some(0) => continue,
                        Some(left) => *left -= 1,
                        None => {}
                    }
                    (draws.lognormal(mu, 1.0).clamp(10.0, 6.0 * 3600.0) * RATE, 0)
                };
                agents[index] = Agent::Running(Attempt { start: now + SPAWN, rest: total, total, done: 0.0, refused });
            }
        }
        now += 1.0;
    }
    outcome.useful = (spent - wasted) / (budget * scenario.windows);
    outcome.reset_to_token = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
    outcome
}
