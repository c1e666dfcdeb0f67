//! Questions of agents that wait for an answer.

/// One choice offered with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionOption {
    /// The label to answer with.
    pub label: String,
    /// What it means; empty when the agent gave no explanation.
    pub description: String,
}

/// What an agent asks of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// A question with options or free text.
    Question,
    /// May this tool be used with this input?
    Permission,
    /// Is this plan accepted?
    PlanApproval,
}

impl QuestionKind {
    /// What happens when nobody answers in time: the tool is not used (`deny`), or the agent is freed and the task waits (`pause`, `wait`).
    #[must_use]
    pub const fn default_action(self) -> &'static str {
        match self {
            Self::Permission => "deny",
            Self::Question => "pause",
            Self::PlanApproval => "wait",
        }
    }
}

/// A question of the agent that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Names the question within the run; an answer carries it.
    pub request_id: String,
    /// What is asked.
    pub kind: QuestionKind,
    /// The question in words.
    pub text: String,
    /// For a permission: the tool. Empty otherwise.
    pub tool: String,
    /// For a permission: the tool's input as JSON, else what the program prepared for people. For a plan: the plan. Empty otherwise.
    pub detail: String,
    /// The offered choices; empty for free text.
    pub options: Vec<QuestionOption>,
}

/// What the names of questions that are asked over MCP begin with. No program's own names do.
const OVER_MCP: &str = "mcp-";

impl Question {
    /// The name of the `number`th question that a run asks over MCP.
    #[must_use]
    pub fn name_over_mcp(number: usize) -> String {
        format!("{OVER_MCP}{number}")
    }

    /// True for a question that was asked over MCP: the agent comes for the answer, its program knows of none.
    #[must_use]
    pub fn is_fetched(&self) -> bool {
        self.request_id.starts_with(OVER_MCP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// output R6: only a permission is denied when nobody answers.
    #[test]
    fn nobody_answers() {
        let kinds = [QuestionKind::Permission, QuestionKind::Question, QuestionKind::PlanApproval];
        assert_eq!(kinds.map(QuestionKind::default_action), ["deny", "pause", "wait"]);
    }

    /// output R6: a question that was asked over MCP is told by its name from those of the program.
    #[test]
    fn questions_over_mcp_are_told_by_their_names() {
        let fetched = |request_id: String| {
            let (text, tool, detail) = (String::new(), String::new(), String::new());
            Question { request_id, kind: QuestionKind::Question, text, tool, detail, options: Vec::new() }.is_fetched()
        };
        assert_eq!((fetched(Question::name_over_mcp(1)), fetched("toolu_1".to_owned())), (true, false));
        assert_ne!(Question::name_over_mcp(1), Question::name_over_mcp(2));
    }
}
