//! The belt of a turn: the tools that the caller may use, in the groups of the registry, and the tools of the machine.

use aq_core::chat::{Belt, Group, ToolSpec};
use aq_core::principal::Principal;

use super::parts::Parts;
use super::{files, programs};
use crate::tools::Tool;

fn spec(tool: &Tool) -> ToolSpec {
    ToolSpec { name: tool.name.clone(), description: tool.description.clone(), schema: tool.input.clone() }
}

/// The tools of `caller`.
pub(super) fn of(parts: &Parts, caller: &Principal) -> Belt {
    let tools = parts.tools.list(caller, &["*"]);
    let (core, rest): (Vec<_>, Vec<_>) = tools.iter().partition(|tool| tool.core);
    let mut groups = vec![Group {
        name: "core".to_owned(),
        description: "what nearly every conversation needs".to_owned(),
        core: true,
        tools: core.into_iter().map(|tool| spec(tool)).collect(),
    }];
    for group in parts.tools.groups(caller) {
        let tools: Vec<ToolSpec> = rest.iter().filter(|tool| tool.group == group.name).map(|tool| spec(tool)).collect();
        if !tools.is_empty() {
            groups.push(Group { name: group.name, description: group.about, core: false, tools });
        }
    }
    if parts.roots.is_some() {
        groups.push(Group {
            name: "file".to_owned(),
            description: "Files of workspaces: read one, search many.".to_owned(),
            core: false,
            tools: files::specs(),
        });
    }
    if parts.programs.is_some() && parts.roots.is_some() && programs::may(caller) {
        groups.push(Group {
            name: "shell".to_owned(),
            description: "Programs: run one in a folder of a workspace.".to_owned(),
            core: false,
            tools: vec![programs::spec()],
        });
    }
    Belt::new(groups)
}
