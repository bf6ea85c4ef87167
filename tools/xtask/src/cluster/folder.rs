//! `.local`: everything that the cluster on this machine writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// With less space, PostgreSQL cannot even create its data.
const NEEDED_MIB: u64 = 300;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be written.
    #[error("cannot write in '{}': {why}. Make it a folder that you may write in, and try again", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        why: io::Error,
    },
    /// The disk is nearly full.
    #[error(
        "only {free} MiB are free on the disk of '{}', the cluster needs {NEEDED_MIB}. Free some space and try again",
        path.display()
    )]
    Full {
        /// The folder.
        path: PathBuf,
        /// The free space, in MiB.
        free: u64,
    },
}

/// The folder, relative to the working folder of the command.
#[derive(Clone, Debug)]
pub struct LocalFolder(PathBuf);

impl LocalFolder {
    /// `.local` here, whether it exists or not.
    pub fn here() -> Self {
        Self(PathBuf::from(".local"))
    }

    /// Makes sure that the folder exists, is writable and has enough space.
    ///
    /// # Errors
    /// One of these is not the case.
    pub fn prepare(&self) -> Result<(), FolderError> {
        let unwritable = |why| FolderError::Unwritable { path: self.0.clone(), why };
        fs::create_dir_all(self.logs()).map_err(unwritable)?;
        let room = rustix::fs::statvfs(&self.0).map_err(|why| unwritable(why.into()))?;
        let free = room.f_bavail.saturating_mul(room.f_frsize) >> 20;
        if free < NEEDED_MIB {
            return Err(FolderError::Full { path: self.0.clone(), free });
        }
        let probe = self.0.join("probe");
        fs::write(&probe, "x").and_then(|()| fs::remove_file(&probe)).map_err(unwritable)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The private PostgreSQL server.
    pub fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    /// The private RabbitMQ server.
    pub fn rabbitmq(&self) -> PathBuf {
        self.0.join("rabbitmq")
    }

    /// Unpacked packages of both servers.
    pub fn packages(&self) -> PathBuf {
        self.0.join("packages")
    }

    /// The logs of all services.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// The log of one service.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.jsonl"))
    }

    /// The output of a supervisor without a terminal.
    pub fn supervisor_log(&self) -> PathBuf {
        self.logs().join("up.log")
    }

    /// The lock that the supervisor holds while it runs.
    pub fn lock(&self) -> PathBuf {
        self.0.join("up.lock")
    }

    /// The record of what runs where.
    pub fn record(&self) -> PathBuf {
        self.0.join("cluster.json")
    }

    /// Shell variables that point a service to the chosen servers.
    pub fn environment(&self) -> PathBuf {
        self.0.join("env")
    }

    /// Names the configured servers that were used, one per line: `reset` does not empty them.
    pub fn configured_mark(&self) -> PathBuf {
        self.0.join("configured")
    }

    /// The configured servers that were used since the last `reset`, such as
    /// `PostgreSQL at localhost:5432`.
    pub fn configured_servers(&self) -> Vec<String> {
        let text = fs::read_to_string(self.configured_mark()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Contains the name of the Compose project if servers were ever started with Docker, so that
    /// the next start finds their data, and `reset` their volumes.
    pub fn docker_mark(&self) -> PathBuf {
        self.0.join("docker")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_its_place_is_one_clear_line() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("local");
        LocalFolder(path.clone()).prepare().unwrap();
        assert!(path.join("logs").is_dir());
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "").unwrap();
        let text = LocalFolder(path).prepare().unwrap_err().to_string();
        assert!(text.contains("cannot write in") && !text.contains('\n'), "{text}");
    }
}
