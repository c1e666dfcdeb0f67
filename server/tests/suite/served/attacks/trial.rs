//! The trial: clients that behave while the attacks go on, and what is measured of the server meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aq_proto::client::{Connection, Endpoint, Options, discover};
use aq_proto::v1 as pb;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::arena::{Arena, LIST, whole};
use super::{connections, headers, messages, streams};
use crate::served::place::Place;
use crate::served::world::{Launched, Served};

/// How many there are.
const ATTACKS: usize = 25;

const CONFIG: &str = "agents:\n  sandbox: none\nserver:\n  listen: 127.0.0.1:0\n";

/// A control call that takes longer has been kept waiting. Usual is a millisecond; a machine that does other work too needs the difference.
const LONG: Duration = Duration::from_secs(5);

/// Most that the server's resident memory may have grown by when all is over and what the attacks took was given back (decision 0013).
const MOST_GROWN_MIB: u64 = 64;

/// How long that may take. The allocator gives back after a second, as far as something is allocated meanwhile.
const GIVEN_BACK: Duration = Duration::from_secs(60);

/// Most that it may ever have grown by: 128 answers of two keys are open at one time.
const MOST_EVER_MIB: u64 = 512;

/// What the clients that behave have seen.
#[derive(Clone, Debug, Default)]
struct Seen {
    calls: usize,
    slowest: Duration,
    failed: Vec<String>,
}

/// A client that calls again and again, until it is dropped.
struct Polite {
    seen: watch::Receiver<Seen>,
    calling: JoinHandle<()>,
}

impl Polite {
    fn begin(client: Connection, times: Arc<Mutex<Vec<Duration>>>) -> Self {
        let (told, seen) = watch::channel(Seen::default());
        let calling = tokio::spawn(async move {
            // A pace, so that its own rate never turns it away.
            let mut pace = tokio::time::interval(Duration::from_millis(15));
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                let begin = Instant::now();
                let answer = client.projects().list_projects(pb::ListProjectsRequest::default()).await;
                let took = begin.elapsed();
                times.lock().unwrap().push(took);
                told.send_modify(|seen| {
                    seen.calls += 1;
                    seen.slowest = seen.slowest.max(took);
                    match answer {
                        Ok(answer) if answer.get_ref().projects.len() == 1 && took < LONG => {}
                        other => seen.failed.push(format!("{took:?}: {other:?}")),
                    }
                });
            }
        });
        Self { seen, calling }
    }

    /// Waits for some more calls.
    async fn calls(&mut self, more: usize) {
        let wanted = self.seen.borrow().calls + more;
        let wait = self.seen.wait_for(|seen| seen.calls >= wanted);
        let _seen = tokio::time::timeout(Duration::from_secs(60), wait).await.expect("control calls stand still").unwrap();
    }
}

impl Drop for Polite {
    fn drop(&mut self) {
        self.calling.abort();
    }
}

struct Trial {
    served: Served,
    arena: Arena,
    polite: [Polite; 2],
    keys: [aq_proto::client::ApiKey; 2],
    /// Keys of attackers; each attack takes one, so that none is turned away for what another did.
    fresh: Vec<String>,
    times: Arc<Mutex<Vec<Duration>>>,
    /// In the background: the name of the attack, and its end.
    going_on: Vec<(&'static str, JoinHandle<()>)>,
    attacks: usize,
    suffered: Vec<String>,
    /// How long all control calls took while the attacks went on.
    all: Vec<Duration>,
    usual: Duration,
    before: u64,
}

/// A figure of the process in MiB.
fn memory(served: &Served, figure: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", served.process.child.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(figure)).unwrap_or_else(|| panic!("{text}"));
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// The value below which 99 of 100 are.
fn p99(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

fn slowest(times: &[Duration]) -> Duration {
    times.iter().max().copied().unwrap_or_default()
}

impl Trial {
    async fn begin() -> Self {
        let served = Launched::on(Place::new(), CONFIG, &[]).serving().await;
        let line: BTreeMap<String, serde_json::Value> = serde_json::from_str(&served.line).unwrap();
        let tcp = line["tcp"].as_str().unwrap().parse().unwrap();
        let project = served.project().await;
        let task = served.task(&project, "say hello\nwait-file never").await;
        served.said(&task, "hello").await;
        let (mut keys, mut fresh) = (Vec::new(), Vec::new());
        for number in 0..3 + ATTACKS {
            let (role, to) = if number < 2 { (pb::Role::Viewer, &mut keys) } else { (pb::Role::Operator, &mut fresh) };
            let request = pb::CreateApiKeyRequest { role: role.into(), ..Default::default() };
            to.push(served.admin.admin().create_api_key(request).await.unwrap().into_inner().secret);
        }
        // Two hundred tasks that make an answer of more than one megabyte.
        for number in 0..200 {
            let (title, description) = (format!("large {number}"), "x".repeat(6000));
            let request =
                pb::CreateTaskRequest { project_id: project.clone(), title, description, after: vec![task.clone()], ..Default::default() };
            served.admin.tasks().create_task(request).await.unwrap();
        }
        let keys: [aq_proto::client::ApiKey; 2] = [keys[0].parse().unwrap(), keys[1].parse().unwrap()];
        let pid = served.process.child.id();
        let arena = Arena { pid, tcp, key: fresh.pop().unwrap(), task };
        // The first key of the attackers is spent on looking how large the answer is.
        let body = whole(&pb::ListTasksRequest { page_size: 200, include_finished: true, ..Default::default() });
        let listed = arena.caller().await.call(arena.request(LIST), body).await.unwrap();
        assert!(listed.bytes > 1 << 20, "{listed:?}");
        let times = Arc::default();
        let [unix, tcp] = endpoints(&served, &arena);
        let unix = Connection::connect(&Options::new(unix, Some(keys[0].clone()))).await.unwrap();
        let tcp = Connection::connect(&Options::new(tcp, Some(keys[1].clone()))).await.unwrap();
        let mut polite = [Polite::begin(unix, Arc::clone(&times)), Polite::begin(tcp, Arc::clone(&times))];
        for client in &mut polite {
            client.calls(100).await;
        }
        let before = memory(&served, "VmRSS:");
        let usual = p99(&std::mem::take(&mut *times.lock().unwrap()));
        println!("without attacks: p99 of control calls {usual:?}, memory {before} MiB");
        let (going_on, suffered, all) = (Vec::new(), Vec::new(), Vec::new());
        Self { served, arena, polite, keys, fresh, times, going_on, attacks: 0, suffered, all, usual, before }
    }

    /// The arena for one more attack, with a key of its own.
    fn next(&mut self) -> Arena {
        Arena { key: self.fresh.pop().unwrap(), ..self.arena.clone() }
    }

    /// Waits until those that behave have been answered again, and tells how long that took.
    async fn answered(&mut self, name: &str) {
        for client in &mut self.polite {
            client.calls(20).await;
        }
        println!("{name}, begun: memory {} MiB", memory(&self.served, "VmRSS:"));
    }

    /// Looks at those that behave after an attack: they were answered all the time, and new ones are.
    async fn judge(&mut self, name: &str, began: Instant) {
        let took = began.elapsed();
        for client in &mut self.polite {
            client.calls(3).await;
        }
        for (endpoint, key) in endpoints(&self.served, &self.arena).into_iter().zip(&self.keys) {
            let begin = Instant::now();
            let client =
                Connection::connect(&Options::new(endpoint, Some(key.clone()))).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            client.projects().list_projects(pb::ListProjectsRequest::default()).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            self.times.lock().unwrap().push(begin.elapsed());
        }
        self.attacks += 1;
        let times = std::mem::take(&mut *self.times.lock().unwrap());
        let (now, most) = (memory(&self.served, "VmRSS:"), memory(&self.served, "VmHWM:"));
        let (calls, p99, slowest) = (times.len(), p99(&times), slowest(&times));
        println!("{name}: {took:.1?}; {calls} control calls, p99 {p99:?}, slowest {slowest:?}; memory {now} MiB, at most {most}");
        self.all.extend(times);
        let failed: Vec<String> = self.polite.iter().flat_map(|client| client.seen.borrow().failed.clone()).collect();
        if failed.len() > self.suffered.len() {
            println!("{name}: {:#?}", &failed[self.suffered.len()..]);
            self.suffered = failed;
        }
        assert!(self.served.process.child.try_wait().unwrap().is_none(), "{name}: the server ended");
    }

    /// Goes on calling until the server has given back what the attacks took; the MiB that are left of it.
    async fn given_back(&mut self) -> u64 {
        let begin = Instant::now();
        loop {
            let now = memory(&self.served, "VmRSS:");
            let grown = now.saturating_sub(self.before);
            if grown < MOST_GROWN_MIB {
                println!("given back after {:.1?}: memory {now} MiB", begin.elapsed());
                return grown;
            }
            assert!(begin.elapsed() < GIVEN_BACK, "memory grew from {} to {now} MiB", self.before);
            for client in &mut self.polite {
                client.calls(20).await;
            }
        }
    }

    async fn end(mut self) {
        for (name, attack) in std::mem::take(&mut self.going_on) {
            let began = Instant::now();
            attack.await.unwrap_or_else(|error| panic!("{name}: {error}"));
            self.judge(name, began).await;
        }
        assert!(self.suffered.is_empty(), "{:#?}", self.suffered);
        // Those that the attackers closed are let go in the background.
        for host in 2..120 {
            self.arena.gone(host).await;
        }
        assert_eq!(self.arena.open(None), 0, "connections of attackers are still open");
        let grown = self.given_back().await;
        let most = memory(&self.served, "VmHWM:");
        assert!(most - self.before < MOST_EVER_MIB, "memory grew from {} to {most} MiB for a while", self.before);
        assert_eq!(self.attacks, ATTACKS);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "score: attacks: 0 of {attacks} brought the server down or kept others waiting; {attacks} attacks, {calls} control calls beside them, p99 {:.1} ms \
             (without attacks {:.1}), slowest {:.0} ms, memory +{grown} MiB",
            milliseconds(p99(&self.all)),
            milliseconds(self.usual),
            milliseconds(slowest(&self.all)),
            attacks = self.attacks,
            calls = self.all.len(),
        );
    }
}

/// Both ways to the server.
fn endpoints(served: &Served, arena: &Arena) -> [Endpoint; 2] {
    [discover(&served.home()).unwrap().endpoint, format!("http://{}", arena.tcp).parse().unwrap()]
}

/// Makes an attack of the trial of a function.
macro_rules! under {
    ($trial:ident, $name:literal, $attack:path) => {{
        let (arena, began) = ($trial.next(), Instant::now());
        $attack(&arena).await;
        $trial.judge($name, began).await;
    }};
}

/// Makes an attack of a function that goes on in the background when it has begun. The next begins when those that behave have been answered.
macro_rules! meanwhile {
    ($trial:ident, $name:literal, $attack:path) => {{
        let arena = $trial.next();
        let attack = $attack(&arena).await;
        $trial.going_on.push(($name, tokio::spawn(attack)));
        $trial.answered($name).await;
    }};
}

/// G15, gRPC R2, R4 to R9, R16, R17, the table of attacks: twenty-five attacks, one after the other and some beside them; the server stays up, everyone
/// who behaves is answered all the while, its memory does not grow, and no connection of an attacker outlives its limit.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_attacks_hold_nobody_up() {
    let mut trial = Trial::begin().await;
    meanwhile!(trial, "no preface", connections::no_preface);
    meanwhile!(trial, "no call", connections::no_call);
    meanwhile!(trial, "pings", connections::pings);
    meanwhile!(trial, "halves of messages", messages::halves);
    meanwhile!(trial, "sockets that are never read", connections::never_reads);
    meanwhile!(trial, "answers into a window of one byte", streams::zero_window);
    meanwhile!(trial, "abandoned streams", streams::abandoned);
    under!(trial, "every place", connections::every_place);
    under!(trial, "other protocols", connections::other_protocols);
    under!(trial, "floods of frames", connections::frames_without_calls);
    under!(trial, "headers without an end", headers::no_end);
    under!(trial, "a million bytes of headers", headers::too_many_bytes);
    under!(trial, "a bomb of headers", headers::bomb);
    under!(trial, "unknown calls", headers::unknown_calls);
    under!(trial, "deadlines", headers::deadlines);
    under!(trial, "guessed keys", headers::guesses);
    under!(trial, "binary metadata", headers::binary_metadata);
    under!(trial, "too large messages", messages::too_large);
    under!(trial, "packed messages", messages::packed);
    under!(trial, "nonsense", messages::nonsense);
    under!(trial, "crumbs", messages::crumbs);
    under!(trial, "rapid resets", streams::rapid_reset);
    under!(trial, "made resets", streams::made_you_reset);
    under!(trial, "too many streams", streams::too_many);
    under!(trial, "reflection", streams::reflection);
    trial.end().await;
}
