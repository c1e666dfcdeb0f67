//! The options of a command that was used, and what is asked for with them.

use std::collections::BTreeMap;

use aq_proto::client::Connection;
use tonic::Status;

use crate::actions::Responder;

/// What a command has to work with.
pub(super) struct Asked<'a> {
    /// The way to answer.
    pub(super) responder: &'a Responder,
    /// The server, for the person who asks.
    pub(super) server: Connection,
    options: BTreeMap<String, String>,
    /// The project of the channel.
    here: Option<String>,
}

/// What nobody can know without being told.
const NO_PROJECT: &str = "Could not determine project — please provide `project` or run this command from a project channel.";

impl<'a> Asked<'a> {
    pub(super) const fn new(responder: &'a Responder, server: Connection, options: BTreeMap<String, String>, here: Option<String>) -> Self {
        Self { responder, server, options, here }
    }

    /// An option that was given.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// An option as text; empty when it was left out.
    pub(super) fn text(&self, name: &str) -> String {
        self.given(name).unwrap_or_default().to_owned()
    }

    /// An option as a number.
    pub(super) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.given(name)?.parse().ok()
    }

    /// An option as yes or no.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.given(name) == Some("true")
    }

    /// The project: named, or that of the channel.
    pub(super) fn project(&self) -> Result<String, Status> {
        self.project_or_all().ok_or_else(|| Status::invalid_argument(NO_PROJECT))
    }

    /// The project, where all of them are meant when none is named.
    pub(super) fn project_or_all(&self) -> Option<String> {
        self.given("project").map(str::to_owned).or_else(|| self.here.clone())
    }

    /// Makes repeating a call safe; calls of one command are told apart by `part`.
    pub(super) fn request_id(&self, part: &str) -> String {
        format!("{}{part}", self.responder.request_id())
    }
}
