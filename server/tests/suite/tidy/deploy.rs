//! The container files, checked against what the programs really accept: there is no container engine in the checks.

use aq_server::args::Arguments;
use clap::Parser;
use serde_yaml::Value;

use super::source::{report, root};

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn compose() -> Value {
    let mut document: Value = serde_yaml::from_str(&text("docker-compose.yml")).unwrap();
    document.apply_merge().unwrap();
    document
}

fn services(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    document["services"].as_mapping().unwrap().iter().map(|(name, service)| (name.as_str().unwrap(), service))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_sequence().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Every command line of the server in the compose file is one that `aqd` accepts.
#[test]
fn the_compose_file_uses_known_flags() {
    let document = compose();
    let mut seen = 0;
    for (name, service) in services(&document) {
        if service["build"]["dockerfile"].as_str() == Some("server/Dockerfile") {
            seen += 1;
            let words = std::iter::once("aqd".to_owned()).chain(strings(&service["command"]));
            let parsed = Arguments::try_parse_from(words);
            assert!(parsed.is_ok(), "service {name}: {}", parsed.unwrap_err());
        }
    }
    assert_eq!(seen, 2);
}

/// Every variable for the server is one the configuration reads.
#[test]
fn the_compose_file_sets_known_variables() {
    let source = text("server/src/config/load.rs") + &text("server/src/config/source.rs");
    let mut offences = Vec::new();
    for (name, service) in services(&compose()) {
        for (variable, _) in service["environment"].as_mapping().into_iter().flatten() {
            let variable = variable.as_str().unwrap();
            if variable.starts_with("AQ_") && !source.contains(&format!("\"{variable}\"")) {
                offences.push(format!("service {name}: nothing reads {variable}"));
            }
        }
    }
    for line in text("server/Dockerfile").lines().filter_map(|line| line.strip_prefix("ENV ")) {
        let variable = line.split('=').next().unwrap();
        if !source.contains(&format!("\"{variable}\"")) {
            offences.push(format!("server/Dockerfile: nothing reads {variable}"));
        }
    }
    report("container files set variables that are read", &offences);
}

/// Volumes, configs, secrets, profiles and Dockerfiles that are named exist; no port is published; every service is contained.
#[test]
fn the_compose_file_is_closed() {
    let document = compose();
    let mut offences = Vec::new();
    let known = |section: &str, name: &str| document[section].as_mapping().is_some_and(|entries| entries.contains_key(name));
    for (name, service) in services(&document) {
        for volume in strings(&service["volumes"]) {
            let volume = volume.split(':').next().unwrap();
            if !known("volumes", volume) {
                offences.push(format!("service {name}: volume {volume} is not declared"));
            }
        }
        for section in ["configs", "secrets"] {
            for entry in service[section].as_sequence().into_iter().flatten() {
                let source = entry.as_str().or_else(|| entry["source"].as_str()).unwrap();
                if !known(section, source) {
                    offences.push(format!("service {name}: {section} entry {source} is not declared"));
                }
            }
        }
        if let Some(dockerfile) = service["build"]["dockerfile"].as_str() {
            if !root().join(dockerfile).is_file() {
                offences.push(format!("service {name}: {dockerfile} does not exist"));
            }
            if strings(&service["security_opt"]).is_empty() || strings(&service["cap_drop"]) != ["ALL"] {
                offences.push(format!("service {name}: keeps privileges it does not need"));
            }
        } else if service["image"].as_str().is_none_or(|image| !image.contains(':') || image.ends_with(":latest")) {
            offences.push(format!("service {name}: the image has no fixed version"));
        }
        if !service["ports"].is_null() {
            offences.push(format!("service {name}: publishes a port"));
        }
        for (dependency, _) in service["depends_on"].as_mapping().into_iter().flatten() {
            if !services(&document).any(|(other, _)| Some(other) == dependency.as_str()) {
                offences.push(format!("service {name}: depends on an unknown service"));
            }
        }
    }
    report("the compose file is closed", &offences);
}

/// The images run as nobody special, build binaries that exist, copy what is sent to the builder, and have git where it is needed.
#[test]
fn the_images_are_sound() {
    let ignore = text(".dockerignore");
    let mut offences = Vec::new();
    for (path, package, binary) in [
        ("server/Dockerfile", "server", "aqd"),
        ("server/Dockerfile", "cli", "aqctl"),
        ("discord-gateway/Dockerfile", "discord-gateway", "aq-discord"),
    ] {
        let dockerfile = text(path);
        if !text(&format!("{package}/Cargo.toml")).contains(&format!("name = \"{binary}\""))
            || !dockerfile.contains(&format!("--bin {binary}"))
        {
            offences.push(format!("{path}: does not build {binary}"));
        }
        if !dockerfile.lines().any(|line| line.starts_with("USER ") && line != "USER root") {
            offences.push(format!("{path}: runs as root"));
        }
        for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            for source in words.iter().take(words.len() - 1) {
                if !root().join(source).exists() || !ignore.lines().any(|kept| kept == format!("!{source}")) {
                    offences.push(format!("{path}: copies {source}, which is not sent to the builder"));
                }
            }
        }
        if dockerfile.lines().any(|line| line.starts_with("FROM") && (line.contains(":latest") || !line.contains(':'))) {
            offences.push(format!("{path}: an image has no fixed version"));
        }
    }
    if !text("server/Dockerfile").contains(" git ") {
        offences.push("server/Dockerfile: git is missing".to_owned());
    }
    report("the images are sound", &offences);
}

/// The time to stop is longer than the default grace, so that the engine never kills a server that is still saving.
#[test]
fn the_engine_waits_for_the_grace() {
    let home = tempfile::tempdir().unwrap();
    let grace = aq_server::config::ServerConfig::for_home(home.path()).unwrap().server.grace.as_secs();
    for (name, service) in services(&compose()) {
        if let Some(period) = service["stop_grace_period"].as_str() {
            let seconds: u64 = period.trim_end_matches('s').parse().unwrap();
            assert!(seconds > grace, "service {name} is killed after {seconds} s, but the grace is {grace} s");
        }
    }
}
