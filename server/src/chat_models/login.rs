//! Where the credential for Anthropic comes from: a key, or the login that the Claude CLI keeps, where its owner wants that.

use std::path::PathBuf;

use aq_core::chat::ModelError;
use serde_json::Value;

use crate::clock::SharedClock;
use crate::config::Secret;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 256 * 1024;
/// The names under which the CLI keeps its login, in the order they are tried.
const FILES: [&str; 2] = [".credentials.json", "credentials.json"];

/// What a call is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An API key.
    Key(Secret),
    /// The token of a login.
    Token(Secret),
}

/// Where to look.
#[derive(Clone)]
pub struct Login {
    /// The configured key, else the one of the environment.
    pub key: Option<Secret>,
    /// The configuration folder of the Claude CLI; `None`: its login is not used.
    pub cli_folder: Option<PathBuf>,
    /// Tells whether a login is over.
    pub clock: SharedClock,
}

impl Login {
    /// Looks: the key, then the login. Files are read anew each time.
    ///
    /// # Errors
    /// [`ModelError::NotConfigured`] when there is none, with what to do.
    pub async fn read(&self) -> Result<Credential, ModelError> {
        if let Some(key) = &self.key {
            return Ok(Credential::Key(key.clone()));
        }
        let none = || ModelError::NotConfigured("set chat_provider.api_key, or ANTHROPIC_API_KEY in the server's environment".to_owned());
        let folder = self.cli_folder.clone().ok_or_else(none)?;
        let found = tokio::task::spawn_blocking(move || FILES.iter().find_map(|name| login(&folder.join(name)))).await.ok().flatten();
        let (token, expires) = found.ok_or_else(none)?;
        if expires.is_some_and(|at| at < self.clock.now().as_millis()) {
            tracing::warn!("the login of the Claude CLI is over; start `claude` once to renew it");
        }
        Ok(Credential::Token(token))
    }
}

/// The token in a file, and when it is over in milliseconds.
fn login(path: &std::path::Path) -> Option<(Secret, Option<i64>)> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    let document: Value = serde_json::from_str(&text).ok()?;
    let kept = document.get("claudeAiOauth")?;
    let token = kept.get("accessToken")?.as_str().filter(|token| !token.is_empty())?;
    Some((Secret::new(token.to_owned()), kept.get("expiresAt").and_then(Value::as_i64)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aq_core::time::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    /// F-181, chat_models R6: the key first, then the login's two files in order, read anew each time; nothing without leave.
    #[tokio::test]
    async fn the_order_of_credentials_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let clock: SharedClock = Arc::new(ManualClock::at(Timestamp::from_millis(5)));
        let key = Some(Secret::new("sk".into()));
        let mut login = Login { key, cli_folder: Some(folder.path().to_owned()), clock };
        let token = |text: &str| Credential::Token(Secret::new(text.into()));
        let write = |name: &str, token: &str| {
            let text = format!(r#"{{"claudeAiOauth":{{"accessToken":"{token}","expiresAt":1}}}}"#);
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("credentials.json", "old");
        assert_eq!(login.read().await.unwrap(), Credential::Key(Secret::new("sk".into())));
        login.key = None;
        assert_eq!(login.read().await.unwrap(), token("old"));
        write(".credentials.json", "new");
        assert_eq!(login.read().await.unwrap(), token("new"));
        std::fs::write(folder.path().join(".credentials.json"), "{").unwrap();
        assert_eq!(login.read().await.unwrap(), token("old"));
        login.cli_folder = None;
        assert!(login.read().await.unwrap_err().to_string().contains("ANTHROPIC_API_KEY"));
    }
}
