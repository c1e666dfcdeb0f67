//! Where the server listens, and that nobody else gets in there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use aq_proto::client::{ClientIdentity, Connection, Options};
use tokio::net::TcpStream;

use super::fixture::{Fixture, key, run_of};
use crate::grpc::{GrpcOptions, ListenError, TcpOptions, TlsIdentity, bind};

fn tcp(address: &str, tls: bool) -> TcpOptions {
    // A certificate for `localhost` and 127.0.0.1, valid until 2120, of an authority that exists for these tests only.
    let identity = TlsIdentity {
        certificate_pem: include_bytes!("tls/server.pem").to_vec(),
        key_pem: include_bytes!("tls/server.key").to_vec(),
        client_ca_pem: None,
    };
    TcpOptions { address: address.parse().unwrap(), tls: tls.then_some(identity) }
}

/// F-239, gRPC R1: the socket is its owner's only, a dead one is replaced, a live one and anything else are left alone.
#[tokio::test]
async fn the_socket_is_taken_with_care() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("aqd.sock");
    let options = GrpcOptions { unix_socket: Some(path.clone()), ..GrpcOptions::default() };
    // Dropping a std listener leaves its file behind, as a killed server does.
    drop(UnixListener::bind(&path).unwrap());
    let listeners = bind(&options).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(listeners.endpoint(), Some(format!("unix:{}", path.display())));
    assert!(matches!(bind(&options).await, Err(ListenError::InUse(_))));
    drop(listeners);
    assert!(!path.exists());
    fs::write(&path, "mine").unwrap();
    assert!(matches!(bind(&options).await, Err(ListenError::NotASocket(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

/// F-239, gRPC R1: the API is never open to the network in the clear, and never nowhere.
#[tokio::test]
async fn the_network_is_not_served_in_the_clear() {
    let options = GrpcOptions { tcp: Some(tcp("0.0.0.0:0", false)), ..GrpcOptions::default() };
    assert!(matches!(bind(&options).await, Err(ListenError::Plaintext(_))));
    assert!(matches!(bind(&GrpcOptions::default()).await, Err(ListenError::Nowhere)));
    let long = GrpcOptions { unix_socket: Some(format!("/tmp/{}", "x".repeat(120)).into()), ..GrpcOptions::default() };
    assert!(matches!(bind(&long).await, Err(ListenError::PathTooLong { .. })));
}

/// F-239, gRPC R1: loopback TCP answers, with a key.
#[tokio::test]
async fn loopback_tcp_answers() {
    let server = Fixture::start(|options| {
        options.unix_socket = None;
        options.tcp = Some(tcp("127.0.0.1:0", false));
    })
    .await;
    assert!(server.client(None).await.runs().get_run(run_of("a")).await.is_err());
    server.client(Some("admin")).await.runs().get_run(run_of("a")).await.unwrap();
}

/// F-239, gRPC R1: with a certificate the listener speaks TLS, to clients that trust it.
#[tokio::test]
async fn tls_answers() {
    let server = Fixture::start(|options| {
        options.unix_socket = None;
        options.tcp = Some(tcp("127.0.0.1:0", true));
    })
    .await;
    assert!(server.endpoint.to_string().starts_with("https://127.0.0.1:"));
    let mut options = Options::new(server.endpoint.clone(), Some(key("admin")));
    options.ca_certificate = Some(include_bytes!("tls/ca.pem").to_vec());
    let connection = Connection::connect(&options).await.unwrap();
    connection.runs().get_run(run_of("a")).await.unwrap();
}

/// gRPC R15: where clients must prove themselves, one without a certificate, or with one that another authority signed, gets no answer at all, not even to the
/// health service; one with the right certificate still needs its key.
#[tokio::test]
async fn clients_prove_themselves_at_the_handshake() {
    let server = Fixture::start(|options| {
        options.unix_socket = None;
        let mut listener = tcp("127.0.0.1:0", true);
        if let Some(tls) = &mut listener.tls {
            tls.client_ca_pem = Some(include_bytes!("tls/client_ca.pem").to_vec());
        }
        options.tcp = Some(listener);
    })
    .await;
    let identity = |certificate: &[u8], key: &[u8]| Some(ClientIdentity { certificate_pem: certificate.to_vec(), key_pem: key.to_vec() });
    let right = identity(include_bytes!("tls/client.pem"), include_bytes!("tls/client.key"));
    let strange = identity(include_bytes!("tls/stranger.pem"), include_bytes!("tls/stranger.key"));
    let with = |identity: Option<ClientIdentity>, api_key: Option<&str>| {
        let mut options = Options::new(server.endpoint.clone(), api_key.map(key));
        options.ca_certificate = Some(include_bytes!("tls/ca.pem").to_vec());
        options.client_identity = identity;
        Connection::connect_lazy(&options).unwrap()
    };
    for stranger in [None, strange, identity(include_bytes!("tls/server.pem"), include_bytes!("tls/server.key"))] {
        let refused = with(stranger.clone(), Some("admin")).runs().get_run(run_of("a")).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
        let mut health = tonic_health::pb::health_client::HealthClient::new(with(stranger, None).channel());
        health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap_err();
    }
    with(right.clone(), Some("admin")).runs().get_run(run_of("a")).await.unwrap();
    let keyless = with(right, None).runs().get_run(run_of("a")).await.unwrap_err();
    assert_eq!(keyless.code(), tonic::Code::Unauthenticated);
}

/// gRPC R2: an address that takes too many connections gets no more.
#[tokio::test]
async fn connections_of_an_address_are_limited() {
    use tokio::io::AsyncReadExt as _;
    let server = Fixture::start(|options| {
        options.unix_socket = None;
        options.tcp = Some(tcp("127.0.0.1:0", false));
        options.connections = 8;
    })
    .await;
    let client = server.client(Some("admin")).await;
    client.runs().get_run(run_of("a")).await.unwrap();
    let address = server.endpoint.to_string().replace("http://", "");
    let mut second = TcpStream::connect(address).await.unwrap();
    // The server closes it without a word.
    assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
    client.runs().get_run(run_of("a")).await.unwrap();
}
