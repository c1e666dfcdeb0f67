//! Which calls are tools, which of them are always shown, and which are none.

/// The core set: what nearly every conversation needs.
const CORE: [&str; 17] = [
    "add_dependency",
    "answer_question",
    "approve_task",
    "create_task",
    "explain_task",
    "get_status",
    "get_task",
    "get_task_result",
    "list_projects",
    "list_questions",
    "list_tasks",
    "propose_task",
    "reject_task",
    "restart_task",
    "skip_task",
    "stop_task",
    "update_task",
];

/// Calls that are no tools, and why. A name that ends with `/` stands for a whole service.
const LEFT_OUT: [(&str, &str); 8] = [
    ("AdminService/CreateApiKey", "a secret does not belong into a conversation"),
    ("EventService/AcknowledgeEvents", "belongs to durable readers of the event stream"),
    ("EventService/GetConsumer", "belongs to durable readers of the event stream"),
    ("EventService/KeepRecords", "belongs to durable readers of the event stream"),
    ("EventService/ListRecords", "belongs to durable readers of the event stream"),
    ("ChatService/", "a model does not talk to itself"),
    ("McpService/", "carries the tools"),
    ("RunnerService/", "belongs to runners on other machines"),
];

/// True when a tool is in the core set.
pub(super) fn is_core(tool: &str) -> bool {
    CORE.contains(&tool)
}

/// Why the call is no tool; `None`: it is one. `service` without the package.
pub(super) fn left_out(service: &str, call: &str) -> Option<&'static str> {
    let named = format!("{service}/{call}");
    LEFT_OUT.iter().find(|(name, _)| *name == named || (name.ends_with('/') && named.starts_with(name))).map(|(_, why)| *why)
}

/// `TaskService` → `task`.
pub(super) fn of_service(service: &str) -> String {
    snake(service.strip_suffix("Service").unwrap_or(service))
}

/// `CreateTask` → `create_task`.
pub(super) fn snake(camel: &str) -> String {
    let mut text = String::with_capacity(camel.len() + 4);
    for (index, char) in camel.char_indices() {
        if char.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(char.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tools R1.
    #[test]
    fn names_follow_the_contract() {
        assert_eq!(snake("CreateTask"), "create_task");
        assert_eq!(of_service("TaskService"), "task");
        assert!(is_core("create_task") && !is_core("delete_project"));
        assert!(left_out("AdminService", "CreateApiKey").is_some() && left_out("ChatService", "Anything").is_some());
        assert!(left_out("AdminService", "ListApiKeys").is_none());
    }
}
