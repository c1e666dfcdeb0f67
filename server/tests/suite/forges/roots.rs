//! Which certificates a forge's host may show: those of the machine's own authorities too (forges R7).

use std::sync::Arc;

use aq_server::config::Secret;
use aq_server::forges::{Forge as _, ForgeError, GitHub, GitHubOptions, Login, RepositoryName, WantedPull};
use serde_json::json;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Canned, FakeGitHub};

/// A server of its own authority, as a company's proxy is one.
fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../../../src/grpc/tests/tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../src/grpc/tests/tls/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()))
}

async fn open(url: &str) -> Result<u64, ForgeError> {
    let options = GitHubOptions { api_url: url.to_owned(), ..GitHubOptions::default() };
    let github = GitHub::new(options, Login::Given(Secret::new("ghp_secret".to_owned())))?;
    let wanted = WantedPull {
        repository: RepositoryName { host: "github.com".into(), owner: "me".into(), name: "app".into() },
        branch: "swift-fox/do-it".into(),
        base: "main".into(),
        title: "Do it".into(),
        body: "text".into(),
    };
    Ok(github.open(wanted).await?.number)
}

/// Forges R7: an authority that only this machine trusts, as a company's proxy has one, is believed; without it the host is refused, in words that name the
/// certificate. The machine's authorities are read once for each process, so a second process of this test is the one that trusts.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment what it is run again for")]
#[tokio::test]
async fn an_authority_of_the_machine_is_trusted() {
    if let Ok(url) = std::env::var("AQ_TEST_FORGE") {
        assert_eq!(open(&url).await.unwrap(), 7);
        return;
    }
    let fake = FakeGitHub::start_secured(acceptor()).await;
    let refused = open(&fake.url).await.unwrap_err();
    assert!(matches!(&refused, ForgeError::Unavailable(why) if why.contains("certificate")), "{refused}");
    assert!(fake.asked().is_empty(), "no token goes to a host that is not believed");
    fake.will(Canned::json(
        200,
        &json!([{
            "number": 7, "state": "open", "html_url": "https://github.com/me/app/pull/7",
            "head": { "ref": "swift-fox/do-it", "repo": { "full_name": "me/app" } },
        }]),
    ));
    let mut trusting = tokio::process::Command::new(std::env::current_exe().unwrap());
    trusting.args(["--exact", "forges::roots::an_authority_of_the_machine_is_trusted", "--nocapture"]);
    trusting.env("AQ_TEST_FORGE", &fake.url);
    trusting.env("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/src/grpc/tests/tls/ca.pem"));
    let ended = trusting.output().await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    assert_eq!(fake.asked().len(), 1);
}
