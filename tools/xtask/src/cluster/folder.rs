//! `.local`: everything that the cluster on this machine writes, in the working folder of the
//! command.

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

/// The folder itself.
pub const PATH: &str = ".local";
/// The private PostgreSQL server.
pub const POSTGRES: &str = ".local/postgres";
/// The private RabbitMQ server.
pub const RABBITMQ: &str = ".local/rabbitmq";
/// Everything of `up --like-production`.
pub const PRODUCTION: &str = ".local/production";
/// Its passwords, keys and certificates.
pub const SECRETS: &str = ".local/production/secrets";
/// Its PostgreSQL.
pub const PRODUCTION_POSTGRES: &str = ".local/production/postgres";
/// Its RabbitMQ.
pub const PRODUCTION_RABBITMQ: &str = ".local/production/rabbitmq";
/// The private Prometheus.
pub const PROMETHEUS: &str = ".local/prometheus";
/// Unpacked packages of the servers.
pub const PACKAGES: &str = ".local/packages";
/// The logs of all services.
pub const LOGS: &str = ".local/logs";
/// The output of a supervisor without a terminal.
pub const SUPERVISOR_LOG: &str = ".local/logs/up.log";
/// The lock that the supervisor holds while it runs.
pub const LOCK: &str = ".local/up.lock";
/// The record of what runs where.
pub const RECORD: &str = ".local/cluster.json";
/// Shell variables that point a service to the chosen servers.
pub const ENVIRONMENT: &str = ".local/env";
/// The staff's key, if it is not configured: every start has the same.
pub const STAFF_KEY: &str = ".local/staff-key";
/// Names the configured servers that were used, one per line: `reset` does not empty them.
pub const CONFIGURED_MARK: &str = ".local/configured";
/// Contains the name of the Compose project if servers were ever started with Docker, so that the
/// next start finds their data, and `reset` their volumes.
pub const DOCKER_MARK: &str = ".local/docker";

/// The log of one service.
pub fn log(name: &str) -> PathBuf {
    Path::new(LOGS).join(format!("{name}.jsonl"))
}

/// The configured servers that were used since the last `reset`, such as
/// `PostgreSQL at localhost:5432`.
pub fn configured_servers() -> Vec<String> {
    let text = fs::read_to_string(CONFIGURED_MARK).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Makes sure that the folder exists, is writable and has enough space.
///
/// # Errors
/// One of these is not the case.
pub fn prepare() -> Result<(), FolderError> {
    prepare_at(Path::new(PATH))
}

fn prepare_at(path: &Path) -> Result<(), FolderError> {
    let unwritable = |why| FolderError::Unwritable { path: path.to_owned(), why };
    fs::create_dir_all(path.join("logs")).map_err(unwritable)?;
    let room = rustix::fs::statvfs(path).map_err(|why| unwritable(why.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize) >> 20;
    if free < NEEDED_MIB {
        return Err(FolderError::Full { path: path.to_owned(), free });
    }
    let probe = path.join("probe");
    fs::write(&probe, "x").and_then(|()| fs::remove_file(&probe)).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_its_place_is_one_clear_line() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("local");
        prepare_at(&path).unwrap();
        assert!(path.join("logs").is_dir());
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "").unwrap();
        let text = prepare_at(&path).unwrap_err().to_string();
        assert!(text.contains("cannot write in") && !text.contains('\n'), "{text}");
    }
}
