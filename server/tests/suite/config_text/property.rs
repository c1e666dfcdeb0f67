//! What holds of any configuration. It takes any bytes, from the mutants beside it, from the corpus or from a fuzzer.
//!
//! How the bytes are made is not here.

use aq_server::config::{ConfigFile, ConfigSource, Environment, load};

/// A file under a home, and an environment with a secret that the file may name.
pub(crate) fn source(text: String) -> ConfigSource {
    ConfigSource {
        file: Some(ConfigFile { path: "/etc/config.yaml".into(), text }),
        environment: Environment::from_pairs([("HOME", "/home/u"), ("KEY", "sk-secret-5af3")]),
        ..ConfigSource::default()
    }
}

/// F-035, F-036, config R1, R5: no text makes the server panic, no error is empty, and no secret of the environment is told in one. (A secret that the file puts where none
/// belongs, as in a path, is a part of that path.)
pub(crate) fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match load(&source(text.clone())) {
        Ok((_, warnings)) => {
            let told = warnings.iter().map(ToString::to_string).collect::<String>();
            assert!(!told.contains("sk-secret"), "{text:?}: {told}");
        }
        Err(problems) => {
            let told = problems.to_string();
            assert!(!told.trim().is_empty() && !told.contains("sk-secret"), "{text:?}: {told}");
        }
    }
}
