//! Why runs end without success.

/// Why a run ended without success, in classes that decide what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// The provider does not accept the credentials.
    Auth,
    /// The provider wants money.
    Billing,
    /// The agent reached a turn, context or cost limit of its own.
    Exhausted,
    /// The provider is overloaded or answers with server errors.
    Overloaded,
    /// The request itself was refused as invalid (unknown model, bad argument).
    InvalidRequest,
    /// The program could not be started.
    Spawn,
    /// The program ended without an explicit result.
    Incomplete,
    /// The program said that it failed, or ended with a non-zero exit code.
    Agent,
    /// The wall-clock limit of the run was reached.
    Timeout,
    /// The run printed nothing for longer than the silence limit.
    Silence,
    /// The workspace could not be prepared.
    Workspace,
    /// The run's process and its exit record are gone.
    Lost,
    /// A test command failed.
    Verification,
    /// An error of ours.
    Internal,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 14] = [
        Self::Auth,
        Self::Billing,
        Self::Exhausted,
        Self::Overloaded,
        Self::InvalidRequest,
        Self::Spawn,
        Self::Incomplete,
        Self::Agent,
        Self::Timeout,
        Self::Silence,
        Self::Workspace,
        Self::Lost,
        Self::Verification,
        Self::Internal,
    ];

    /// The name used in the API and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Billing => "billing",
            Self::Exhausted => "exhausted",
            Self::Overloaded => "overloaded",
            Self::InvalidRequest => "invalid_request",
            Self::Spawn => "spawn",
            Self::Incomplete => "incomplete",
            Self::Agent => "agent",
            Self::Timeout => "timeout",
            Self::Silence => "silence",
            Self::Workspace => "workspace",
            Self::Lost => "lost",
            Self::Verification => "verification",
            Self::Internal => "internal",
        }
    }

    /// What helps, one sentence for people (F-162).
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Auth => "log the agent's account in again, then resume the agent",
            Self::Billing => "settle the account with its provider, then resume the agent",
            Self::Exhausted => "split the task into smaller ones, or raise the agent's own limits",
            Self::Overloaded => "wait: the provider has trouble, and the task is tried again by itself",
            Self::InvalidRequest => "correct the agent's profile: the program or the provider refused its arguments",
            Self::Spawn => "install the agent's program or correct its path in the agent's profile, then resume the agent",
            Self::Incomplete => "read the end of the run's output: the program ended without saying how it went",
            Self::Agent => "read the run's output, say more precisely what is wanted, then restart the task with feedback",
            Self::Timeout => "split the task into smaller ones, or raise the limit of a run's time",
            Self::Silence => "look for a program that waited for input, or raise the limit of a run's silence",
            Self::Workspace => "look at the repository and its workspace: aqctl git status, aqctl doctor",
            Self::Lost => "nothing: the run was lost with its machine, and the task is tried again by itself",
            Self::Verification => "read what the check said; the next try is told the same",
            Self::Internal => "look into the server's log; report it if it comes up again",
        }
    }

    /// Reads a name written by [`FailureClass::as_str`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// output R5, F-162: names read back, and each class says what helps.
    #[test]
    fn names_read_back() {
        for class in FailureClass::ALL {
            assert_eq!(FailureClass::parse(class.as_str()), Some(class));
            assert!(class.hint().split(' ').count() > 4, "{class:?}");
        }
        assert_eq!(FailureClass::parse("Timeout"), None);
    }
}
