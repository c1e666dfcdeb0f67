//! `aqctl audit verify`.

use aq_proto::v1::{VerifyAuditLogRequest, VerifyAuditLogResponse};

use crate::context::Context;
use crate::error::CliError;

/// Check that no record was changed, removed, added or moved; ends with 1 when one was
///
/// Keep what it prints as `known` somewhere else and give it again with --known later: a log that was written anew as a whole hangs together and is seen
/// only so.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A record that must still be there, as an earlier verification printed it
    #[arg(long, value_name = "NUMBER:HASH", value_parser = known)]
    known: Option<(u64, String)>,
}

/// Reads `NUMBER:HASH`.
fn known(text: &str) -> Result<(u64, String), String> {
    let place = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse::<u64>().ok().filter(|seq| *seq > 0)?, hash)));
    let hexadecimal = |hash: &str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    place
        .filter(|(_, hash)| hexadecimal(hash))
        .map(|(seq, hash)| (seq, hash.to_ascii_lowercase()))
        .ok_or_else(|| "must be a record's number, a colon, and the 64 digits of its hash".to_owned())
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let connection = context.connect().await?;
    let (known_seq, known_hash) = args.known.unwrap_or_default();
    let answer = connection.admin().verify_audit_log(VerifyAuditLogRequest { known_seq, known_hash }).await?.into_inner();
    context.ui.show(&answer, crate::render::audit::verified)?;
    if answer.sound {
        Ok(())
    } else {
        Err(CliError::failure(verdict(&answer)).hint("compare with a copy of the database: aqctl audit list, aqctl backup"))
    }
}

/// What was found, one sentence.
pub(in crate::commands) fn verdict(answer: &VerifyAuditLogResponse) -> String {
    match (answer.sound, answer.record_count) {
        (true, 1) => "1 record, as it was written".to_owned(),
        (true, count) => format!("{count} records, all as they were written"),
        (false, _) => format!("record {} {}", answer.broken_seq, answer.problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// audit R7: a place is typed as it was printed.
    #[test]
    fn places_are_read() {
        let hash = "Ab".repeat(32);
        assert_eq!(known(&format!("7:{hash}")), Ok((7, "ab".repeat(32))));
        for bad in ["7", "0:00", &format!("0:{hash}"), &format!("x:{hash}"), &format!("7:{hash}0"), &format!("7:{}", "g".repeat(64))] {
            assert!(known(bad).is_err(), "{bad}");
        }
    }

    /// audit R6: the first broken record is named with what is wrong.
    #[test]
    fn the_verdict_names_the_record() {
        let answer = VerifyAuditLogResponse { broken_seq: 7, problem: "was removed".into(), ..Default::default() };
        assert_eq!(verdict(&answer), "record 7 was removed");
        let answer = VerifyAuditLogResponse { sound: true, record_count: 3, ..Default::default() };
        assert_eq!(verdict(&answer), "3 records, all as they were written");
    }
}
