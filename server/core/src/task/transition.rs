//! The one table of moves. A pair that is not in it is refused, never done and logged.
//!
//! Who may cause a move and what else is written with it lives in the server's lifecycle.
//!
//! Spec: specs/server/core/transition.md (the table there is read by the test below)

use super::status::TaskStatus::{self, *};
use super::trigger::Trigger;

/// A move that the table does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid transition: ({from}, {trigger})")]
pub struct InvalidTransition {
    /// The status the task has.
    pub from: TaskStatus,
    /// What was tried.
    pub trigger: Trigger,
}

/// Every move with a name: from, trigger, to. The first 36 are the original system's (F-002).
pub const ROWS: &[(TaskStatus, Trigger, TaskStatus)] = &[
    (Defined, Trigger::DepsMet, Ready),
    (Ready, Trigger::Assigned, Assigned),
    (Assigned, Trigger::AgentStarted, InProgress),
    (InProgress, Trigger::AgentCompleted, Verifying),
    (InProgress, Trigger::AgentFailed, Failed),
    (InProgress, Trigger::TokensExhausted, Paused),
    (InProgress, Trigger::AgentQuestion, WaitingInput),
    (WaitingInput, Trigger::HumanReplied, InProgress),
    (WaitingInput, Trigger::InputTimeout, Paused),
    (Paused, Trigger::ResumeTimer, Ready),
    (Verifying, Trigger::VerifyPassed, Completed),
    (Verifying, Trigger::VerifyFailed, Failed),
    (Verifying, Trigger::PrCreated, AwaitingApproval),
    (AwaitingApproval, Trigger::PrMerged, Completed),
    (Failed, Trigger::Retry, Ready),
    (Failed, Trigger::MaxRetries, Blocked),
    (InProgress, Trigger::MaxRetries, Blocked),
    (InProgress, Trigger::Retry, Ready),
    (Blocked, Trigger::AdminSkip, Completed),
    (Failed, Trigger::AdminSkip, Completed),
    (InProgress, Trigger::AdminStop, Blocked),
    (Blocked, Trigger::AdminRestart, Ready),
    (Failed, Trigger::AdminRestart, Ready),
    (Completed, Trigger::AdminRestart, Ready),
    (Paused, Trigger::AdminRestart, Ready),
    (Defined, Trigger::AdminRestart, Ready),
    (Assigned, Trigger::AdminRestart, Ready),
    (AwaitingApproval, Trigger::AdminRestart, Ready),
    (Verifying, Trigger::AdminRestart, Ready),
    (WaitingInput, Trigger::AdminRestart, Ready),
    (AwaitingApproval, Trigger::PrClosed, Blocked),
    (InProgress, Trigger::Timeout, Blocked),
    (Assigned, Trigger::Timeout, Blocked),
    (Assigned, Trigger::ExecutionError, Ready),
    (InProgress, Trigger::Recovery, Ready),
    (Assigned, Trigger::Recovery, Ready),
    // Approval and landing.
    (AwaitingApproval, Trigger::AdminApprove, Completed),
    (AwaitingApproval, Trigger::AdminReject, Blocked),
    (Verifying, Trigger::ApprovalRequested, AwaitingApproval),
    (AwaitingApproval, Trigger::ApprovalWaived, Completed),
    (AwaitingApproval, Trigger::ApprovedToLand, Verifying),
    (Blocked, Trigger::LandAgain, Verifying),
    (Blocked, Trigger::Repaired, Completed),
    (Completed, Trigger::LandAgain, Verifying),
    (Verifying, Trigger::LandingFailed, Blocked),
    (Verifying, Trigger::ReviewOrdered, Ready),
    // Workspaces and questions.
    (Assigned, Trigger::WorkspaceLost, Ready),
    (InProgress, Trigger::WorkspaceLost, Ready),
    (WaitingInput, Trigger::ReplyAfterExit, Ready),
    (Paused, Trigger::ReplyAfterExit, Ready),
    (WaitingInput, Trigger::QuestionWithdrawn, InProgress),
    // Work that settled and comes back.
    (Completed, Trigger::Reopen, Ready),
    (Failed, Trigger::Reopen, Ready),
    (Blocked, Trigger::Reopen, Ready),
    (AwaitingApproval, Trigger::Reopen, Ready),
    (Paused, Trigger::Reopen, Ready),
    (WaitingInput, Trigger::Reopen, Ready),
    (Completed, Trigger::Restore, Defined),
    (Failed, Trigger::Restore, Defined),
    (Blocked, Trigger::Restore, Defined),
    // Dependencies that are not met (any more).
    (Ready, Trigger::DepsUnmet, Defined),
    (Assigned, Trigger::Gated, Defined),
    (InProgress, Trigger::Gated, Defined),
    (WaitingInput, Trigger::Gated, Defined),
    (Paused, Trigger::Gated, Defined),
    (Verifying, Trigger::Gated, Defined),
    (AwaitingApproval, Trigger::Gated, Defined),
    (Completed, Trigger::Gated, Defined),
    (Failed, Trigger::Gated, Defined),
    (Blocked, Trigger::Gated, Defined),
    // Blocks.
    (Blocked, Trigger::BlockLifted, Ready),
    (Defined, Trigger::Held, Blocked),
    (Ready, Trigger::Held, Blocked),
    (Assigned, Trigger::Held, Blocked),
    (InProgress, Trigger::Held, Blocked),
    (WaitingInput, Trigger::Held, Blocked),
    (Paused, Trigger::Held, Blocked),
    (Verifying, Trigger::Held, Blocked),
    (Failed, Trigger::Held, Blocked),
    (Failed, Trigger::SameFailure, Blocked),
    (InProgress, Trigger::SameFailure, Blocked),
    (Defined, Trigger::AdminHalt, Blocked),
    (Ready, Trigger::AdminHalt, Blocked),
    (Assigned, Trigger::AdminHalt, Blocked),
    (WaitingInput, Trigger::AdminHalt, Blocked),
    (Paused, Trigger::AdminHalt, Blocked),
    (Verifying, Trigger::AdminHalt, Blocked),
    (AwaitingApproval, Trigger::AdminHalt, Blocked),
    (Failed, Trigger::AdminHalt, Blocked),
    // Runs that end badly in any phase.
    (Assigned, Trigger::LostRun, Ready),
    (InProgress, Trigger::LostRun, Ready),
    (WaitingInput, Trigger::LostRun, Ready),
    (Verifying, Trigger::LostRun, Ready),
    (Assigned, Trigger::RunFailed, Failed),
    (WaitingInput, Trigger::RunFailed, Failed),
    (Verifying, Trigger::RunFailed, Failed),
    (Assigned, Trigger::LimitReached, Paused),
    (InProgress, Trigger::LimitReached, Paused),
    (WaitingInput, Trigger::LimitReached, Paused),
    (Verifying, Trigger::LimitReached, Paused),
    (Assigned, Trigger::Backoff, Paused),
    (InProgress, Trigger::Backoff, Paused),
    (Verifying, Trigger::Backoff, Paused),
    (Failed, Trigger::Backoff, Paused),
];

/// True when an administrator may write `target` by hand: every status that no live run stands behind.
const fn may_be_set(target: TaskStatus) -> bool {
    !target.is_live()
}

/// The status that `trigger` leads to from `from` (transition R1).
///
/// # Errors
/// [`InvalidTransition`] when the table does not list the pair.
pub fn transition(from: TaskStatus, trigger: Trigger) -> Result<TaskStatus, InvalidTransition> {
    if let Trigger::SetStatus(target) = trigger {
        return if may_be_set(target) && target != from { Ok(target) } else { Err(InvalidTransition { from, trigger }) };
    }
    ROWS.iter().find(|row| row.0 == from && row.1 == trigger).map(|row| row.2).ok_or(InvalidTransition { from, trigger })
}

/// [`transition`], heeding dependencies: what would become READY becomes DEFINED while a dependency is not met (transition R4, D-34).
///
/// # Errors
/// [`InvalidTransition`] when the table does not list the pair.
pub fn settle(from: TaskStatus, trigger: Trigger, dependencies_met: bool) -> Result<TaskStatus, InvalidTransition> {
    let to = transition(from, trigger)?;
    if to != Ready || dependencies_met {
        return Ok(to);
    }
    match (from, trigger) {
        // Promotion is what the dependencies decide, so there is nothing to fall back to.
        (_, Trigger::DepsMet) => Err(InvalidTransition { from, trigger }),
        (Defined, _) | (_, Trigger::SetStatus(_)) => Ok(Defined),
        _ => transition(from, Trigger::Gated),
    }
}

/// True when some trigger leads from `from` to `to`. Writing the status by hand does not count.
#[must_use]
pub fn reachable(from: TaskStatus, to: TaskStatus) -> bool {
    ROWS.iter().any(|row| row.0 == from && row.2 == to)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Reads the rows `| A, B | TRIGGER | C |` of the spec.
    fn spec_rows() -> BTreeMap<(String, String), String> {
        let spec = include_str!("../../../../specs/server/core/transition.md");
        let mut rows = BTreeMap::new();
        for line in spec.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| From")) {
            let cells: Vec<_> = line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
            let [froms, trigger, to] = cells[..] else { panic!("row with {} cells: {line}", cells.len()) };
            for from in froms.split(',').map(str::trim) {
                let old = rows.insert((from.to_owned(), trigger.to_owned()), to.to_owned());
                assert_eq!(old, None, "pair listed twice: {line}");
            }
        }
        rows
    }

    /// F-002, F-003, transition R1: the English and the code list the same pairs; all other pairs are refused.
    #[test]
    fn every_pair_agrees_with_the_spec() {
        let rows = spec_rows();
        assert_eq!(rows.len(), ROWS.len());
        for from in TaskStatus::ALL {
            for trigger in Trigger::NAMED {
                let listed = rows.get(&(from.to_string(), trigger.to_string()));
                match transition(*from, *trigger) {
                    Ok(to) => assert_eq!(listed, Some(&to.to_string()), "({from}, {trigger})"),
                    Err(error) => {
                        assert_eq!(listed, None, "({from}, {trigger})");
                        assert_eq!(error.to_string(), format!("invalid transition: ({from}, {trigger})"));
                    }
                }
            }
        }
    }

    /// F-002: of the original 11 × 23 pairs exactly 36 are legal.
    #[test]
    fn the_original_triggers_have_36_pairs() {
        let original = &Trigger::NAMED[..Trigger::ORIGINAL];
        assert_eq!(original.last(), Some(&Trigger::Recovery));
        let legal =
            TaskStatus::ALL.iter().flat_map(|from| original.iter().map(|trigger| transition(*from, *trigger))).filter(Result::is_ok);
        assert_eq!(legal.count(), 36);
    }

    /// F-003: reachability agrees with the table for all 121 pairs.
    #[test]
    fn reachable_agrees_with_the_table() {
        for from in TaskStatus::ALL {
            for to in TaskStatus::ALL {
                let by_trigger = Trigger::NAMED.iter().any(|trigger| transition(*from, *trigger) == Ok(*to));
                assert_eq!(reachable(*from, *to), by_trigger, "{from} -> {to}");
            }
        }
    }

    /// transition R2: COMPLETED leaves only by an operator, BLOCKED by an operator or when its reason passes.
    #[test]
    fn absorbing_states_absorb() {
        for (from, trigger, _) in ROWS.iter().filter(|row| row.0.is_absorbing()) {
            let passes = *from == Blocked && *trigger == Trigger::BlockLifted;
            assert!(trigger.is_operator() || *trigger == Trigger::Gated || passes, "({from}, {trigger})");
        }
        let alone = [Trigger::DepsMet, Trigger::Gated, Trigger::BlockLifted, Trigger::HumanReplied];
        assert!(alone.iter().all(|trigger| !trigger.is_operator()));
    }

    /// task R14: a review that was due stays due while the work goes on, and no longer.
    #[test]
    fn a_review_ends_when_the_work_begins_anew_or_is_settled() {
        let ends: Vec<_> = Trigger::NAMED.iter().filter(|trigger| trigger.ends_review()).map(|trigger| trigger.as_str()).collect();
        let settled = ["VERIFY_PASSED", "PR_CREATED", "ADMIN_SKIP", "ADMIN_RESTART", "APPROVAL_REQUESTED", "APPROVED_TO_LAND"];
        let later = ["LAND_AGAIN", "REPAIRED", "LANDING_FAILED", "REOPEN", "RESTORE"];
        assert_eq!(ends.into_iter().collect::<BTreeSet<_>>(), settled.into_iter().chain(later).collect());
        assert!(Trigger::SetStatus(Ready).ends_review());
    }

    /// transition R3: every state can be left, and from every state COMPLETED can be reached.
    #[test]
    fn no_state_is_a_trap() {
        for start in TaskStatus::ALL {
            let mut seen = BTreeSet::from([*start]);
            let mut queue = vec![*start];
            while let Some(from) = queue.pop() {
                for (_, _, to) in ROWS.iter().filter(|row| row.0 == from) {
                    if seen.insert(*to) {
                        queue.push(*to);
                    }
                }
            }
            assert!(seen.contains(&Completed) && seen.contains(&Ready), "{start}");
        }
    }

    /// transition R4, D-34.
    #[test]
    fn unmet_dependencies_turn_ready_into_defined() {
        for (from, trigger, to) in ROWS {
            let gated = settle(*from, *trigger, false);
            match (to, trigger) {
                (Ready, Trigger::DepsMet) => assert!(gated.is_err()),
                (Ready, _) => assert_eq!(gated, Ok(Defined), "({from}, {trigger})"),
                _ => assert_eq!(gated, Ok(*to)),
            }
            assert_eq!(settle(*from, *trigger, true), Ok(*to));
        }
        assert_eq!(settle(Blocked, Trigger::SetStatus(Ready), false), Ok(Defined));
    }

    /// transition R5.
    #[test]
    fn setting_by_hand_never_claims_a_live_run() {
        for from in TaskStatus::ALL {
            for to in TaskStatus::ALL {
                let result = transition(*from, Trigger::SetStatus(*to));
                assert_eq!(result.is_ok(), from != to && !to.is_live(), "{from} -> {to}");
            }
        }
    }

    /// F-005, transition R5: the label of a trigger is read back; the one that carries a target shows it, and is not read without.
    #[test]
    fn labels_are_read_back() {
        for trigger in Trigger::NAMED {
            assert_eq!((Trigger::read(trigger.as_str()), trigger.to_string().as_str()), (Ok(*trigger), trigger.as_str()));
        }
        assert_eq!(Trigger::SetStatus(Ready).to_string(), "SET_STATUS(READY)");
        assert!(Trigger::read("SET_STATUS").unwrap_err().allowed.starts_with("DEPS_MET, ASSIGNED, "));
    }

    /// transition R6: each live state can be stopped, lost, failed and limited.
    #[test]
    fn every_live_state_has_its_ends() {
        for status in TaskStatus::ALL.iter().copied().filter(|status| status.is_live()) {
            assert_eq!(transition(status, Trigger::stop_in(status)), Ok(Blocked));
            assert_eq!(transition(status, Trigger::LostRun), Ok(Ready));
            assert_eq!(transition(status, Trigger::failure_in(status)), Ok(Failed));
            assert_eq!(transition(status, Trigger::LimitReached), Ok(Paused));
        }
    }
}
