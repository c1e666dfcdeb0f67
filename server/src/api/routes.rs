//! Every service of the contract as one set of routes.

use aq_proto::v1 as pb;
use tonic::service::Routes;

use super::service::{Api, MAX_ENCODED};
use super::{accounts, admin, agents, assistants, chats, events, git, hooks, notes, plans, projects, prompts, runs, tasks, workspaces};

/// Largest request that is read, in bytes.
const MAX_DECODED: usize = 1024 * 1024;

impl Api {
    /// Every service of the contract.
    #[must_use]
    pub fn routes(&self) -> Routes {
        use pb::account_service_server::AccountServiceServer;
        use pb::admin_service_server::AdminServiceServer;
        use pb::agent_service_server::AgentServiceServer;
        use pb::chat_service_server::ChatServiceServer;
        use pb::event_service_server::EventServiceServer;
        use pb::git_service_server::GitServiceServer;
        use pb::hook_service_server::HookServiceServer;
        use pb::mcp_service_server::McpServiceServer;
        use pb::note_service_server::NoteServiceServer;
        use pb::plan_service_server::PlanServiceServer;
        use pb::project_service_server::ProjectServiceServer;
        use pb::prompt_service_server::PromptServiceServer;
        use pb::run_service_server::RunServiceServer;
        use pb::task_service_server::TaskServiceServer;
        use pb::workspace_service_server::WorkspaceServiceServer;
        macro_rules! sized {
            ($server:ident, $service:expr) => {
                $server::new($service).max_decoding_message_size(MAX_DECODED).max_encoding_message_size(MAX_ENCODED)
            };
        }
        let mut routes = Routes::builder();
        routes
            .add_service(sized!(ProjectServiceServer, projects::Projects(self.clone())))
            .add_service(sized!(WorkspaceServiceServer, workspaces::Workspaces(self.clone())))
            .add_service(sized!(TaskServiceServer, tasks::Tasks(self.clone())))
            .add_service(sized!(PlanServiceServer, plans::Plans(self.clone())))
            .add_service(sized!(RunServiceServer, runs::Runs(self.clone())))
            .add_service(sized!(AgentServiceServer, agents::Agents(self.clone())))
            .add_service(sized!(AccountServiceServer, accounts::Accounts(self.clone())))
            .add_service(sized!(ChatServiceServer, chats::Chats(self.clone())))
            .add_service(sized!(GitServiceServer, git::Git(self.clone())))
            .add_service(sized!(HookServiceServer, hooks::Hooks(self.clone())))
            .add_service(sized!(NoteServiceServer, notes::NoteCalls(self.clone())))
            .add_service(sized!(PromptServiceServer, prompts::PromptCalls(self.clone())))
            .add_service(sized!(EventServiceServer, events::Events::new(self.clone())))
            .add_service(sized!(McpServiceServer, assistants::Mcp(self.clone())))
            .add_service(sized!(AdminServiceServer, admin::Admin(self.clone())));
        routes.routes()
    }
}
