//! Bridges of tests that lead nowhere: no server answers, and what is said to Discord is noted.

use std::sync::{Arc, Mutex};

use aq_proto::client::{Connection, Options};
use serde_json::json;

use super::Bridge;
use crate::backend::Backend;
use crate::clock::Paused;
use crate::config::DiscordSection;
use crate::outbound::{Broken, Call, Outbound, Reply, Transport};

/// Notes what is said; every call succeeds.
struct Recorder(Arc<Mutex<Vec<Call>>>);

#[async_trait::async_trait]
impl Transport for Recorder {
    async fn perform(&self, call: &Call) -> Result<Reply, Broken> {
        let mut said = self.0.lock().unwrap();
        said.push(call.clone());
        Ok(Reply { status: 200, body: json!({ "id": said.len().to_string() }), ..Reply::default() })
    }
}

impl Bridge {
    /// Nobody looks at what it says.
    pub(crate) fn lonely() -> Self {
        Self::recorded(0).0
    }

    /// With what it says, oldest first. It is `now`, in milliseconds since 1970; time goes with tokio's.
    pub(crate) fn recorded(now: i64) -> (Self, Arc<Mutex<Vec<Call>>>) {
        let options = Options::new("http://127.0.0.1:1".parse().unwrap(), None);
        Self::told(now, Backend::new(Connection::connect_lazy(&options).unwrap()), |_| ())
    }

    /// The same with a server, and with other settings.
    pub(crate) fn told(now: i64, server: Backend, set: impl FnOnce(&mut DiscordSection)) -> (Self, Arc<Mutex<Vec<Call>>>) {
        let said = Arc::new(Mutex::new(Vec::new()));
        let outbound = Outbound::new(Arc::new(Recorder(Arc::clone(&said))));
        let mut section = DiscordSection::sample();
        set(&mut section);
        (Self::new(server, outbound, section, Arc::new(Paused::at(now))), said)
    }
}
