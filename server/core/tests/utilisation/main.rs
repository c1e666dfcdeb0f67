//! How much of what a plan's windows offer becomes kept work: ours beside the original, on the same tasks. `cargo test -p aq-core --test utilisation --
//! --nocapture` prints the table.
//!
//! The model world lives in `model`, the policies in `policies`.

mod draws;
mod model;
mod policies;

use model::{Outcome, Policy, Scenario, run};
use policies::{Ours, Shipped, Specified};

/// The cases measured on the original: agents, mean length of a task in seconds, and the useful part of its policy as specified.
const CASES: [(usize, f64, f64); 5] = [(1, 900.0, 0.911), (4, 300.0, 0.964), (4, 900.0, 0.868), (8, 900.0, 0.851), (4, 3600.0, 0.316)];

fn scenario(agents: usize, mean: f64, reread: f64) -> Scenario {
    Scenario { agents, mean, reread, windows: 15.0, backlog: None }
}

/// The mean over the four seeds that the original was measured with.
fn mean(scenario: &Scenario, policy: impl Fn(u32) -> Box<dyn Policy>) -> Outcome {
    let mut sum = Outcome::default();
    for seed in 0..4 {
        let one = run(scenario, policy(seed).as_mut(), seed);
        sum.useful += one.useful / 4.0;
        sum.reset_to_token += one.reset_to_token / 4.0;
        sum.done += one.done;
        sum.blocked += one.blocked;
        sum.launches_refused += one.launches_refused;
    }
    sum
}

fn ours(scenario: &Scenario) -> Outcome {
    let budget = scenario.budget();
    mean(scenario, |seed| Box::new(Ours::new(budget, seed)))
}

/// limits R1 to R5. The model first gives the original's own figures within one per cent, else it is wrong. Then ours: at least 0.96 of what the
/// windows offer in every case, 0.98 with four agents or more where going on with a session is cheap, the first token within three seconds of a
/// reset, and nothing started on an account that refuses.
#[test]
fn windows_are_used_up() {
    println!("agents  task s  original   ours, 3k re-read        ours, 45k re-read");
    for (agents, length, measured) in CASES {
        let original = mean(&scenario(agents, length, 0.0), |_| Box::new(Specified));
        let (cheap, dear) = (ours(&scenario(agents, length, 3_000.0)), ours(&scenario(agents, length, 45_000.0)));
        println!(
            "{agents:>6}  {length:>6}  {:>8.3}   {:.3}, {:.1} s to token    {:.3}, {:.1} s to token",
            original.useful, cheap.useful, cheap.reset_to_token, dear.useful, dear.reset_to_token
        );
        assert!((original.useful - measured).abs() <= 0.01 * measured, "the model gives {} for {measured}", original.useful);
        assert!(dear.useful >= 0.96 && cheap.useful >= if agents >= 4 { 0.98 } else { 0.96 }, "{cheap:?} {dear:?}");
        for outcome in [cheap, dear] {
            assert!(outcome.reset_to_token <= 3.0 && outcome.blocked == 0 && outcome.launches_refused == 0, "{outcome:?}");
        }
    }
}

/// F-074: the original as shipped blocks its queue on a refusal; ours finishes it.
#[test]
fn a_refusal_blocks_nothing() {
    let queue = Scenario { backlog: Some(300), windows: 8.0, ..scenario(4, 900.0, 3_000.0) };
    let shipped = mean(&queue, |_| Box::new(Shipped));
    let ours = ours(&queue);
    println!(
        "300 tasks, 4 seeds: as shipped {} done, {} blocked; ours {} done, {} blocked",
        shipped.done, shipped.blocked, ours.done, ours.blocked
    );
    assert!(shipped.blocked > 4 * 200, "{shipped:?}");
    assert_eq!((ours.done, ours.blocked), (4 * 300, 0));
}
