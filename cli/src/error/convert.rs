//! Errors of the layers below, told in the words of the command line (errors R3).

use std::io;

use aq_proto::client::{ConnectError, DiscoverError, InvalidEndpoint};
use aq_proto::error_detail::{ErrorDetail, reason};
use aq_proto::resume::ResumeError;
use tonic::{Code, Status};

use super::{CliError, Kind};

const fn kind_of(code: Code) -> Kind {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Kind::Usage,
        Code::NotFound => Kind::NotFound,
        Code::Unauthenticated | Code::PermissionDenied => Kind::Auth,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => Kind::Conflict,
        Code::Unavailable | Code::ResourceExhausted => Kind::Unavailable,
        Code::DeadlineExceeded => Kind::Timeout,
        _ => Kind::Failure,
    }
}

impl From<Status> for CliError {
    fn from(status: Status) -> Self {
        let kind = kind_of(status.code());
        let mut message = status.message().to_owned();
        if message.is_empty() {
            message = status.code().description().to_owned();
        }
        let detail = ErrorDetail::of(&status).unwrap_or_default();
        let mut lines: Vec<_> = detail.violations.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.description)).collect();
        // A server's message often is its violations in a row; each is said once.
        if lines.len() > 1 && message == lines.join("; ") {
            message = format!("{} fields are wrong", lines.len());
        } else if lines.len() == 1 && lines.first() == Some(&message) {
            lines.clear();
        }
        let mut error = lines.into_iter().fold(Self::new(kind, message), Self::detail);
        if let Some(total) = detail.metadata.get("violations_total") {
            error = error.detail(format!("… of {total} in all"));
        }
        error.hint = hint(status.code(), &detail);
        error
    }
}

/// The next step for errors that are the same for every command.
fn hint(code: Code, detail: &ErrorDetail) -> Option<String> {
    if let Some(delay) = detail.retry_after {
        return Some(format!("try again in {}", humantime::format_duration(std::time::Duration::from_secs(delay.as_secs().max(1)))));
    }
    let text = match code {
        Code::Unauthenticated => "the key comes from --key-file, AQ_KEY_FILE or admin.key of the server's home; see: aqctl doctor",
        Code::PermissionDenied => "ask an administrator for a key with more rights: aqctl key create --role operator",
        Code::Unavailable if detail.reason.starts_with("MODEL_") => "the model's provider failed, not the server; ask again in a moment",
        Code::Unavailable if detail.reason != reason::OVERLOADED => "is the server running? see: aqctl server status",
        Code::Unimplemented => "client and server may be of different versions; see: aqctl doctor",
        Code::DeadlineExceeded => "allow more time with --timeout, or see: aqctl server status",
        Code::NotFound => return detail.resource.as_ref().and_then(|resource| list_of(&resource.kind)).map(|list| format!("see: {list}")),
        _ => return None,
    };
    Some(text.to_owned())
}

/// The command that lists things of a kind.
fn list_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "task" => "aqctl task list --finished",
        "project" => "aqctl project list",
        "agent" => "aqctl agent list",
        "workspace" => "aqctl workspace list",
        "account" => "aqctl account list",
        "run" => "aqctl run list",
        "plan" => "aqctl plan list",
        "hook" => "aqctl hook list",
        "question" => "aqctl questions",
        "api_key" | "key" => "aqctl key list",
        "hook run" => "aqctl hook runs <HOOK>",
        "note" => "aqctl note list --project <PROJECT>",
        "prompt" => "aqctl prompt list --project <PROJECT>",
        _ => return None,
    })
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        let message = error.to_string();
        match error {
            ConnectError::Unreachable { .. } => Self::new(Kind::Unavailable, message).hint("start it with: aqctl server start"),
            ConnectError::NoCertificate(_) => Self::usage(message).hint("name it with --ca-file or AQ_CA_FILE"),
            ConnectError::Plaintext(_) | ConnectError::Header { .. } | ConnectError::Unusable { .. } => Self::usage(message),
        }
    }
}

impl From<DiscoverError> for CliError {
    fn from(error: DiscoverError) -> Self {
        match &error {
            DiscoverError::NoServer(home) => Self::new(Kind::Unavailable, format!("no server has used {} yet", home.display()))
                .hint("start one with: aqctl server start, or name another with --server"),
            DiscoverError::Exposed { .. } => Self::new(Kind::Auth, error.to_string()),
            DiscoverError::Key { .. } | DiscoverError::Empty(_) => {
                Self::new(Kind::Auth, error.to_string()).hint("name a file with a key with --key-file or AQ_KEY_FILE")
            }
            DiscoverError::NotPem { .. } => Self::usage(error.to_string()),
            DiscoverError::Read { .. } | DiscoverError::Endpoint { .. } => Self::failure(error.to_string()),
        }
    }
}

impl From<InvalidEndpoint> for CliError {
    fn from(error: InvalidEndpoint) -> Self {
        Self::usage(error.to_string()).hint("for example --server unix:/run/user/1000/aqd.sock")
    }
}

impl From<ResumeError> for CliError {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Refused(status) => status.into(),
            gave_up @ ResumeError::GaveUp { .. } => {
                Self::new(Kind::Unavailable, gave_up.to_string()).hint("is the server running? see: aqctl server status")
            }
        }
    }
}

/// Errors of standard output and of local files.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::BrokenPipe } else { Kind::Failure };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// errors, table: every gRPC code has the exit code that the spec says.
    #[test]
    fn grpc_codes_map_to_exit_codes() {
        let spec = include_str!("../../../specs/cli/errors.md");
        let names = [
            (Code::Internal, "INTERNAL"),
            (Code::Unknown, "UNKNOWN"),
            (Code::DataLoss, "DATA_LOSS"),
            (Code::Unimplemented, "UNIMPLEMENTED"),
            (Code::Cancelled, "CANCELLED"),
            (Code::InvalidArgument, "INVALID_ARGUMENT"),
            (Code::OutOfRange, "OUT_OF_RANGE"),
            (Code::NotFound, "NOT_FOUND"),
            (Code::Unauthenticated, "UNAUTHENTICATED"),
            (Code::PermissionDenied, "PERMISSION_DENIED"),
            (Code::AlreadyExists, "ALREADY_EXISTS"),
            (Code::FailedPrecondition, "FAILED_PRECONDITION"),
            (Code::Aborted, "ABORTED"),
            (Code::Unavailable, "UNAVAILABLE"),
            (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        ];
        for (code, name) in names {
            let row = spec.lines().find(|line| line.starts_with("| ") && line.split([',', '|', ' ']).any(|word| word == name)).unwrap();
            let expected: u8 = row.trim_start_matches("| ").split(' ').next().unwrap().parse().unwrap();
            assert_eq!(CliError::from(Status::new(code, "x")).kind.exit_code(), expected, "{name}");
        }
    }

    /// errors R3: field violations and the wait are told.
    #[test]
    fn details_are_decoded() {
        let status = ErrorDetail::new("INVALID")
            .with_violation("title", "must not be empty")
            .with_violation("priority", "must lie between 0 and 1000")
            .into_status(Code::InvalidArgument, "2 fields are wrong");
        let error = CliError::from(status);
        assert_eq!(error.to_string(), "2 fields are wrong\n  title: must not be empty\n  priority: must lie between 0 and 1000");
        let busy = ErrorDetail::new(reason::RATE_LIMITED)
            .with_retry_after(std::time::Duration::from_secs(7))
            .into_status(Code::ResourceExhausted, "too many calls");
        assert_eq!(CliError::from(busy).hint.as_deref(), Some("try again in 7s"));
        let gone = ErrorDetail::new("MODEL_UNAVAILABLE").into_status(Code::Unavailable, "the provider's answer broke off");
        assert!(CliError::from(gone).hint.unwrap().contains("not the server"));
        let missing = ErrorDetail::new("TASK_NOT_FOUND").with_resource("task", "x").into_status(Code::NotFound, "no task `x`");
        assert_eq!(CliError::from(missing).hint.as_deref(), Some("see: aqctl task list --finished"));
    }

    /// errors R3: a message that is its violations in a row is told once.
    #[test]
    fn a_violation_is_told_once() {
        let told = |fields: &[(&str, &str)]| {
            let message = fields.iter().map(|(field, problem)| format!("{field}: {problem}")).collect::<Vec<_>>().join("; ");
            let detail =
                fields.iter().fold(ErrorDetail::new("INVALID_ARGUMENT"), |all, (field, problem)| all.with_violation(*field, *problem));
            CliError::from(detail.into_status(Code::InvalidArgument, message)).to_string()
        };
        assert_eq!(told(&[("title", "must not be empty")]), "title: must not be empty");
        let two = [("title", "must not be empty"), ("priority", "must lie between 0 and 1000")];
        assert_eq!(told(&two), "2 fields are wrong\n  title: must not be empty\n  priority: must lie between 0 and 1000");
    }

    /// errors R3: what is not there is looked for in the list of its kind, and the list named is a command that there is.
    #[test]
    fn what_is_missing_leads_to_its_list() {
        use clap::CommandFactory as _;
        let all = ["task", "project", "agent", "workspace", "account", "run", "api_key", "plan", "hook", "hook run", "note", "prompt"];
        for kind in all {
            let missing = ErrorDetail::new("X").with_resource(kind, "x").into_status(Code::NotFound, "not found");
            let hint = CliError::from(missing).hint.unwrap_or_default();
            let command = hint.strip_prefix("see: aqctl ").unwrap_or_else(|| panic!("{kind}: {hint}"));
            let mut known = crate::args::Cli::command();
            for word in command.split(' ').take(2) {
                known = known.find_subcommand(word).unwrap_or_else(|| panic!("{kind}: there is no `aqctl {command}`")).clone();
            }
        }
    }
}
