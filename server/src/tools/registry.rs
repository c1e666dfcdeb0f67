//! The registry: every call of the contract as a tool, found once when the server starts.

use std::collections::BTreeMap;
use std::sync::Arc;

use aq_core::principal::{Principal, Role};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ServiceDescriptor};
use serde_json::Value;

use super::comments::{Comments, LONGEST_TOOL, shorten};
use super::port::{Group, Tool, ToolBox, ToolError};
use super::{answer, arguments, describe, groups, output, own};
use crate::api::{Inside, Refused};

/// The package whose services are tools.
const PACKAGE: &str = "agentqueue.v1";

/// The contract's own description cannot be read; a defect of the build.
#[derive(Debug, thiserror::Error)]
#[error("the contract's descriptions cannot be read: {0}")]
pub struct BrokenContract(#[from] prost_reflect::DescriptorError);

/// One tool with its call.
struct Entry {
    tool: Arc<Tool>,
    path: &'static str,
    method: MethodDescriptor,
}

/// Every tool.
pub struct Registry {
    entries: BTreeMap<String, Entry>,
    /// What each group is about.
    about: BTreeMap<String, String>,
    inside: Inside,
}

impl Registry {
    /// The tools of the contract, called through `inside`.
    ///
    /// # Errors
    /// [`BrokenContract`].
    pub fn new(inside: Inside) -> Result<Self, BrokenContract> {
        let pool = DescriptorPool::decode(aq_proto::FILE_DESCRIPTOR_SET)?;
        let services: Vec<_> = pool.services().filter(|service| service.package_name() == PACKAGE).collect();
        let mut calls = BTreeMap::new();
        for (service, method) in services.iter().flat_map(|service| service.methods().map(move |method| (service, method))) {
            if is_tool(service, &method) {
                calls.insert(method.name().to_owned(), groups::snake(method.name()));
            }
        }
        calls.insert("StreamRunOutput".to_owned(), output::NAME.to_owned());
        let comments = Comments::of(&pool, calls);
        let (mut entries, mut about) = (BTreeMap::new(), BTreeMap::new());
        for service in &services {
            let group = groups::of_service(service.name());
            for method in service.methods() {
                let Some((path, _)) = crate::api::PERMISSIONS.iter().find(|(path, _)| *path == path_of(service, &method)) else { continue };
                let tool = if *path == output::PATH {
                    output::tool(describe::input(&comments, &method.input()))
                } else if is_tool(service, &method) {
                    tool(&comments, &group, &method)
                } else {
                    continue;
                };
                let text = shorten(comments.raw(&service.parent_file(), service.path()), LONGEST_TOOL);
                about.insert(group.clone(), text);
                entries.insert(tool.name.clone(), Entry { tool: Arc::new(tool), path, method });
            }
        }
        Ok(Self { entries, about, inside })
    }

    /// Every tool with its path, ordered by name.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<Tool>, &'static str)> {
        self.entries.values().map(|entry| (&entry.tool, entry.path))
    }

    fn usable(&self, caller: &Principal) -> impl Iterator<Item = &Entry> {
        let role = caller.role;
        self.entries.values().filter(move |entry| Inside::allows(entry.path, role))
    }

    /// A tool that is called nearly so.
    fn near(&self, name: &str) -> Option<String> {
        let distance = |known: &&String| strsim::damerau_levenshtein(name, known);
        self.entries.keys().min_by_key(distance).filter(|known| distance(known) <= 1 + known.len() / 4).cloned()
    }

    async fn carry_out(&self, caller: &Principal, entry: &Entry, arguments: Value) -> Result<Value, ToolError> {
        if entry.path == output::PATH {
            return output::read(&self.inside, caller, &entry.method, arguments).await;
        }
        let arguments = own::with_own(caller, &entry.method.input(), arguments);
        let request = arguments::read(&entry.method.input(), &arguments).map_err(ToolError::Arguments)?;
        let bytes = self.inside.call(caller, entry.path, request.encode_to_vec()).await.map_err(ToolError::Refused)?;
        let message = DynamicMessage::decode(entry.method.output(), bytes).map_err(|error| {
            ToolError::Refused(Refused {
                reason: "INTERNAL".to_owned(),
                sentence: format!("the answer cannot be read: {error}"),
                fields: Vec::new(),
                retry_after: None,
            })
        })?;
        Ok(answer::told(&message))
    }
}

#[async_trait::async_trait]
impl ToolBox for Registry {
    fn groups(&self, caller: &Principal) -> Vec<Group> {
        let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for entry in self.usable(caller) {
            found.entry(&entry.tool.group).or_default().push(entry.tool.name.clone());
        }
        let about = |name: &str| self.about.get(name).cloned().unwrap_or_default();
        found.into_iter().map(|(name, tools)| Group { name: name.to_owned(), about: about(name), tools }).collect()
    }

    fn list(&self, caller: &Principal, groups: &[&str]) -> Vec<Arc<Tool>> {
        let all = caller.role == Role::Run || groups.contains(&"*");
        let shown = |tool: &Tool| all || tool.core || groups.contains(&tool.group.as_str());
        self.usable(caller).filter(|entry| shown(&entry.tool)).map(|entry| own::shown(caller, &entry.tool)).collect()
    }

    fn find(&self, caller: &Principal, name: &str) -> Option<Arc<Tool>> {
        self.entries.get(name).filter(|entry| Inside::allows(entry.path, caller.role)).map(|entry| own::shown(caller, &entry.tool))
    }

    async fn call(&self, caller: &Principal, name: &str, arguments: Value) -> Result<Value, ToolError> {
        let Some(entry) = self.entries.get(name) else {
            let name: String = name.chars().take(64).collect();
            return Err(ToolError::Unknown { near: self.near(&name), name });
        };
        if !Inside::allows(entry.path, caller.role) {
            self.inside.deny(caller, entry.path).await;
            return Err(ToolError::Forbidden { name: name.to_owned(), role: caller.role.as_str() });
        }
        let done = self.carry_out(caller, entry, arguments).await;
        match &done {
            Ok(_) => tracing::info!(tool = name, actor = caller.actor(), "a tool was used"),
            Err(error) => tracing::info!(tool = name, actor = caller.actor(), reason = error.reason(), "a tool was refused"),
        }
        done
    }
}

fn path_of(service: &ServiceDescriptor, method: &MethodDescriptor) -> String {
    format!("/{}/{}", service.full_name(), method.name())
}

fn is_tool(service: &ServiceDescriptor, method: &MethodDescriptor) -> bool {
    !method.is_server_streaming() && !method.is_client_streaming() && groups::left_out(service.name(), method.name()).is_none()
}

fn tool(comments: &Comments, group: &str, method: &MethodDescriptor) -> Tool {
    let name = groups::snake(method.name());
    Tool {
        description: comments.told(&method.parent_service().parent_file(), method.path(), LONGEST_TOOL),
        group: group.to_owned(),
        core: groups::is_core(&name),
        mutates: method.input().get_field_by_name("request_id").is_some(),
        input: describe::input(comments, &method.input()),
        name,
    }
}
