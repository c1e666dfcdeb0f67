//! Row: lifecycles per second. A client resumes scheduling through the API and counts completions in the stream of events; the runner's part
//! is played at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aq_proto::v1 as pb;
use tokio::runtime::Runtime;

use super::house::House;
use super::player::Player;
use super::sample::{Turns, median, now, rate};
use super::table::{Floor, Line};
use super::{bare_life, fill};

/// Lifecycles per second of the server on the database in `home`.
async fn ours(home: &Path, backlog: i64, agents: usize, tokens: bool, span: Duration) -> Result<f64, String> {
    let house = House::open(home, agents, |sink| Player::new(sink, tokens)).await?;
    let connection = house.connect().await?;
    let filter = pb::EventFilter { types: vec!["task.completed".to_owned()], ..Default::default() };
    let request = pb::WatchEventsRequest { filter: Some(filter), follow: true, ..Default::default() };
    let said = |status: tonic::Status| status.to_string();
    let mut events = connection.events().watch_events(request).await.map_err(said)?.into_inner();
    let begin = now();
    connection.admin().resume_scheduling(pb::ResumeSchedulingRequest::default()).await.map_err(said)?;
    let all = u64::try_from(backlog).unwrap_or(u64::MAX);
    let (mut done, mut last) = (0_u64, begin);
    while done < all && begin.elapsed() < span {
        let Ok(message) = tokio::time::timeout(Duration::from_secs(5), events.message()).await else {
            return Err(format!("nothing completed for 5 seconds after {done} of {backlog} tasks"));
        };
        let message = message.map_err(said)?.ok_or_else(|| "the stream of events ended".to_owned())?;
        if let Some(pb::watch_events_response::Event::Item(_)) = message.event {
            done += 1;
            last = now();
        }
    }
    house.close().await;
    Ok(rate(done, last - begin))
}

/// Measures every pair of backlog and number of agents.
pub(crate) fn measure(runtime: &Runtime, turns: &Turns, backlogs: &[i64], crowds: &[usize], tokens: bool) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let mut rates: BTreeMap<(usize, i64), f64> = BTreeMap::new();
    for backlog in backlogs {
        let filled = fill::filled(&turns.folder, *backlog)?;
        for agents in crowds {
            let (mut our, mut bare) = (Vec::new(), Vec::new());
            for _ in 0..turns.rounds {
                let home = tempfile::tempdir_in(&turns.folder).map_err(|error| error.to_string())?;
                fill::copy(&filled, &home.path().join("aq.db"))?;
                our.push(runtime.block_on(ours(home.path(), *backlog, *agents, tokens, turns.span()))?);
                drop(home);
                let home = tempfile::tempdir_in(&turns.folder).map_err(|error| error.to_string())?;
                fill::copy(&filled, &home.path().join("aq.db"))?;
                bare.push(bare_life::measure(runtime, &home.path().join("aq.db"), *agents, tokens, turns.span())?);
            }
            let (our, bare) = (median(&our), median(&bare));
            rates.insert((*agents, *backlog), our);
            let floor = if *agents > 16 { 0.25 } else { 0.35 };
            lines.push(Line {
                what: format!("lifecycles, {agents} agents, {backlog} READY{}", if tokens { ", with tokens" } else { "" }),
                value: our / bare,
                unit: "x bare",
                floor: Floor::AtLeast(floor),
                beside: format!("{our:.0}/s, bare {bare:.0}/s"),
            });
        }
    }
    for agents in crowds {
        if let (Some(small), Some(large)) = (rates.get(&(*agents, 10_000)), rates.get(&(*agents, 1_000_000))) {
            lines.push(Line {
                what: format!("lifecycles, {agents} agents, 1 M READY beside 10 k"),
                value: large / small,
                unit: "x",
                floor: Floor::AtLeast(0.9),
                beside: format!("{large:.0}/s beside {small:.0}/s"),
            });
        }
    }
    Ok(lines)
}
