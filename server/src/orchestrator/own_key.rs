//! The key of a run: what lets its agent read its own task and propose others. Made with the run, taken back with it.
//!
//! What the key may do lives in the API's table of permissions; handing it to the program is the runner's business.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aq_core::ids::RunRef;
use aq_core::principal::{ProjectScope, Role};
use aq_core::profile::{McpServer, McpTransport, OWN_SERVER};
use aq_core::project::{Project, ProposalPolicy};
use aq_core::time::Timestamp;

use crate::lifecycle::{LifecycleError, Tx};
use crate::store::{api_keys, new_key};

/// How runs get keys of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKeys {
    /// The server's socket.
    pub socket: PathBuf,
    /// Where the tools are served over HTTP; `None`: nowhere.
    pub mcp_url: Option<String>,
    /// How long a key works at most, in milliseconds; it ends with its run.
    pub lifetime_ms: i64,
}

/// What the agent's environment gets for its key.
pub(super) struct Issued {
    /// Variables.
    pub(super) variables: [(String, String); 2],
    /// The key, which must not appear in output.
    pub(super) key: String,
    /// The tools, where they are served.
    pub(super) server: Option<McpServer>,
}

/// Makes a key for the run, unless the server or the project hands out none.
///
/// # Errors
/// When the row cannot be written.
pub(super) fn issue(
    tx: &mut Tx<'_>,
    keys: Option<&OwnKeys>,
    project: &Project,
    run: &RunRef,
    now: Timestamp,
) -> Result<Option<Issued>, LifecycleError> {
    let Some(keys) = keys.filter(|_| project.proposals != ProposalPolicy::Off) else { return Ok(None) };
    let scope = ProjectScope::Only(BTreeSet::from([project.id.clone()]));
    let mut made = new_key(Role::Run, scope, &format!("run {run}"), now, Some(now.plus_millis(keys.lifetime_ms)));
    made.record.run = Some(run.clone());
    api_keys::insert(tx.db, &made.record)?;
    let socket = keys.socket.to_string_lossy().into_owned();
    let variables = [("AQ_API_KEY".to_owned(), made.key.clone()), ("AQ_SOCKET".to_owned(), socket)];
    let server = keys.mcp_url.as_ref().map(|url| {
        let headers = BTreeMap::from([("Authorization".to_owned(), format!("Bearer {}", made.key))]);
        McpServer { name: OWN_SERVER.to_owned(), transport: McpTransport::Http { url: url.clone(), headers } }
    });
    Ok(Some(Issued { variables, key: made.key, server }))
}
