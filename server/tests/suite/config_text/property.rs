//! What holds of any configuration. It takes any bytes, from the mutants beside it, from the corpus or from a fuzzer.
//!
//! How the bytes are made is not here.

use aq_server::config::{ConfigFile, ConfigSource, Environment, load};

/// F-035, F-036, config R1, R5: no text makes the server panic, no error is empty, and no secret of the environment is told in one.
pub(crate) fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let source = ConfigSource {
        file: Some(ConfigFile { path: "/etc/config.yaml".into(), text: text.clone() }),
        environment: Environment::from_pairs([("HOME", "/home/u"), ("KEY", "sk-secret-5af3")]),
        ..ConfigSource::default()
    };
    match load(&source) {
        Ok((config, warnings)) => {
            let told = warnings.iter().map(ToString::to_string).collect::<String>();
            assert!(!told.contains("sk-secret") && !format!("{config:?}").contains("sk-secret"), "{text:?}");
        }
        Err(problems) => {
            let told = problems.to_string();
            assert!(!told.trim().is_empty() && !told.contains("sk-secret"), "{text:?}: {told}");
        }
    }
}
