//! Rows: a thousand followers of a hundred runs, some of whom do not read. The server is a process of its own, so that its memory is its own.
//!
//! Every line carries the instant at which it was reported; a follower checks that lines come in order and without a gap.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aq_proto::error_detail::{ErrorDetail, reason};
use aq_proto::v1 as pb;
use hyper_util::rt::TokioIo;
use pb::run_service_client::RunServiceClient;
use pb::stream_run_output_response::Event as Told;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status, Streaming};

use super::sample::{Turns, nanos, now, percentile};
use super::table::{Floor, Line};
use super::{fill, serve};

/// Followers in all.
const FOLLOWERS: usize = 1000;
/// Those of them that do not read.
const STALLED: usize = 300;
/// Streams on one connection.
const ON_ONE: usize = 50;
/// Flow-control window of a stream, in bytes: what HTTP/2 gives unless asked otherwise.
const WINDOW: u32 = 65_535;
/// Longest time until a stalled stream has to be ended: the server waits 30 seconds for a reader.
const PATIENCE: Duration = Duration::from_secs(50);

/// The server in a process of its own.
struct Served {
    child: Child,
    socket: PathBuf,
    key: MetadataValue<Ascii>,
    /// Names of the tasks whose runs are open.
    tasks: Vec<String>,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has nothing to save.
        let _gone = self.child.kill().and_then(|()| self.child.wait());
    }
}

type Runs = RunServiceClient<InterceptedService<Channel, Key>>;

/// Shows the key with every call.
#[derive(Clone)]
struct Key(MetadataValue<Ascii>);

impl tonic::service::Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Served {
    fn start(home: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(told)?;
        let mut child = Command::new(program).arg("serve").arg(home).stdout(Stdio::piped()).spawn().map_err(told)?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut lines = BufReader::new(output).lines();
        let mut line = || lines.next().ok_or("the server ended")?.map_err(told);
        let (socket, key, tasks) = (PathBuf::from(line()?), line()?, line()?);
        let key = format!("Bearer {key}").parse().map_err(told)?;
        Ok(Self { child, socket, key, tasks: tasks.split(' ').map(str::to_owned).collect() })
    }

    async fn connect(&self) -> Result<Runs, String> {
        let socket = self.socket.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let socket = socket.clone();
            async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
        });
        let endpoint =
            Endpoint::from_static("http://localhost").initial_stream_window_size(WINDOW).initial_connection_window_size(16_777_216);
        let channel = endpoint.connect_with_connector(connector).await.map_err(told)?;
        Ok(RunServiceClient::with_interceptor(channel, Key(self.key.clone())))
    }

    /// Resident memory, in MiB.
    fn memory(&self) -> f64 {
        super::light::resident(self.child.id())
    }
}

async fn follow(runs: &mut Runs, task: &str) -> Result<Streaming<pb::StreamRunOutputResponse>, String> {
    let request = pb::StreamRunOutputRequest { task_id: task.to_owned(), run_number: 1, follow: true, tail: 1, ..Default::default() };
    Ok(runs.stream_run_output(request).await.map_err(told)?.into_inner())
}

/// When lines are counted: from and until. Readers read from the moment they are let in, so that none has a pile before it when counting begins.
type Span = Option<(std::time::Instant, std::time::Instant)>;

/// Reads until the span is over; milliseconds from report to reader of every line within it.
async fn read(mut stream: Streaming<pb::StreamRunOutputResponse>, span: watch::Receiver<Span>) -> Result<Vec<f64>, String> {
    let (mut last, mut times) = (0, Vec::new());
    loop {
        let span = *span.borrow();
        if span.is_some_and(|(_, until)| now() >= until) {
            return Ok(times);
        }
        let Ok(message) = tokio::time::timeout(Duration::from_secs(5), stream.message()).await else {
            return Err("a reader was told nothing for 5 seconds".to_owned());
        };
        let message = message.map_err(told)?.ok_or("a stream ended")?;
        match message.event {
            Some(Told::Item(item)) => {
                if last != 0 && item.seq != last + 1 {
                    return Err(format!("item {} follows on {last}", item.seq));
                }
                // The first one lay there before the reader came.
                let first = last == 0;
                last = item.seq;
                let Some(pb::output_item::Body::Line(line)) = item.body else { continue };
                if !first && span.is_some_and(|(from, _)| now() >= from) {
                    let sent: u64 = line.text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
                    times.push(Duration::from_nanos(nanos().saturating_sub(sent)).as_secs_f64() * 1e3);
                }
            }
            Some(Told::Heartbeat(_)) => {}
            other => return Err(format!("a reader was told {other:?}")),
        }
    }
}

/// The reading followers, over `span`.
async fn readers(served: &Arc<Served>, span: Duration) -> Result<Vec<f64>, String> {
    let (told_span, seen_span) = watch::channel(None);
    let mut reading = JoinSet::new();
    for number in 0..(FOLLOWERS - STALLED) / ON_ONE {
        let mut runs = served.connect().await?;
        for place in 0..ON_ONE {
            let task = served.tasks.get((number * ON_ONE + place) % served.tasks.len()).ok_or("no tasks")?;
            reading.spawn(read(follow(&mut runs, task).await?, seen_span.clone()));
        }
    }
    // What was printed while they were let in has reached them by then.
    let from = now() + Duration::from_secs(1);
    told_span.send_replace(Some((from, from + span)));
    let mut times = Vec::new();
    while let Some(read) = reading.join_next().await {
        times.extend(read.map_err(told)??);
    }
    Ok(times)
}

/// How long after `since` a stream that nobody read was ended for it.
async fn ended(mut stream: Streaming<pb::StreamRunOutputResponse>) -> Result<(), String> {
    loop {
        match tokio::time::timeout(Duration::from_secs(10), stream.message()).await {
            Ok(Ok(Some(_))) => {}
            Ok(Err(status)) if ErrorDetail::of(&status).is_some_and(|detail| detail.reason == reason::SLOW_READER) => return Ok(()),
            Ok(other) => return Err(format!("a stalled stream ended with {other:?}")),
            Err(_) => return Err("a stalled stream was not ended".to_owned()),
        }
    }
}

/// Counts what was in flight as line for the table.
fn delivery(what: &str, times: &[f64], floor: Floor) -> Line {
    let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| percentile(times, share));
    let beside = format!("p50 {p50:.2} ms, most {most:.0} ms, {} lines, in order and without a gap", times.len());
    Line { what: format!("{what}, p99"), value: p99, unit: "ms", floor, beside }
}

async fn all(turns: &Turns) -> Result<Vec<Line>, String> {
    let home = tempfile::tempdir_in(&turns.folder).map_err(told)?;
    fill::copy(&fill::filled(&turns.folder, 1000)?, &home.path().join("aq.db"))?;
    let served = Arc::new(Served::start(home.path())?);
    let readers_only = readers(&served, turns.span()).await?;
    let mut stalled = Vec::new();
    for number in 0..STALLED / ON_ONE {
        let mut runs = served.connect().await?;
        for place in 0..ON_ONE {
            let task = served.tasks.get((number * ON_ONE + place) % served.tasks.len()).ok_or("no tasks")?;
            stalled.push(follow(&mut runs, task).await?);
        }
    }
    // One connection that is shared: one of its streams is not read, the others are.
    let mut shared = served.connect().await?;
    let first = served.tasks.first().ok_or("no tasks")?;
    let unread = follow(&mut shared, first).await?;
    let beside = follow(&mut shared, first).await?;
    let begin = now();
    let (_span, seen_span) = watch::channel(Some((begin, begin + PATIENCE)));
    let neighbour = tokio::spawn(read(beside, seen_span));
    let with_stalled = readers(&served, PATIENCE).await?;
    let memory = served.memory();
    let neighbour = neighbour.await.map_err(told)??;
    ended(unread).await?;
    let mut reset = 0_u32;
    for stream in stalled {
        ended(stream).await?;
        reset += 1;
    }
    Ok(vec![
        delivery("700 readers of 100 runs with 100 lines/s each", &readers_only, Floor::Told),
        delivery("the same beside 300 that do not read", &with_stalled, Floor::Told),
        delivery("a reader that shares its connection with one that does not read", &neighbour, Floor::Told),
        Line {
            what: "streams ended as SLOW_READER of those not read".to_owned(),
            value: f64::from(reset + 1),
            unit: "of 301",
            floor: Floor::AtLeast(301.0),
            beside: format!("each within {PATIENCE:?}, the shared one too"),
        },
        Line {
            what: "resident memory of the server meanwhile".to_owned(),
            value: memory,
            unit: "MiB",
            floor: Floor::AtMost(96.0),
            beside: "a process of its own, with the player of the runs".to_owned(),
        },
    ])
}

/// Measures it all once.
pub(crate) fn measure(runtime: &Runtime, turns: &Turns) -> Result<Vec<Line>, String> {
    runtime.block_on(all(turns))
}

/// What the server's process says of itself before it begins: socket, key, tasks.
pub(crate) fn server(runtime: &Runtime, home: &Path) -> Result<(), String> {
    runtime.block_on(serve::runs(home))
}
