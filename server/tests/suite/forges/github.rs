//! F-080, F-081, F-112, D-45: pull requests over the wire, and everything that a server may answer instead.

use std::time::Duration;

use aq_core::time::Timestamp;
use aq_server::config::Secret;
use aq_server::forges::{
    Forge as _, ForgeError, GitHub, GitHubOptions, Login, Polled, PullState, RepositoryName, Review, Wait, WantedPull,
};
use serde_json::{Value, json};

use super::{Canned, FakeGitHub};

fn repository() -> RepositoryName {
    RepositoryName { host: "github.com".into(), owner: "me".into(), name: "app".into() }
}

fn wanted() -> WantedPull {
    WantedPull {
        repository: repository(),
        branch: "swift-fox/do-it".into(),
        base: "main".into(),
        title: "Do it".into(),
        body: "text".into(),
    }
}

fn client(fake: &FakeGitHub) -> GitHub {
    let options = GitHubOptions { api_url: fake.url.clone(), patience: Duration::from_secs(5), ..GitHubOptions::default() };
    GitHub::new(options, Login::Given(Secret::new("ghp_secret".to_owned()))).unwrap()
}

fn pull(number: u64, state: &str) -> Value {
    json!({
        "number": number, "state": state, "html_url": format!("https://github.com/me/app/pull/{number}"),
        "head": { "ref": "swift-fox/do-it", "repo": { "full_name": "me/app" } },
    })
}

/// F-080, F-112, D-45: a pull request that is there is found, whoever made it; else it is made; and a race that is lost finds it again.
#[tokio::test]
async fn a_pull_request_is_opened_once() {
    let fake = FakeGitHub::start().await;
    let github = client(&fake);
    fake.will(Canned::json(200, &json!([])));
    fake.will(Canned::json(201, &pull(7, "open")));
    let made = github.open(wanted()).await.unwrap();
    assert_eq!((made.number, made.url.as_str(), made.state), (7, "https://github.com/me/app/pull/7", PullState::Open));
    let asked = fake.asked();
    assert_eq!(asked[0].path, "/repos/me/app/pulls?state=open&head=me%3Aswift%2Dfox%2Fdo%2Dit&per_page=30");
    assert_eq!(
        (asked[1].method.as_str(), &asked[1].body),
        ("POST", &json!({"title": "Do it", "head": "swift-fox/do-it", "base": "main", "body": "text"}))
    );

    fake.will(Canned::json(200, &json!([pull(7, "open")])));
    assert_eq!(github.open(wanted()).await.unwrap(), made);
    assert_eq!(fake.asked().len(), 1);

    fake.will(Canned::json(200, &json!([])));
    let exists =
        json!({ "message": "Validation Failed", "errors": [{ "message": "A pull request already exists for me:swift-fox/do-it." }] });
    fake.will(Canned::json(422, &exists));
    fake.will(Canned::json(200, &json!([pull(7, "open")])));
    assert_eq!(github.open(wanted()).await.unwrap(), made);

    // A pull request of the same branch name from somebody's fork is another one.
    let mut foreign = pull(8, "open");
    foreign["head"]["repo"]["full_name"] = "you/app".into();
    fake.will(Canned::json(200, &json!([foreign])));
    fake.will(Canned::json(200, &json!({ "default_branch": "trunk" })));
    fake.will(Canned::json(201, &pull(9, "open")));
    let detected = github.open(WantedPull { base: String::new(), ..wanted() }).await.unwrap();
    assert_eq!((detected.number, fake.asked().last().unwrap().body["base"].as_str()), (9, Some("trunk")));
}

/// F-081: open, unchanged, reviewed, merged, closed.
#[tokio::test]
async fn a_pull_request_is_asked_after() {
    let fake = FakeGitHub::start().await;
    let github = client(&fake);
    fake.will(Canned::json(200, &pull(7, "open")).with("etag", "W/\"one\""));
    let by = |user: &str, state: &str| json!({ "user": { "login": user }, "state": state });
    fake.will(Canned::json(200, &json!([by("a", "CHANGES_REQUESTED"), by("a", "APPROVED"), by("b", "COMMENTED")])));
    let Polled::Is { pull: found, review, etag } = github.poll(repository(), 7, String::new()).await.unwrap() else { panic!() };
    assert_eq!((found.state, review, etag.as_str()), (PullState::Open, Review::Approved, "W/\"one\""));
    fake.will(Canned { status: 304, headers: Vec::new(), body: Vec::new() });
    assert_eq!(github.poll(repository(), 7, etag).await.unwrap(), Polled::Unchanged);
    assert_eq!(fake.asked().last().unwrap().etag, "W/\"one\"");
    let mut merged = pull(7, "closed");
    (merged["merged"], merged["merge_commit_sha"]) = (true.into(), "a".repeat(40).into());
    fake.will(Canned::json(200, &merged));
    let Polled::Is { pull: found, .. } = github.poll(repository(), 7, String::new()).await.unwrap() else { panic!() };
    assert_eq!((found.state, found.merged_as), (PullState::Merged, "a".repeat(40)));
    fake.will(Canned::json(200, &pull(7, "closed")));
    let Polled::Is { pull: found, .. } = github.poll(repository(), 7, String::new()).await.unwrap() else { panic!() };
    assert_eq!(found.state, PullState::Closed);
}

/// Whether an error is the one that an answer has to become.
type Expected = fn(&ForgeError) -> bool;

/// forges R5, R6: each refusal has its meaning, and nonsense, redirects, floods and silence are refused; no message holds the token.
#[tokio::test]
async fn whatever_is_answered_is_understood_or_refused() {
    let fake = FakeGitHub::start().await;
    let github = client(&fake);
    let says = |text: &str| json!({ "message": text });
    let mut odd_number = pull(8, "open");
    odd_number["number"] = 8.into();
    let mut elsewhere = pull(7, "open");
    elsewhere["html_url"] = "https://evil.example/me/app/pull/7".into();
    let cases: Vec<(Canned, Expected)> = vec![
        (Canned::json(401, &says("Bad credentials")), |error| matches!(error, ForgeError::NoLogin(_))),
        (Canned::json(403, &says("Resource not accessible")), |error| matches!(error, ForgeError::Denied(_))),
        (Canned::json(404, &says("Not Found")), |error| matches!(error, ForgeError::NotFound(_))),
        (Canned::json(422, &says("Validation Failed")), |error| matches!(error, ForgeError::Refused(_))),
        (Canned::json(500, &says("oops")), |error| matches!(error, ForgeError::Unavailable(_))),
        (Canned::json(502, &Value::Null), |error| matches!(error, ForgeError::Unavailable(_))),
        (
            Canned::json(403, &says("limit")).with("retry-after", "90"),
            |error| matches!(error, ForgeError::Limited { wait: Wait::For(length), .. } if length.as_secs() == 90),
        ),
        (
            Canned::json(403, &says("API rate limit")).with("x-ratelimit-remaining", "0").with("x-ratelimit-reset", "1700000000"),
            |error| matches!(error, ForgeError::Limited { wait: Wait::Until(at), .. } if *at == Timestamp::from_millis(1_700_000_000_000)),
        ),
        (Canned::json(403, &says("You have exceeded a secondary rate limit")), |error| matches!(error, ForgeError::Limited { .. })),
        (Canned::json(429, &Value::Null), |error| matches!(error, ForgeError::Limited { .. })),
        (Canned::json(301, &Value::Null).with("location", "http://127.0.0.1:1/stolen"), |error| matches!(error, ForgeError::NotFound(_))),
        (Canned::json(200, &json!("words")), |error| matches!(error, ForgeError::Nonsense(_))),
        (Canned::json(200, &json!({ "number": -1 })), |error| matches!(error, ForgeError::Nonsense(_))),
        (Canned::json(200, &pull(7, "dreaming")), |error| matches!(error, ForgeError::Nonsense(_))),
        (Canned::json(200, &odd_number), |error| matches!(error, ForgeError::Nonsense(_))),
        (Canned::json(200, &elsewhere), |error| matches!(error, ForgeError::Nonsense(_))),
        (Canned { status: 200, headers: Vec::new(), body: b"<html>".to_vec() }, |error| matches!(error, ForgeError::Nonsense(_))),
        (Canned { status: 200, headers: Vec::new(), body: vec![b' '; 3 << 20] }, |error| matches!(error, ForgeError::Nonsense(_))),
        (Canned { status: 304, headers: Vec::new(), body: Vec::new() }, |error| {
            matches!(error, ForgeError::NotFound(_) | ForgeError::Nonsense(_))
        }),
    ];
    for (answer, meant) in cases {
        let shown = format!("{} {:?}", answer.status, answer.headers);
        fake.will(answer);
        let error = github.poll(repository(), 7, String::new()).await.unwrap_err();
        assert!(meant(&error), "{shown}: {error:?}");
        assert!(!error.to_string().contains("ghp_secret"), "{error}");
        assert_eq!(fake.asked().len(), 1, "{shown}: a redirect or a refusal was followed");
    }
    // A server that falls over in the middle of it.
    assert!(matches!(github.poll(repository(), 7, String::new()).await.unwrap_err(), ForgeError::Unavailable(_)));
}

/// forges R1, R2: only repositories of the host are served, and without a token nothing is called.
#[tokio::test]
async fn without_a_token_nothing_is_called() {
    let fake = FakeGitHub::start().await;
    let github = client(&fake);
    assert!(github.serves("https://github.com/me/app.git").is_some());
    assert!(github.serves("https://gitlab.com/me/app.git").is_none() && github.serves("/srv/app.git").is_none());
    let options = GitHubOptions { api_url: fake.url.clone(), ..GitHubOptions::default() };
    let bare = GitHub::new(options, Login::program("/nowhere/gh", "github.com")).unwrap();
    assert!(matches!(bare.open(wanted()).await.unwrap_err(), ForgeError::NoLogin(_)));
    assert_eq!(fake.asked().len(), 0);
}
