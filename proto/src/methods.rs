//! The calls of the contract by path, read from the descriptor set once.
//!
//! Spec: specs/proto/README.md

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::FILE_DESCRIPTOR_SET;

/// One call of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The service with its package, for example `agentqueue.v1.TaskService`.
    pub service: String,
    /// The call's name, for example `CreateTask`.
    pub name: String,
    /// True when the answer is a stream of messages; such a call has no deadline of its own.
    pub server_streaming: bool,
}

static METHODS: LazyLock<BTreeMap<String, Method>> = LazyLock::new(|| {
    // The bytes are made by our own build; a set that does not decode leaves the table empty, and a test below fails.
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
    let mut methods = BTreeMap::new();
    for file in &set.file {
        for service in &file.service {
            let full = format!("{}.{}", file.package(), service.name());
            for method in &service.method {
                methods.insert(
                    format!("/{full}/{}", method.name()),
                    Method { service: full.clone(), name: method.name().to_owned(), server_streaming: method.server_streaming() },
                );
            }
        }
    }
    methods
});

/// Every call by its path (`/agentqueue.v1.TaskService/CreateTask`), ordered by path.
#[must_use]
pub fn methods() -> &'static BTreeMap<String, Method> {
    &METHODS
}

/// True when the call at `path` answers with a stream. Calls of other contracts count as not streaming.
#[must_use]
pub fn is_server_streaming(path: &str) -> bool {
    METHODS.get(path).is_some_and(|method| method.server_streaming)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract R12: the table holds every call, and knows the two streams.
    #[test]
    fn the_table_knows_calls_and_streams() {
        assert!(methods().len() > 50, "{}", methods().len());
        assert_eq!(methods().get("/agentqueue.v1.TaskService/CreateTask").map(|method| method.name.as_str()), Some("CreateTask"));
        assert!(is_server_streaming("/agentqueue.v1.RunService/StreamRunOutput"));
        assert!(is_server_streaming("/agentqueue.v1.EventService/WatchEvents"));
        assert!(!is_server_streaming("/agentqueue.v1.TaskService/CreateTask"));
        assert!(!is_server_streaming("/grpc.health.v1.Health/Watch"));
    }
}
