//! The text of the unit (server-control R6).

use std::path::Path;

/// The unit's name.
pub(super) const NAME: &str = "agent-queue.service";

/// A word of a unit file: quoted, with what systemd would expand taken literally.
fn word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let escaped: String = text
        .chars()
        .flat_map(|c| match c {
            '\\' => vec!['\\', '\\'],
            '"' => vec!['\\', '"'],
            '%' => vec!['%', '%'],
            '$' => vec!['$', '$'],
            c => vec![c],
        })
        .collect();
    format!("\"{escaped}\"")
}

/// The unit for `program` on the data directory `home`.
#[must_use]
pub(super) fn text(program: &Path, home: &Path, config: Option<&Path>) -> String {
    let config = config.map(|config| format!(" --config {}", word(config))).unwrap_or_default();
    format!(
        "# Written by `aqctl service install`; it overwrites this file.
[Unit]
Description=Agent Queue server
After=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
ExecStart={program} --home {home}{config} serve
# Only the server itself is stopped: the runs are processes of their own and go on, until the next start takes them up.
KillMode=process
Restart=on-failure
RestartSec=2
TimeoutStopSec=60
Environment=GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=/bin/false GH_PROMPT_DISABLED=1
UnsetEnvironment=CLAUDECODE CLAUDE_CODE_ENTRYPOINT
UMask=0077

[Install]
WantedBy=default.target
",
        program = word(program),
        home = word(home),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// server-control R6: a restart of the service leaves runs alive, and odd paths stay paths.
    #[test]
    fn the_unit() {
        insta::assert_snapshot!(text(Path::new("/opt/a b/aqd"), Path::new("/home/me/100%/$x"), Some(Path::new("/etc/aq\"q.yaml"))));
    }
}
