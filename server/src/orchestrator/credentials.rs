//! Provider keys: found when a run starts, where their owner keeps them, and handed to the program's environment. Never stored, never told.
//!
//! Where an account says its key lies lives in `aq_core::account`; taking keys out of output is the runner's business.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use aq_core::account::{Account, KeySource};
use aq_core::ids::AccountId;
use aq_core::runtime::RuntimeKind;

use crate::config::{Environment, Secret};

/// Largest file that is read as a key, in bytes.
const LARGEST: u64 = 64 * 1024;

/// The keys that the configuration holds, and the environment that others are looked up in. Printing it shows neither.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    configured: BTreeMap<AccountId, Secret>,
    environment: Environment,
}

/// Why a key cannot be handed over: a sentence without the key.
#[derive(Debug, thiserror::Error)]
#[error("the provider key of account `{account}` cannot be used: {problem}")]
pub(super) struct CredentialError {
    account: AccountId,
    problem: String,
}

impl Credentials {
    /// `configured` are the keys of the section `accounts`.
    #[must_use]
    pub const fn new(configured: BTreeMap<AccountId, Secret>, environment: Environment) -> Self {
        Self { configured, environment }
    }

    /// The variable and the key that a program of `runtime` gets for `account`; `None` when the account has a login folder instead. Blocking.
    ///
    /// # Errors
    /// The key is not where the account says, or others can read it.
    pub(super) fn of(&self, account: &Account, runtime: RuntimeKind) -> Result<Option<(String, String)>, CredentialError> {
        let failed = |problem: String| CredentialError { account: account.id.clone(), problem };
        let key = match &account.key_source {
            Some(KeySource::Variable(name)) => self
                .environment
                .filled(name)
                .map(str::to_owned)
                .ok_or_else(|| failed(format!("the server has no variable {name}; set it and start the server again")))?,
            Some(KeySource::File(path)) => read(Path::new(path)).map_err(failed)?,
            None => match self.configured.get(&account.id) {
                Some(key) => key.expose().to_owned(),
                None => return Ok(None),
            },
        };
        let key = key.trim().to_owned();
        if key.is_empty() || key.chars().any(char::is_control) {
            return Err(failed("it is empty or has more than one line".to_owned()));
        }
        let variable = if account.key_variable.is_empty() {
            usual_variable(runtime).ok_or_else(|| failed(format!("runtime {runtime} has no usual variable; set key_variable")))?.to_owned()
        } else {
            account.key_variable.clone()
        };
        Ok(Some((variable, key)))
    }
}

/// The variable that a runtime's programs read their key from.
const fn usual_variable(runtime: RuntimeKind) -> Option<&'static str> {
    match runtime {
        RuntimeKind::Claude => Some("ANTHROPIC_API_KEY"),
        RuntimeKind::Codex => Some("OPENAI_API_KEY"),
        RuntimeKind::Gemini => Some("GEMINI_API_KEY"),
        RuntimeKind::Command | RuntimeKind::Scripted | RuntimeKind::OpenCode | RuntimeKind::Acp => None,
    }
}

fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let file = std::fs::File::open(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let metadata = file.metadata().map_err(|error| format!("{shown} cannot be read: {error}"))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(format!("{shown} is not a file of at most {LARGEST} bytes"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(format!("{shown} can be read by others; make it private with chmod 600"));
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use aq_core::time::Timestamp;

    use super::*;

    fn account(source: Option<&str>) -> Account {
        let mut account = Account::new(AccountId::parse("plan").unwrap(), "Plan", Timestamp::from_millis(1));
        account.key_source = source.map(|text| KeySource::parse(text).unwrap());
        account
    }

    /// Orchestrator R24: the key comes from where the account says; a file that others can read is refused, and no message holds the key.
    #[test]
    fn keys_are_found_where_their_owner_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-file\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = format!("file:{}", path.display());
        let plan = AccountId::parse("plan").unwrap();
        let keys = Credentials::new(
            BTreeMap::from([(plan, Secret::new("sk-configured".to_owned()))]),
            Environment::from_pairs([("PLAN_KEY", "sk-variable")]),
        );
        let of = |source: Option<&str>, runtime| keys.of(&account(source), runtime);
        let claude = RuntimeKind::Claude;
        let expect = |key: &str| Some(("ANTHROPIC_API_KEY".to_owned(), key.to_owned()));
        assert_eq!(of(None, claude).unwrap(), expect("sk-configured"));
        assert_eq!(of(Some("env:PLAN_KEY"), claude).unwrap(), expect("sk-variable"));
        assert_eq!(of(Some(&text), claude).unwrap(), expect("sk-file"));
        assert_eq!(Credentials::default().of(&account(None), claude).unwrap(), None);
        assert!(of(Some("env:OTHER"), claude).unwrap_err().to_string().contains("has no variable OTHER"));
        assert!(of(Some(&text), RuntimeKind::Command).unwrap_err().to_string().contains("set key_variable"));
        let mut named = account(Some(&text));
        named.key_variable = "MY_KEY".to_owned();
        assert_eq!(keys.of(&named, RuntimeKind::Command).unwrap().unwrap().0, "MY_KEY");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = of(Some(&text), claude).unwrap_err().to_string();
        assert!(refused.contains("chmod 600") && !refused.contains("sk-file"), "{refused}");
        assert!(!format!("{keys:?}").contains("sk-"), "{keys:?}");
    }
}
