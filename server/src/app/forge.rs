//! The forge that the configuration and the environment name.

use std::sync::Arc;

use crate::config::{Environment, Secret, ServerConfig};
use crate::forges::{Forge, GitHub, GitHubOptions, Login};

/// GitHub, where a token is found; `None` without one, or when pull requests are not wanted.
pub(super) async fn forge(config: &ServerConfig, environment: &Environment) -> Option<Arc<dyn Forge>> {
    let git = &config.git;
    if !git.github_pull_requests {
        return None;
    }
    let given = Some(git.github_token.clone()).filter(|token| !token.is_empty());
    let named = || ["GITHUB_TOKEN", "GH_TOKEN"].iter().find_map(|name| environment.filled(name)).map(|text| Secret::new(text.to_owned()));
    let login = match given.or_else(named) {
        Some(token) => Login::Given(token),
        None => {
            let program = Login::program("gh", &git.github_host);
            program.token().await?;
            program
        }
    };
    let options = GitHubOptions { host: git.github_host.clone(), api_url: git.github_api_url.clone(), ..GitHubOptions::default() };
    match GitHub::new(options, login) {
        Ok(forge) => Some(Arc::new(forge)),
        Err(error) => {
            tracing::warn!(%error, "there will be no pull requests");
            None
        }
    }
}
