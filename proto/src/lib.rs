//! The wire contract of Agent Queue: the generated code of package `agentqueue.v1`, and what every client of it needs.
//!
//! Wire types only: nothing here knows the domain, a database or a terminal. The comments in `agentqueue/v1/*.proto` are the
//! reference manual.
//!
//! Reading order: the service files of `agentqueue/v1`, then `client`, `resume`, `error_detail`, `methods`, `time`.
//!
//! Spec: specs/proto/README.md

pub mod client;
pub mod error_detail;
pub mod methods;
pub mod resume;
pub mod time;

/// The generated messages, clients and servers of package `agentqueue.v1`.
#[expect(clippy::allow_attributes, reason = "generated code; the generator writes its own attributes")]
pub mod v1 {
    tonic::include_proto!("agentqueue.v1");
}

/// Every file of the contract with its imports and comments, as an encoded `google.protobuf.FileDescriptorSet`. Feeds reflection and
/// the tools that are derived from the contract.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("descriptors");

#[cfg(test)]
mod contract;
