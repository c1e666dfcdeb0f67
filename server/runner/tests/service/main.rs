//! The run service with real shims, real git and the scripted agent. Spec: specs/server/runner/service.md

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod clear;
mod conclude;
mod lifecycle;
mod plans;
mod restart;
mod reviewing;
mod talk;
mod world;
