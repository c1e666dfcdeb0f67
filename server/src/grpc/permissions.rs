//! Which role may make which call. A call that is not in the table is denied to everyone.

use std::collections::{BTreeMap, BTreeSet};

use aq_core::principal::{Principal, Role};
use aq_proto::methods::methods;
use http::{Request, Response};
use tonic::body::Body;

use super::auth::ActingRole;
use super::middleware::{Middleware, Next};
use super::{reflection, refusal};

/// Services that answer without a key, see `auth`.
const OPEN: &str = "/grpc.health.v1.Health/";

/// The table of permissions, by the path of a call. Which projects a principal sees is not decided here. gRPC R4, invariant I-41.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    allowed: BTreeMap<String, BTreeSet<Role>>,
}

impl Permissions {
    /// A table that denies everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets these roles make the call at `path` (`/agentqueue.v1.TaskService/CreateTask`).
    #[must_use]
    pub fn allow(mut self, path: &str, roles: &[Role]) -> Self {
        self.allowed.entry(path.to_owned()).or_default().extend(roles.iter().copied());
        self
    }

    /// True when `role` may make the call at `path`.
    #[must_use]
    pub fn allows(&self, path: &str, role: Role) -> bool {
        reflection::CALLS.contains(&path) || self.allowed.get(path).is_some_and(|roles| roles.contains(&role))
    }

    /// The calls of the contract that the table leaves out, and the paths in the table that the contract does not have. Both are empty in
    /// a table that is right.
    #[must_use]
    pub fn differences(&self) -> (Vec<&str>, Vec<&str>) {
        let missing = methods().keys().filter(|path| !self.allowed.contains_key(*path)).map(String::as_str).collect();
        let unknown = self.allowed.keys().filter(|path| !methods().contains_key(*path)).map(String::as_str).collect();
        (missing, unknown)
    }
}

#[tonic::async_trait]
impl Middleware for Permissions {
    async fn handle(&self, request: Request<Body>, next: Next<'_>) -> Response<Body> {
        let path = request.uri().path();
        if path.starts_with(OPEN) {
            return next.run(request).await;
        }
        if !methods().contains_key(path) && !self.allowed.contains_key(path) && !reflection::CALLS.contains(&path) {
            return refusal::respond(refusal::unknown_method(path));
        }
        let Some(role) = request.extensions().get::<Principal>().map(|principal| principal.role) else {
            return refusal::respond(refusal::no_key());
        };
        if !self.allows(path, role) {
            tracing::warn!(role = role.as_str(), "a call was denied");
            return refusal::respond(refusal::not_permitted(path, role.as_str()));
        }
        // A gateway's key never does more for a person than that person may do.
        if let Some(ActingRole(acting)) = request.extensions().get::<ActingRole>().copied()
            && !self.allows(path, acting)
        {
            tracing::warn!(role = acting.as_str(), "a person's call was denied");
            return refusal::respond(refusal::not_permitted_to_person(path, acting.as_str()));
        }
        next.run(request).await
    }
}
