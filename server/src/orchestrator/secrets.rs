//! The values that must not leave a run: those taken out of its output when it starts are taken out of what its agent writes in other ways too.

use aq_core::account::Account;
use aq_core::ids::RunRef;
use aq_core::runtime::RuntimeKind;

use super::credentials::Credentials;
use super::policy::Policy;
use crate::lifecycle::Figures;

/// What is secret for a run; the key of its account is read when it is asked for.
#[derive(Clone)]
pub struct RunSecrets {
    values: Vec<String>,
    account: Option<(Account, RuntimeKind)>,
}

impl RunSecrets {
    /// What is secret for `run`. For a run that is over it is what the server keeps secret everywhere.
    #[must_use]
    pub fn of(figures: &Figures, policy: &Policy, run: &RunRef) -> Self {
        let mut values = policy.secrets.clone();
        let open = figures.runs.values().find(|open| open.run == *run);
        let agent = open.and_then(|open| figures.agents.get(&open.agent));
        let account = agent.and_then(|agent| Some((figures.accounts.get(agent.account.as_ref()?)?.clone(), agent.runtime)));
        if let Some(agent) = agent {
            values.extend(policy.profile(agent.runtime, &agent.profile, "").secrets());
        }
        Self { values, account }
    }

    /// The values. Blocking: an account's key may lie in a file. One that cannot be read was not handed to the agent either.
    #[must_use]
    pub fn read(&self, credentials: &Credentials) -> Vec<String> {
        let key = self.account.as_ref().and_then(|(account, runtime)| credentials.of(account, *runtime).ok().flatten());
        self.values.iter().cloned().chain(key.map(|(_, key)| key)).collect()
    }
}
