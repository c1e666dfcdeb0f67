//! Attacks on a real server over its sockets, beside clients that behave. Each is a case of one trial; what the server promises is in the table of the spec.
//!
//! Spec: specs/server/grpc.md

mod arena;
mod connections;
mod headers;
mod messages;
mod streams;
mod trial;
mod wire;
