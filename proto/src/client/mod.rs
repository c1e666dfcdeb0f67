//! How a client reaches the server: where it listens, which key it wants, typed clients over one connection.
//!
//! Reading the environment and choosing between endpoints is the caller's; following streams is `resume`'s.
//!
//! Spec: specs/proto/client.md

mod api_key;
mod channel;
mod connection;
mod discover;
mod endpoint;

pub use api_key::{ApiKey, InvalidApiKey};
pub use channel::AqChannel;
pub use connection::{ClientIdentity, ConnectError, Connection, Options};
pub use discover::{DiscoverError, ServerAddress, default_home, discover, read_identity, read_key_file};
pub use endpoint::{Endpoint, InvalidEndpoint};

#[cfg(test)]
mod tests;
