//! The errors that end a worker.

use db::DbError;
use db::schema::SchemaError;
use domain::WorkerName;
use http_service::server::BindError;
use logging::{Action, action};
use service::{Failure, TaskEnded};

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
    #[error(transparent)]
    TaskEnded(#[from] TaskEnded),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("the HTTP server failed: {0}")]
    Http(#[from] std::io::Error),
    #[error(transparent)]
    Settings(#[from] DbError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// The actions are the specification's ("Logs").
impl Failure for ServiceError {
    fn action(&self) -> Action {
        match self {
            Self::NameTaken(_) => action::WORKER_REGISTRATION_FAILED,
            Self::NameLost(_)
            | Self::TaskEnded(_)
            | Self::Bind(_)
            | Self::Http(_)
            | Self::Settings(_)
            | Self::Schema(_) => action::SERVICE_FAILED,
        }
    }
}
