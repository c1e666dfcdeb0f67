//! The way that a call came and what it is about, as far as the audit log tells it.
//!
//! What a call is about is read off its request in `api`; the transport says where it came from.

use std::sync::OnceLock;

/// What a call is about. No free text, and no line breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The path of the call.
    pub method: &'static str,
    /// What it names, each as `kind:id`.
    pub resources: Vec<String>,
    /// What it chooses, each as `field=value`.
    pub choices: Vec<String>,
    /// The `request_id` of the request.
    pub request_id: String,
}

/// One call on its way through the server.
#[derive(Debug)]
pub struct Trail {
    /// The id of the call in the log. Empty: it was made inside the server.
    pub call_id: String,
    /// Where it came from.
    pub origin: String,
    about: OnceLock<About>,
}

impl Default for Trail {
    fn default() -> Self {
        Self::new(String::new(), "inside".to_owned())
    }
}

impl Trail {
    /// A call that came from `origin`.
    #[must_use]
    pub const fn new(call_id: String, origin: String) -> Self {
        Self { call_id, origin, about: OnceLock::new() }
    }

    /// Notes what the call is about; the first word holds.
    pub fn note(&self, about: About) {
        let _noted = self.about.set(about);
    }

    /// What the call is about; `None` for one that changes nothing, or that was turned away unread.
    #[must_use]
    pub fn about(&self) -> Option<&About> {
        self.about.get()
    }
}
