//! The order to start a run as tests give it, and how it is launched: for the tests of runtimes, hostile output and measurements alike.
//!
//! What is played to the normaliser is not here.

use std::path::Path;

use aq_core::ids::{AgentId, ProjectId, RunRef, TaskId, WorkspaceId};
use aq_core::profile::RuntimeProfile;
use aq_core::runner_link::{RunLimits, SessionOrder, StartRun, WorkspaceOrder, WorkspaceSource};
use aq_core::runtime::RuntimeKind;
use aq_runner::runtimes::LaunchOrder;

pub(crate) const SESSION: &str = "5e551011-0000-4000-8000-000000000001";

pub(crate) fn start(kind: RuntimeKind) -> StartRun {
    StartRun {
        run: RunRef { task: TaskId::parse("swift-fox").unwrap(), number: 1 },
        epoch: 1,
        project: ProjectId::parse("shop").unwrap(),
        agent: AgentId::parse("worker").unwrap(),
        runtime: kind,
        workspace: WorkspaceOrder {
            id: WorkspaceId::parse("ws-00000001").unwrap(),
            source: WorkspaceSource::Init { path: "/work/shop".to_owned() },
            default_branch: "main".to_owned(),
            branch: "swift-fox/x".to_owned(),
        },
        title: "A title".to_owned(),
        prompt: "Do it".to_owned(),
        afresh: false,
        session: SessionOrder::Fresh { session_id: SESSION.to_owned() },
        profile: RuntimeProfile::default(),
        limits: RunLimits { wall_ms: 1000, silence_ms: 1000, output_bytes: 1000, processes: 0, grace_ms: 10 },
        secrets: Vec::new(),
    }
}

pub(crate) fn order<'a>(start: &'a StartRun, is_root: bool, root_bypass: bool) -> LaunchOrder<'a> {
    LaunchOrder {
        start,
        session: &start.session,
        launch: 0,
        home: Path::new("/home/of/task"),
        directory: Path::new("/work/shop"),
        ourselves: Path::new("/bin/aqd"),
        bridge: None,
        is_root,
        root_bypass,
        contained: true,
        zone: "UTC",
        background_wait_ms: 9000,
    }
}
