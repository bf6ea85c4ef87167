//! Why a measurement failed.

use std::path::PathBuf;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A private server cannot be started, or one of its tools failed.
    #[error("the servers")]
    Servers(#[from] devcluster::Error),
    /// A statement of the services failed.
    #[error("a statement failed while PostgreSQL was measured in isolation")]
    Database(#[from] db::DbError),
    /// The isolated HTTP server has no port.
    #[error(transparent)]
    Listen(#[from] http_service::server::BindError),
    /// A message cannot be encoded.
    #[error("a message for RabbitMQ cannot be written")]
    Message(#[from] serde_json::Error),
    /// A program under test is not in this program's folder.
    #[error("'{}' is not there: build it with 'cargo xtask build --release'", .0.display())]
    NoProgram(PathBuf),
    /// A file cannot be used.
    #[error("cannot {action} '{}'", path.display())]
    File {
        /// The attempted action.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The operating system refused an operation.
    #[error("cannot {action}")]
    System {
        /// The attempted operation.
        action: &'static str,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The output of a program cannot be parsed.
    #[error("{program} wrote something that cannot be read: {output}")]
    Unreadable {
        /// The program.
        program: &'static str,
        /// The output.
        output: String,
    },
    /// A service did not get ready in time.
    #[error("{service} was not {wanted} within {seconds} s; its log is '{}'", log.display())]
    TimedOut {
        /// The service.
        service: String,
        /// The expected state.
        wanted: &'static str,
        /// The time limit in seconds.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// The measurement is not valid.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// For `map_err`: an action on a file.
    pub fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// For `map_err`: an operation of the operating system.
    pub fn system(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}
