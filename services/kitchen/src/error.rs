//! The errors that end a worker.

use db::DbError;
use db::schema::SchemaError;
use domain::WorkerName;
use logging::{Action, action};

/// Why the worker cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(
        "a worker named '{0}' is online already: choose another --worker-name, or stop that worker first (the name of one that was killed is \
         free after two of its heartbeat intervals)"
    )]
    NameTaken(WorkerName),
    #[error(
        "the name '{0}' was taken over by another worker, because this one gave no sign of life for too long"
    )]
    NameLost(WorkerName),
    #[error("a task of this worker ended before its time: the one that {0}")]
    TaskEnded(&'static str),
    #[error(transparent)]
    Settings(#[from] DbError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl ServiceError {
    /// The log action of this error (specification, "Logs").
    pub fn action(&self) -> Action {
        match self {
            Self::NameTaken(_) => action::WORKER_REGISTRATION_FAILED,
            Self::NameLost(_) | Self::TaskEnded(_) | Self::Settings(_) | Self::Schema(_) => {
                action::SERVICE_FAILED
            }
        }
    }
}
