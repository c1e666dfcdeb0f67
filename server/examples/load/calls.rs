//! Row: tasks created through the API, every answer after its commit was synchronised; beside it the same messages over the same transport
//! without any work behind them.

use std::time::Duration;

use aq_proto::v1 as pb;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::bare_calls::BareCalls;
use super::fill;
use super::house::House;
use super::player::Player;
use super::sample::{Turns, median, now, percentile, rate};
use super::table::{Floor, Line};

/// Tasks that are there already.
const BACKLOG: i64 = 1000;

fn request(caller: usize, number: u64) -> pb::CreateTaskRequest {
    pb::CreateTaskRequest {
        project_id: fill::project(0).to_string(),
        title: "A task title of forty characters or so..".to_owned(),
        description: "Describe the work in about two hundred characters. ".repeat(4),
        request_id: format!("load-{caller}-{number}"),
        ..Default::default()
    }
}

/// Calls per second and their times in milliseconds, `in_flight` at a time on one connection.
async fn crowd<C, F>(in_flight: usize, span: Duration, caller: impl Fn() -> C) -> Result<(f64, Vec<f64>), String>
where
    C: FnMut(pb::CreateTaskRequest) -> F + Send + 'static,
    F: Future<Output = Result<pb::Task, String>> + Send,
{
    let begin = now();
    let mut callers = JoinSet::new();
    for place in 0..in_flight {
        let mut call = caller();
        callers.spawn(async move {
            let mut times = Vec::new();
            while begin.elapsed() < span {
                let sent = now();
                call(request(place, times.len() as u64)).await?;
                times.push(sent.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, String>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(joined) = callers.join_next().await {
        times.extend(joined.map_err(|error| error.to_string())??);
    }
    Ok((rate(times.len() as u64, begin.elapsed()), times))
}

async fn ours(turns: &Turns, in_flight: usize) -> Result<(f64, Vec<f64>), String> {
    let filled = fill::filled(&turns.folder, BACKLOG)?;
    let home = tempfile::tempdir_in(&turns.folder).map_err(|error| error.to_string())?;
    fill::copy(&filled, &home.path().join("aq.db"))?;
    // Scheduling is paused in a filled database, and stays so.
    let house = House::open(home.path(), 0, |sink| Player::new(sink, false)).await?;
    let connection = house.connect().await?;
    let measured = crowd(in_flight, turns.span(), || {
        let tasks = connection.tasks();
        move |request| {
            let mut tasks = tasks.clone();
            async move { tasks.create_task(request).await.map(tonic::Response::into_inner).map_err(|status| status.to_string()) }
        }
    })
    .await;
    house.close().await;
    measured
}

async fn bare(turns: &Turns, in_flight: usize) -> Result<(f64, Vec<f64>), String> {
    let home = tempfile::tempdir_in(&turns.folder).map_err(|error| error.to_string())?;
    let server = BareCalls::serve(home.path())?;
    let connection = server.connect().await?;
    crowd(in_flight, turns.span(), || {
        let caller = connection.clone();
        move |request| {
            let mut caller = caller.clone();
            async move { caller.call(request).await }
        }
    })
    .await
}

/// Measures every number of calls in flight.
pub(crate) fn measure(runtime: &Runtime, turns: &Turns, in_flight: &[usize]) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for count in in_flight {
        let (mut our, mut their, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..turns.rounds {
            let (rate, taken) = runtime.block_on(ours(turns, *count))?;
            our.push(rate);
            times.extend(taken);
            their.push(runtime.block_on(bare(turns, *count))?.0);
        }
        let (our, their) = (median(&our), median(&their));
        lines.push(Line {
            what: format!("create, {count} in flight"),
            value: our / their,
            unit: "x bare calls",
            floor: if *count == 64 { Floor::AtLeast(0.25) } else { Floor::Told },
            beside: format!(
                "{our:.0}/s durable (p50 {:.2} ms, p99 {:.2} ms), bare calls {their:.0}/s",
                percentile(&times, 0.5),
                percentile(&times, 0.99)
            ),
        });
    }
    Ok(lines)
}
