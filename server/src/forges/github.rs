//! GitHub, over its REST API: finding or opening a pull request, and asking how it stands (F-112).

use std::time::Duration;

use aq_core::runner_link::BoxFuture;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::answers::{is_from, pull, refusal, review};
use super::http::{Answer, Http};
use super::login::Login;
use super::name::{RepositoryName, repository_of};
use super::port::{Forge, ForgeError, Polled, PullRequest, Review, WantedPull};

/// Longest title of a pull request, in characters.
const TITLE: usize = 250;

/// Where GitHub is.
#[derive(Clone, Debug)]
pub struct GitHubOptions {
    /// The host of its repositories, for example `github.com`.
    pub host: String,
    /// The root of its API, for example `https://api.github.com`.
    pub api_url: String,
    /// Longest time of one call.
    pub patience: Duration,
}

impl Default for GitHubOptions {
    fn default() -> Self {
        Self { host: "github.com".to_owned(), api_url: "https://api.github.com".to_owned(), patience: Duration::from_secs(30) }
    }
}

/// One GitHub.
pub struct GitHub {
    host: String,
    http: Http,
    login: Login,
}

impl GitHub {
    /// A client; nothing is called yet.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(options: GitHubOptions, login: Login) -> Result<Self, ForgeError> {
        let http = Http::new(&options.api_url)?.patience(options.patience);
        Ok(Self { host: options.host.to_ascii_lowercase(), http, login })
    }

    async fn call(&self, method: Method, path: &str, etag: &str, body: Option<&Value>) -> Result<Answer, ForgeError> {
        let token = self.login.token().await.ok_or_else(|| ForgeError::NoLogin("there is no token".to_owned()))?;
        let answer = self.http.call(method, path, &token, etag, body).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.login.forget();
        }
        Ok(answer)
    }

    /// A call whose answer must be a success.
    async fn get(&self, path: &str) -> Result<Value, ForgeError> {
        let answer = self.call(Method::GET, path, "", None).await?;
        if answer.status == StatusCode::OK { Ok(answer.body) } else { Err(refusal(&answer)) }
    }

    fn web(&self, repository: &RepositoryName) -> String {
        format!("https://{}/{}/{}/pull/", self.host, repository.owner, repository.name)
    }

    /// The open pull request of the branch, if there is one.
    async fn find(&self, wanted: &WantedPull) -> Result<Option<PullRequest>, ForgeError> {
        let RepositoryName { owner, name, .. } = &wanted.repository;
        let head = utf8_percent_encode(&format!("{owner}:{}", wanted.branch), NON_ALPHANUMERIC).to_string();
        let list = self.get(&format!("{}/pulls?state=open&head={head}&per_page=30", root(&wanted.repository))).await?;
        let list = list.as_array().ok_or_else(|| ForgeError::Nonsense("a list of pull requests that is none".to_owned()))?;
        let full = format!("{owner}/{name}");
        let found = list.iter().find(|entry| is_from(entry, &full, &wanted.branch));
        found.map(|entry| pull(entry, &self.web(&wanted.repository))).transpose()
    }

    async fn find_or_make(&self, wanted: WantedPull) -> Result<PullRequest, ForgeError> {
        if let Some(found) = self.find(&wanted).await? {
            return Ok(found);
        }
        let base = if wanted.base.is_empty() { self.default_branch(&wanted.repository).await? } else { wanted.base.clone() };
        let title: String = wanted.title.chars().take(TITLE).collect();
        let body = json!({ "title": title, "head": wanted.branch, "base": base, "body": wanted.body });
        let answer = self.call(Method::POST, &format!("{}/pulls", root(&wanted.repository)), "", Some(&body)).await?;
        if answer.status == StatusCode::CREATED {
            return pull(&answer.body, &self.web(&wanted.repository));
        }
        let refused = refusal(&answer);
        // Somebody, perhaps we ourselves before a crash, was quicker.
        if let ForgeError::Refused(message) = &refused
            && message.contains("already exists")
            && let Some(found) = self.find(&wanted).await?
        {
            return Ok(found);
        }
        Err(refused)
    }

    async fn default_branch(&self, repository: &RepositoryName) -> Result<String, ForgeError> {
        let body = self.get(&root(repository)).await?;
        let branch = body.get("default_branch").and_then(Value::as_str).filter(|branch| !branch.is_empty());
        branch.map(str::to_owned).ok_or_else(|| ForgeError::Nonsense("a repository without a default branch".to_owned()))
    }

    async fn look(&self, repository: &RepositoryName, number: u64, etag: &str) -> Result<Polled, ForgeError> {
        let path = format!("{}/pulls/{number}", root(repository));
        let answer = self.call(Method::GET, &path, etag, None).await?;
        if answer.status == StatusCode::NOT_MODIFIED && !etag.is_empty() {
            return Ok(Polled::Unchanged);
        }
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let found = pull(&answer.body, &self.web(repository))?;
        if found.number != number {
            return Err(ForgeError::Nonsense(format!("pull request {} where {number} was asked for", found.number)));
        }
        let tag = Some(answer.header("etag")).filter(|tag| tag.len() <= 200).unwrap_or_default().to_owned();
        let review = if found.state == super::port::PullState::Open {
            review(&self.get(&format!("{path}/reviews?per_page=100")).await?)
        } else {
            Review::None
        };
        Ok(Polled::Is { pull: found, review, etag: tag })
    }
}

fn root(repository: &RepositoryName) -> String {
    format!("/repos/{}/{}", repository.owner, repository.name)
}

impl Forge for GitHub {
    fn serves(&self, url: &str) -> Option<RepositoryName> {
        repository_of(url).filter(|name| name.host == self.host)
    }

    fn open(&self, wanted: WantedPull) -> BoxFuture<'_, Result<PullRequest, ForgeError>> {
        Box::pin(self.find_or_make(wanted))
    }

    fn poll(&self, repository: RepositoryName, number: u64, etag: String) -> BoxFuture<'_, Result<Polled, ForgeError>> {
        Box::pin(async move { self.look(&repository, number, &etag).await })
    }
}

impl std::fmt::Debug for GitHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitHub").field("host", &self.host).finish_non_exhaustive()
    }
}
