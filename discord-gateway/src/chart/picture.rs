//! A painted chart as a PNG file beside a message. Painting and encoding take tens of milliseconds, so that they are done off the workers that
//! speak with Discord.

use super::paint::{Canvas, paint};
use super::plan::Chart;
use crate::message::Message;

/// The message with the picture in its first box, and the picture's words for who does not see it. A picture that cannot be made is logged; the
/// text says the same.
pub(crate) async fn attached(message: Message, chart: Chart, name: &'static str) -> Message {
    let words = chart.words();
    let made = tokio::task::spawn_blocking(move || png(&chart)).await;
    match made.map_err(|error| error.to_string()).and_then(|made| made) {
        Ok(bytes) => message.with_picture(name, bytes, words),
        Err(error) => {
            tracing::warn!(%error, name, "a chart could not be drawn");
            message
        }
    }
}

fn png(chart: &Chart) -> Result<Vec<u8>, String> {
    let canvas = paint(chart)?;
    encode(&canvas).map_err(|error| error.to_string())
}

fn encode(canvas: &Canvas) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, canvas.width, canvas.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Large plain areas: the filter that fits each line is found at once.
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&canvas.pixels)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use aq_proto::v1 as pb;

    use super::super::{Over, Slot, board, limits, slots, usage};
    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn tokens(output: u64) -> Option<pb::TokenUsage> {
        Some(pb::TokenUsage { output, ..Default::default() })
    }

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds: NOW + seconds, nanos: 0 })
    }

    fn week(over: Over, projects: u64) -> Chart {
        let report = |(day, slot): (u64, Slot)| {
            let entries: Vec<pb::TokenUsageEntry> = (0..projects)
                .map(|project| pb::TokenUsageEntry {
                    project_id: ["agent-queue", "shop-frontend", "a-very-long-project-name-indeed", "docs", "infra", "site", "tools"]
                        [usize::try_from(project).unwrap() % 7]
                        .into(),
                    tokens: tokens((day * 7 + project * 13) % 11 * 90_000 + project * 1000),
                    ..Default::default()
                })
                .collect();
            let total = entries.iter().filter_map(|entry| entry.tokens.as_ref()).map(|tokens| tokens.output).sum();
            (slot, pb::GetTokenUsageResponse { entries, total: tokens(total), ..Default::default() })
        };
        let reports: Vec<_> = (0..).zip(slots(over, NOW * 1000, "Europe/Vienna")).map(report).collect();
        usage(&reports, pb::UsageGroup::Unspecified, "everything", over)
    }

    fn shares() -> Chart {
        let window = |account: &str, name: &str, used: f64, gates: bool| pb::LimitWindow {
            account_id: account.into(),
            window: name.into(),
            used: Some(used),
            gates,
            ..Default::default()
        };
        let windows = vec![
            window("claude", "five_hour", 0.97, true),
            window("claude", "seven_day", 0.41, false),
            window("codex", "primary", 0.08, false),
        ];
        let project = |id: &str, weight: f64, window_tokens: u64| pb::Project {
            id: id.into(),
            credit_weight: weight,
            window_tokens,
            due_share: Some(weight / 5.0),
            deficit: Some(weight / 5.0 - f64::from(u32::try_from(window_tokens).unwrap()) / 6_890_000.0),
            ..Default::default()
        };
        let projects = [
            project("agent-queue", 3.0, 4_200_000),
            project("shop-frontend", 1.0, 2_600_000),
            project("a-very-long-project-name-indeed", 1.0, 90_000),
        ];
        limits(&pb::ListLimitWindowsResponse { windows, ..Default::default() }, &projects)
    }

    fn queue() -> Chart {
        let task = |n: i64| {
            let done = (n % 3 != 0).then(|| -86_400 + n * 2_900);
            let status = if done.is_some() { pb::TaskStatus::Completed } else { pb::TaskStatus::Ready };
            pb::Task { status: status.into(), created_at: at(-100_000 + n * 1_500), finished_at: done.and_then(at), ..Default::default() }
        };
        let tasks: Vec<pb::Task> = (0..28).map(task).collect();
        let forecast: Vec<pb::TaskForecast> =
            (1..=9).map(|n| pb::TaskForecast { ends_likely: at(n * 4_000), ..Default::default() }).collect();
        board(&tasks, true, &forecast, "agent-queue", NOW * 1000, "Europe/Vienna")
    }

    /// Where a person wants to look at the pictures.
    #[expect(clippy::disallowed_methods, reason = "a person asks for the pictures through the environment")]
    fn wanted() -> Option<std::ffi::OsString> {
        std::env::var_os("AQ_CHARTS")
    }

    /// Charts R1, R7: a picture is a PNG of at least 1000 pixels across, and small enough for a phone's network; empty ones too.
    #[test]
    fn pictures_are_wide_and_small() {
        let pictures = [
            ("usage-week", week(Over::Week, 4)),
            ("usage-day", week(Over::Day, 7)),
            ("usage-month", week(Over::Month, 2)),
            ("usage-empty", week(Over::Week, 0)),
            ("limits", shares()),
            ("board", queue()),
            ("board-empty", board(&[], false, &[], "app", NOW * 1000, "UTC")),
        ];
        for (name, chart) in pictures {
            let bytes = png(&chart).unwrap();
            let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{name}");
            assert!(number(16) >= 1000 && (300..=2000).contains(&number(20)), "{name}: {} × {}", number(16), number(20));
            assert!(bytes.len() < 200_000, "{name}: {} bytes", bytes.len());
            if let Some(folder) = wanted() {
                std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), &bytes).unwrap();
            }
        }
    }
}
