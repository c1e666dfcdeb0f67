//! How much Codex may do by itself: its sandbox and when it asks (codex R3).
//!
//! Spec: specs/server/runner/codex.md

use aq_core::runtime::RuntimeKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::runtimes::port::LaunchRefused;

/// The words that a profile may say, for the error that refuses others.
const KNOWN: &str = "plan, read-only, workspace-write, danger-full-access, untrusted, on-request, never, or SANDBOX/APPROVAL";

/// What Codex's own sandbox lets commands do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Containment {
    /// Reading only.
    ReadOnly,
    /// Writing in the work directory.
    #[default]
    WorkspaceWrite,
    /// No sandbox of its own.
    DangerFullAccess,
}

/// When Codex asks before it does something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Approval {
    /// Before every command that is not known to be harmless.
    Untrusted,
    /// When it wants more than its sandbox allows.
    #[default]
    OnRequest,
    /// Never.
    Never,
}

/// Both, and whether a plan is wanted first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Policy {
    pub(super) containment: Containment,
    pub(super) approval: Approval,
    /// True when commands in Codex's own sandbox reach the network.
    pub(super) network: bool,
    pub(super) plan_first: bool,
}

impl Policy {
    /// The policy that the word of a profile means. Where our own sandbox is in force that of Codex is not needed, and could not be set up
    /// either; where it is not, Codex contains its commands itself.
    ///
    /// # Errors
    /// The word is unknown.
    pub(super) fn read(mode: &str, contained: bool) -> Result<Self, LaunchRefused> {
        let usual = if contained { Containment::DangerFullAccess } else { Containment::WorkspaceWrite };
        let of = |containment, approval| Ok(Self { containment, approval, network: false, plan_first: false });
        // As in our own sandbox: what is not named is not taken away.
        let usually = |approval| Ok(Self { containment: usual, approval, network: true, plan_first: false });
        let approval = |word: &str| match word {
            "untrusted" => Some(Approval::Untrusted),
            "on-request" => Some(Approval::OnRequest),
            "never" => Some(Approval::Never),
            _ => None,
        };
        let containment = |word: &str| match word {
            "read-only" => Some(Containment::ReadOnly),
            "workspace-write" => Some(Containment::WorkspaceWrite),
            "danger-full-access" => Some(Containment::DangerFullAccess),
            _ => None,
        };
        if mode.is_empty() {
            return usually(if contained { Approval::Never } else { Approval::OnRequest });
        }
        if mode == "plan" {
            return Ok(Self { plan_first: true, ..Self::read("", contained)? });
        }
        if let Some(approval) = approval(mode) {
            return usually(approval);
        }
        match containment(mode) {
            Some(Containment::DangerFullAccess) => return of(Containment::DangerFullAccess, Approval::Never),
            Some(containment) => return of(containment, Approval::OnRequest),
            None => {}
        }
        if let Some((first, second)) = mode.split_once('/')
            && let (Some(containment), Some(approval)) = (containment(first), approval(second))
        {
            return of(containment, approval);
        }
        Err(LaunchRefused::Unknown { field: "profile.permission_mode", value: mode.to_owned(), runtime: RuntimeKind::Codex, known: KNOWN })
    }

    /// The sandbox as a turn's override spells it, for the work directory `cwd`. Codex would keep its `.git` from being written, and with
    /// it every commit of the agent; ours is made anew for each run and trusted by nobody.
    pub(super) fn turn_sandbox(self, cwd: &str) -> Value {
        let network = self.network;
        match self.containment {
            Containment::ReadOnly => json!({"type": "readOnly", "networkAccess": network}),
            Containment::WorkspaceWrite => json!({
                "type": "workspaceWrite", "writableRoots": [format!("{}/.git", cwd.trim_end_matches('/'))], "networkAccess": network,
                "excludeTmpdirEnvVar": false, "excludeSlashTmp": false,
            }),
            Containment::DangerFullAccess => json!({"type": "dangerFullAccess"}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Approval, Containment, Policy};

    /// Codex R3: the defaults follow our own sandbox; every word and pair is read; others are refused with what is known.
    #[test]
    fn words_of_profiles() {
        use Approval::{Never, OnRequest, Untrusted};
        use Containment::{DangerFullAccess, ReadOnly, WorkspaceWrite};
        let read = |mode: &str, contained| Policy::read(mode, contained).map(|policy| (policy.containment, policy.approval));
        assert_eq!(read("", true), Ok((DangerFullAccess, Never)));
        assert_eq!(read("", false), Ok((WorkspaceWrite, OnRequest)));
        assert_eq!(read("untrusted", true), Ok((DangerFullAccess, Untrusted)));
        assert_eq!(read("never", false), Ok((WorkspaceWrite, Never)));
        assert_eq!(read("read-only", true), Ok((ReadOnly, OnRequest)));
        assert_eq!(read("danger-full-access", false), Ok((DangerFullAccess, Never)));
        assert_eq!(read("workspace-write/untrusted", true), Ok((WorkspaceWrite, Untrusted)));
        assert!(Policy::read("plan", true).is_ok_and(|policy| policy.plan_first));
        for unknown in ["acceptEdits", "read-only/", "never/read-only", "-c x"] {
            let refused = read(unknown, true).unwrap_err().to_string();
            assert!(refused.contains("workspace-write") && refused.contains(unknown), "{refused}");
        }
    }
}
