//! Errors of private servers.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a private server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No programs were found, and they cannot be fetched here.
    #[error("{what} is not installed here. {advice}")]
    NotInstalled {
        /// The server or servers.
        what: String,
        /// What the user can do on this system.
        advice: String,
    },
    /// A file or folder cannot be used.
    #[error("cannot {action} '{}'", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A program cannot be started.
    #[error("cannot run '{program}'")]
    Run {
        /// The program.
        program: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("'{program}' failed ({status}): {output}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its output.
        output: String,
    },
    /// A program exceeded its time limit and was killed.
    #[error("'{program}' did not finish within {} s", .limit.as_secs())]
    TooSlow {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// Another process took a port between its choice and its use, in every attempt.
    #[error("{server} found its ports taken, several times. Its log is '{}'", log.display())]
    PortTaken {
        /// The server.
        server: &'static str,
        /// Its log.
        log: PathBuf,
    },
    /// A server ended before it was ready.
    #[error("{server} ended while it was starting ({status}). The end of '{}':\n{tail}", log.display())]
    Ended {
        /// The server.
        server: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        tail: String,
    },
    /// A server runs, but was not ready in time.
    #[error("{server} was not ready within {} s. The end of '{}':\n{tail}", .limit.as_secs(), log.display())]
    NotReady {
        /// The server.
        server: &'static str,
        /// The limit.
        limit: Duration,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        tail: String,
    },
    /// Another process holds the lock on the folder's log: the server of an earlier run.
    #[error("'{}' is held by a server that still runs. End it ('fuser' shows its number), and try again", log.display())]
    InUse {
        /// The log.
        log: PathBuf,
    },
    /// Another major version created the data.
    #[error(
        "the data in '{}' was made by PostgreSQL {made_by}, but only version {found} is installed. \
         Install {made_by}, or remove the folder to start with an empty database",
        folder.display()
    )]
    OtherVersion {
        /// The data folder.
        folder: PathBuf,
        /// The version that created it.
        made_by: String,
        /// The installed version.
        found: String,
    },
    /// PostgreSQL does not run as root, and no other user works.
    #[error(
        "PostgreSQL refuses to run as root, and running it as another user failed: {why}. \
         Run this as an ordinary user, or move the project to a folder that every user may enter"
    )]
    OnlyRoot {
        /// The attempt, and its error.
        why: String,
    },
    /// RabbitMQ's management API refused a request.
    #[error("RabbitMQ's management API answered {status} to {request}: {body}")]
    Api {
        /// Method and path.
        request: String,
        /// HTTP status.
        status: u16,
        /// The response.
        body: String,
    },
    /// RabbitMQ's management API did not answer.
    #[error("RabbitMQ's management API did not answer {request}")]
    NoApi {
        /// Method and path.
        request: String,
        /// The error of the connection.
        source: std::io::Error,
    },
    /// Every port is taken.
    #[error("found no free TCP port on 127.0.0.1")]
    NoPort(#[source] std::io::Error),
}

impl Error {
    /// For `map_err` of file operations.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
