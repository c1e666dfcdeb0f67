//! A call of Discord's REST interface, its answer, and the way it travels (a trait: the library lives elsewhere).

use serde_json::Value;

use crate::message::File;

/// The HTTP methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    /// Read.
    Get,
    /// Make.
    Post,
    /// Change.
    Patch,
    /// Set.
    Put,
    /// Remove.
    Delete,
}

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The method.
    pub(crate) method: Method,
    /// The path behind `/api/v10`, with its query.
    pub(crate) path: String,
    /// The body.
    pub(crate) body: Option<Value>,
    /// Files that go with it.
    pub(crate) files: Vec<File>,
    /// It is worth its place when Discord is about to shut us out; progress is not.
    pub(crate) critical: bool,
    /// How often it is tried when Discord or the way to it is broken. 0: until it works.
    pub(crate) tries: u32,
}

impl Call {
    /// A call that is worth its place and is tried five times.
    pub(crate) fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body, files: Vec::new(), critical: true, tries: 5 }
    }

    /// The same for something that nobody would miss.
    pub(crate) fn minor(mut self) -> Self {
        self.critical = false;
        self
    }

    /// The same, tried until it works, and waiting while Discord refuses too much.
    pub(crate) fn lasting(mut self) -> Self {
        self.tries = 0;
        self
    }

    /// Calls of one lane are made one after the other: those of one channel, with its edits and the opening of threads beside them, so that what
    /// is said waits for no room to edit or to open.
    pub(super) fn lane(&self) -> Option<(u64, Beside)> {
        let mut parts = self.path.split(['/', '?']).skip(1);
        let beside = match self.method {
            Method::Patch => Beside::Edits,
            Method::Post if self.path.ends_with("/threads") => Beside::Threads,
            _ => Beside::Nothing,
        };
        match (parts.next(), parts.next()) {
            (Some("channels"), Some(id)) => Some((id.parse().ok()?, beside)),
            _ => None,
        }
    }

    /// Calls with one route share a limit: the method, the path with its minor ids taken out, and the id that counts.
    pub(super) fn route(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let mut made = format!("{:?} ", self.method);
        for (index, part) in path.split('/').skip(1).enumerate() {
            made.push('/');
            let id = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            // Emojis are written as their bytes; all of them share a limit.
            made.push_str(if (id && index > 1) || part.starts_with('%') { "*" } else { part });
        }
        made
    }

    /// Answers to interactions have no part in the common limit.
    pub(super) fn apart(&self) -> bool {
        self.path.starts_with("/interactions/") || self.path.starts_with("/webhooks/")
    }
}

/// What has an order of its own beside what is said in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Beside {
    /// It is what is said.
    Nothing,
    /// Edits of messages.
    Edits,
    /// The opening of threads.
    Threads,
}

/// What Discord answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The body; null when it was none.
    pub(crate) body: Value,
    /// The name of the limit that counted it.
    pub(crate) bucket: Option<String>,
    /// Calls of a full window.
    pub(crate) limit: Option<u32>,
    /// Calls left in it.
    pub(crate) remaining: Option<u32>,
    /// Milliseconds until it is full again.
    pub(crate) reset_after: Option<u64>,
    /// Milliseconds to wait before trying again.
    pub(crate) retry_after: Option<u64>,
    /// The limit that was met is the common one.
    pub(crate) global: bool,
    /// The limit that was met is shared with others, and no fault of ours.
    pub(crate) shared: bool,
}

/// The call did not come through, or its answer did not: nobody knows which.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Discord cannot be reached: {0}")]
pub(crate) struct Broken(pub(crate) String);

/// The way to Discord.
#[async_trait::async_trait]
pub(crate) trait Transport: Send + Sync + 'static {
    /// Makes a call once.
    async fn perform(&self, call: &Call) -> Result<Reply, Broken>;
}

/// Why a call came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Discord refused.
    #[error("Discord refuses ({status}, code {code}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's own code; 0: none.
        code: u64,
        /// Its words.
        message: String,
    },
    /// It was tried often enough, or long enough that nobody knows any more whether it happened.
    #[error("Discord does not answer: {0}")]
    Unanswered(String),
    /// Too many refusals lately: what is not needed is not sent (F-227).
    #[error("held back: Discord has refused too many calls lately")]
    HeldBack,
}

impl CallError {
    /// The thing that the call was about is gone.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// The thing cannot be changed as it was asked, and will not be on another try.
    pub(crate) fn code(&self) -> u64 {
        match self {
            Self::Refused { code, .. } => *code,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outbound R1, R2: one lane for each channel, one limit for each route and channel.
    #[test]
    fn lanes_and_routes() {
        let call = |method, path: &str| Call::new(method, path, None);
        let edit = call(Method::Patch, "/channels/12/messages/99");
        assert_eq!((edit.lane(), edit.route().as_str()), (Some((12, Beside::Edits)), "Patch /channels/12/messages/*"));
        let mark = call(Method::Put, "/channels/12/messages/99/reactions/%E2%9C%85/@me");
        assert_eq!(mark.route(), "Put /channels/12/messages/*/reactions/*/@me");
        let read = call(Method::Get, "/channels/12/messages?limit=100");
        assert_eq!((read.lane(), read.route().as_str()), (Some((12, Beside::Nothing)), "Get /channels/12/messages"));
        assert_eq!(call(Method::Post, "/channels/12/messages/9/threads").lane(), Some((12, Beside::Threads)));
        let answer = call(Method::Post, "/interactions/5/token/callback");
        assert!(answer.apart() && answer.lane().is_none());
    }
}
