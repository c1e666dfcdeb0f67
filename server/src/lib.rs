//! The Agent Queue server.
//!
//! Spec: specs/server/README.md

pub mod api;
pub mod app;
pub mod args;
pub mod background;
pub mod beat;
pub mod chat;
pub mod chat_models;
pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod documents;
pub mod entry;
pub mod events;
pub mod forges;
pub mod grpc;
pub mod home;
pub mod hooks;
pub mod lifecycle;
pub mod loopback;
pub mod mcp;
pub mod metrics;
pub mod orchestrator;
pub mod rates;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod tools;
pub mod traces;
