//! How agents are contained: what the configuration asks for, what this machine offers, and what is said of it.
//!
//! What a run may reach lives in the runner (`sandbox`).
//!
//! Spec: specs/server/runner/sandbox.md

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use aq_runner::sandbox::{SandboxLevel as Level, probe, try_out};

use super::error::{AppError, io};
use crate::config::sections::SandboxLevel;
use crate::config::{Environment, ServerConfig, find_program};

/// What stands between agents and the rest of the machine.
#[derive(Clone, Debug)]
pub(crate) struct Walls {
    /// The level.
    pub(super) level: Level,
    /// The program `bwrap`, where the level asks for it.
    pub(super) bwrap: PathBuf,
    /// All of it in words.
    pub(crate) text: String,
}

impl Walls {
    /// What the configuration asks for. Blocking.
    ///
    /// # Errors
    /// [`AppError::Sandbox`]: it asks for `bwrap` by name, and that cannot be had. Landlock is taken as far as it goes.
    pub(crate) fn find(config: &ServerConfig, environment: &Environment) -> Result<Self, AppError> {
        let (level, bwrap, text) = match config.agents.sandbox {
            SandboxLevel::None => (Level::None, PathBuf::new(), "none: agents are not contained".to_owned()),
            SandboxLevel::Landlock => (Level::Landlock, PathBuf::new(), probe().to_string()),
            SandboxLevel::Bwrap => {
                let Some(bwrap) = find_program("bwrap", environment) else {
                    return Err(AppError::Sandbox("bwrap is not installed; install bubblewrap".to_owned()));
                };
                let version = try_out(&bwrap).map_err(AppError::Sandbox)?;
                (Level::Bwrap, bwrap, format!("{version}: files and processes are contained; within it {}", probe()))
            }
        };
        Ok(Self { level, bwrap, text })
    }

    /// Says in the log how agents are contained.
    pub(super) fn tell(&self) {
        tracing::info!(sandbox = %self.text, "how agents are contained");
        if self.level == Level::None || (self.level == Level::Landlock && probe().landlock == 0) {
            tracing::warn!("agents are not contained: they can read whatever this user can, except where a key is asked for");
        }
        if rustix::process::geteuid().is_root() {
            tracing::warn!("aqd runs as root, and so do its agents; use a user of its own");
        }
    }

    /// The name of the server's socket that agents with a key are told. Within namespaces only what was mounted there is seen, and a mounted file stays
    /// the old one when the next server makes its socket anew; so there the socket has a second name in a folder of its own, which is mounted instead.
    pub(super) fn door(&self, socket: &Path) -> PathBuf {
        match self.level {
            Level::Bwrap => socket.with_extension("d").join("aqd.sock"),
            Level::None | Level::Landlock => socket.to_owned(),
        }
    }

    /// Makes the folder of that second name, where there is one: what agents have to see.
    ///
    /// # Errors
    /// The file system refuses.
    pub(super) fn make_door(&self, socket: &Path) -> Result<Option<PathBuf>, AppError> {
        let door = self.door(socket);
        let Some(folder) = door.parent().filter(|_| door != socket) else { return Ok(None) };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(io(format!("{} cannot be made for the agents", folder.display())))?;
        Ok(Some(folder.to_owned()))
    }

    /// Gives the bound socket its second name, where it has one.
    ///
    /// # Errors
    /// The file system refuses.
    pub(super) fn open_door(&self, socket: &Path) -> Result<(), AppError> {
        let door = self.door(socket);
        if door == socket {
            return Ok(());
        }
        let linked = match std::fs::remove_file(&door) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => std::fs::hard_link(socket, &door),
        };
        linked.map_err(io(format!("{} cannot be made for the agents", door.display())))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    fn asking_for(level: SandboxLevel) -> ServerConfig {
        let mut config = ServerConfig::for_home(Path::new("/nowhere/aq")).unwrap();
        config.agents.sandbox = level;
        config
    }

    /// Sandbox R8: who asks for `bwrap` and has none gets no server, and no weaker walls; other levels are never refused.
    #[test]
    fn walls_that_are_asked_for_by_name_are_there() {
        let nothing = Environment::from_pairs([("PATH", "/nowhere")]);
        let refused = Walls::find(&asking_for(SandboxLevel::Bwrap), &nothing).unwrap_err().to_string();
        assert!(refused.contains("`agents.sandbox`") && refused.contains("install bubblewrap"), "{refused}");
        for level in [SandboxLevel::Landlock, SandboxLevel::None] {
            Walls::find(&asking_for(level), &nothing).unwrap();
        }
    }

    /// Sandbox R8: the socket is reached by its second name, also the one of the next server.
    #[test]
    fn the_door_leads_to_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("aqd.sock");
        let walls = Walls { level: Level::Bwrap, bwrap: PathBuf::new(), text: String::new() };
        for _server in 0..2 {
            let _left_over = std::fs::remove_file(&socket);
            let listener = UnixListener::bind(&socket).unwrap();
            assert_eq!(walls.make_door(&socket).unwrap(), Some(folder.path().join("aqd.d")));
            walls.open_door(&socket).unwrap();
            UnixStream::connect(walls.door(&socket)).unwrap();
            drop(listener);
        }
        let none = Walls { level: Level::Landlock, ..walls };
        none.open_door(&socket).unwrap();
        assert_eq!((none.make_door(&socket).unwrap(), none.door(&socket)), (None, socket));
    }
}
