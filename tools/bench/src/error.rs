//! Why something could not be measured.

use std::path::PathBuf;

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A private server cannot be had, or one of its tools failed.
    #[error("the servers")]
    Servers(#[from] devcluster::Error),
    /// A statement of the services failed.
    #[error("a statement failed while PostgreSQL was measured by itself")]
    Database(#[from] db::DbError),
    /// HTTP by itself has no port.
    #[error(transparent)]
    Listen(#[from] http_service::server::BindError),
    /// A message cannot be written.
    #[error("a message for RabbitMQ cannot be written")]
    Message(#[from] serde_json::Error),
    /// A program under test is not where this one is.
    #[error("'{}' is not there: build it with 'cargo xtask build --release'", .0.display())]
    NoProgram(PathBuf),
    /// A file cannot be used.
    #[error("cannot {action} '{}'", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The operating system refuses something.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A program wrote something else than expected.
    #[error("{program} wrote something that cannot be read: {output}")]
    Unreadable {
        /// The program.
        program: &'static str,
        /// What it wrote.
        output: String,
    },
    /// A service is not ready in time.
    #[error("{service} was not {wanted} within {seconds} s; its log is '{}'", log.display())]
    TimedOut {
        /// The service.
        service: String,
        /// What was waited for.
        wanted: &'static str,
        /// How long.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// What was measured does not count.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// For `map_err`: what was tried with a file.
    pub fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// For `map_err`: what was asked of the operating system.
    pub fn system(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}
