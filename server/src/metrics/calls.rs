//! Calls of the API: how many were answered how, and how long it took.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::meters::Meters;

/// The method of a call to nothing that is served.
const OTHER: &str = "other";

/// Counts calls by method and code. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CallMeters {
    meters: Arc<Meters>,
    methods: Arc<BTreeSet<&'static str>>,
}

impl CallMeters {
    /// Counts calls of these paths by themselves and all others together, so that callers cannot make figures without end (metrics R4).
    #[must_use]
    pub fn new(meters: Arc<Meters>, methods: impl IntoIterator<Item = &'static str>) -> Self {
        Self { meters, methods: Arc::new(methods.into_iter().collect()) }
    }

    /// A call to `path` was answered with `code`, in gRPC's spelling (`NotFound`). `took`: until the answer began; a stream goes on after that.
    pub fn answered(&self, path: &str, code: &str, took: Duration) {
        let method = self.methods.get(path).map_or(OTHER, |path| path.trim_start_matches('/'));
        let labels = vec![("method", method.to_owned())];
        self.meters.call_seconds.get_or_create(&labels).observe(took.as_secs_f64());
        let labels = vec![("method", method.to_owned()), ("code", code.to_owned())];
        self.meters.calls.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// metrics R4: paths that nobody serves share one figure.
    #[test]
    fn unknown_paths_are_one_figure() {
        let meters = Meters::new();
        let calls = CallMeters::new(Arc::clone(&meters), ["/a.v1.S/Get"]);
        calls.answered("/a.v1.S/Get", "Ok", Duration::from_millis(3));
        calls.answered("/a.v1.S/Get", "NotFound", Duration::from_millis(3));
        calls.answered("/x/1", "Unimplemented", Duration::from_millis(1));
        calls.answered("/x/2", "Unimplemented", Duration::from_millis(1));
        let text = meters.text().unwrap();
        for line in [
            r#"aq_grpc_requests_total{method="a.v1.S/Get",code="Ok"} 1"#,
            r#"aq_grpc_requests_total{method="a.v1.S/Get",code="NotFound"} 1"#,
            r#"aq_grpc_requests_total{method="other",code="Unimplemented"} 2"#,
            r#"aq_grpc_request_seconds_count{method="a.v1.S/Get"} 2"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
