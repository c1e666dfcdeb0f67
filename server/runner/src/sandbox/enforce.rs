//! Asks the kernel what it offers, and binds the calling process to a policy.
//!
//! Spec: specs/server/runner/sandbox.md

use std::fmt;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};

use super::policy::{Sandbox, SandboxLevel, SandboxPolicy};

/// The newest set of rights that we ask for; older kernels give what they have.
const WANTED: ABI = ABI::V6;

/// Capabilities with which the kernel lets a process past Landlock: whoever may watch performance (`PERFMON`, and `SYS_ADMIN` in its place)
/// reads other processes' memory and environment without Landlock being asked; a device file of a disk, made in an own directory (`MKNOD`), is the whole
/// disk; a handle of a file (`DAC_READ_SEARCH`) needs no path; packets of its own making (`NET_RAW`, `NET_ADMIN`) know no ports; and the others
/// reach into the kernel itself. Only a server that runs as root has any to give up.
const PAST_LANDLOCK: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::BPF)
    .union(CapabilitySet::CHECKPOINT_RESTORE)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::SYS_BOOT)
    .union(CapabilitySet::SYS_MODULE)
    .union(CapabilitySet::SYS_RAWIO);

/// What this machine's kernel offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Support {
    /// Version of Landlock's interface; 0: not there, or switched off.
    pub landlock: u32,
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.landlock {
            0 => f.write_str("none: agents are not contained on this machine"),
            1..4 => write!(f, "landlock {}: files are contained, network and signals are not", self.landlock),
            4..6 => write!(f, "landlock {}: files and TCP ports are contained, signals are not", self.landlock),
            _ => write!(f, "landlock {}: files, TCP ports and signals are contained", self.landlock),
        }
    }
}

/// Asks the kernel what it offers, for the log at start. Binds nobody.
#[must_use]
pub fn probe() -> Support {
    // A rule set that is never put in force tells by each version's rights whether the kernel knows them.
    let knows = |abi: ABI| -> Result<RulesetCreated, RulesetError> {
        let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi))?;
        let rules = if abi >= ABI::V4 { rules.handle_access(AccessNet::from_all(abi))? } else { rules };
        let rules = if abi >= ABI::V6 { rules.scope(Scope::from_all(abi))? } else { rules };
        rules.create()
    };
    let versions = [(6, ABI::V6), (5, ABI::V5), (4, ABI::V4), (3, ABI::V3), (2, ABI::V2), (1, ABI::V1)];
    let found = versions.into_iter().find(|(_, abi)| knows(*abi).is_ok());
    Support { landlock: found.map_or(0, |(number, _)| number) }
}

impl Sandbox {
    /// Binds the calling process, and everything it will ever start, for good. Returns what was achieved, in words.
    ///
    /// Privileges can no longer be gained by running a program, at every level.
    ///
    /// # Errors
    /// The kernel refuses what it offers. A kernel that offers less is not an error: the words say so.
    pub(crate) fn enforce(&self) -> Result<String, String> {
        set_no_new_privs(true).map_err(|error| format!("no_new_privs: {error}"))?;
        match self.level {
            SandboxLevel::None => Ok("none".to_owned()),
            SandboxLevel::Landlock => self.restrict(),
            SandboxLevel::Bwrap => self.restrict().map(|achieved| format!("bwrap; {achieved}")),
        }
    }

    fn restrict(&self) -> Result<String, String> {
        let status = restrict(&self.policy).map_err(|error| error.to_string())?;
        give_up(PAST_LANDLOCK).map_err(|error| format!("capabilities: {error}"))?;
        Ok(describe(&status))
    }
}

/// Gives up capabilities for good: without new privileges, running a program does not bring them back, not even to root.
fn give_up(unwanted: CapabilitySet) -> rustix::io::Result<()> {
    let held = capabilities(None)?;
    let kept = CapabilitySets {
        effective: held.effective.difference(unwanted),
        permitted: held.permitted.difference(unwanted),
        inheritable: held.inheritable.difference(unwanted),
    };
    if kept == held { Ok(()) } else { set_capabilities(None, kept) }
}

fn restrict(policy: &SandboxPolicy) -> Result<RestrictionStatus, RulesetError> {
    let rules = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(WANTED))?;
    let rules = match policy.connect_ports {
        Some(_) => rules.handle_access(AccessNet::ConnectTcp)?,
        None => rules,
    };
    let mut rules = rules.scope(Scope::from_all(WANTED))?.create()?;
    for path in &policy.read_only {
        rules = allow(rules, path, AccessFs::from_read(WANTED))?;
    }
    for path in &policy.read_write {
        rules = allow(rules, path, AccessFs::from_all(WANTED))?;
    }
    for port in policy.connect_ports.iter().flatten() {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    rules.restrict_self()
}

/// A path that is not there cannot be allowed, and need not be.
fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    let Ok(handle) = PathFd::new(path) else { return Ok(rules) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(WANTED) };
    rules.add_rule(PathBeneath::new(handle, access))
}

fn describe(status: &RestrictionStatus) -> String {
    let how = match status.ruleset {
        RulesetStatus::FullyEnforced => "fully enforced",
        RulesetStatus::PartiallyEnforced => "partly enforced",
        RulesetStatus::NotEnforced => return "none: this kernel offers no landlock".to_owned(),
    };
    format!("landlock {}, {how}", probe_name())
}

/// The version in use, for the note of the run.
fn probe_name() -> u32 {
    probe().landlock
}
