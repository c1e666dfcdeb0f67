//! Section `auto_task`: how plans that agents write become tasks.
//!
//! Keys: `enabled`, `plan_file_patterns`, `inherit_approval`, `base_priority`, `chain_dependencies`, `max_plan_depth`,
//! `max_steps_per_plan`, `plan_approval`, `use_llm_parser`, `llm_parser_model`. The original's other keys are accepted and said to have no effect.

use serde::Serialize;

use aq_core::plan::PATTERNS;
use aq_core::project::PlanApproval;

use crate::config::reader::Reader;

/// How plans become tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AutoTask {
    /// Whether plans are looked for at all.
    pub enabled: bool,
    /// Paths and globs relative to the workspace; the first that hits wins.
    pub plan_file_patterns: Vec<String>,
    /// Whether steps need the approval their parent needed.
    pub inherit_approval: bool,
    /// Priority of the first step; later steps follow it.
    pub base_priority: u64,
    /// Whether each step waits for the one before.
    pub chain_dependencies: bool,
    /// How deep plans may come out of plans, 1 to 10.
    pub max_plan_depth: u64,
    /// How many steps one plan may have, 1 to 500; the titles of more are told, never dropped in silence.
    pub max_steps_per_plan: u64,
    /// Whether the model behind the chat reads plans; where it fails they are read by rules.
    pub use_llm_parser: bool,
    /// The model that does; empty: the configured one of `chat_provider`.
    pub llm_parser_model: String,
    /// Whether a person accepts plans before their tasks are created: `none` or `approve`.
    #[serde(serialize_with = "rule")]
    pub plan_approval: PlanApproval,
}

fn rule<S: serde::Serializer>(rule: &PlanApproval, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.as_str())
}

impl AutoTask {
    pub(in crate::config) fn read(mut reader: Reader<'_>) -> Self {
        let read = Self {
            enabled: reader.boolean("enabled", true),
            plan_file_patterns: reader.texts("plan_file_patterns", &PATTERNS),
            inherit_approval: reader.boolean("inherit_approval", true),
            base_priority: reader.count("base_priority", 0..=1_000_000, 100),
            chain_dependencies: reader.boolean("chain_dependencies", true),
            max_plan_depth: reader.count("max_plan_depth", 1..=10, 1),
            plan_approval: reader.choice(
                "plan_approval",
                &[("none", PlanApproval::None), ("approve", PlanApproval::Approve)],
                PlanApproval::None,
            ),
            max_steps_per_plan: reader.count("max_steps_per_plan", 1..=500, 20),
            use_llm_parser: reader.boolean("use_llm_parser", false),
            llm_parser_model: reader.text("llm_parser_model", ""),
        };
        for (index, pattern) in read.plan_file_patterns.iter().enumerate() {
            if pattern.starts_with('/') || pattern.split('/').any(|part| part == "..") {
                reader.error(&format!("plan_file_patterns[{index}]"), "must stay inside the workspace", None);
            }
        }
        reader.without_effect("inherit_repo", "steps always work in their parent's repository");
        reader.without_effect("rebase_between_subtasks", "every landing rebases on the tip of its target");
        reader.without_effect("mid_chain_rebase", "every landing rebases on the tip of its target");
        reader.without_effect("mid_chain_rebase_push", "landing decides what is pushed");
        reader.finish();
        read
    }
}
