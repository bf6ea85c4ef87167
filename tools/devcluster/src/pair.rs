//! Both servers, started in parallel.

use std::path::Path;

use crate::install::ensure_installed;
use crate::postgres::{PostgresOptions, PrivatePostgres};
use crate::programs::{PostgresPrograms, RabbitmqPrograms};
use crate::rabbitmq::{PrivateRabbitmq, RabbitmqOptions};
use crate::server::Server;
use crate::{Error, project};

/// Starts both servers with their data in `folder`. Missing programs are fetched into the project's
/// `.local`, with progress on standard error.
///
/// # Errors
/// One of them cannot be installed, or does not start.
pub async fn start_pair(
    folder: &Path,
    postgres: PostgresOptions,
    rabbitmq: RabbitmqOptions,
) -> Result<(PrivatePostgres, PrivateRabbitmq), Error> {
    let (packages, progress) = (project::packages(), |line: &str| eprintln!("{line}"));
    ensure_installed(&[Server::Postgres, Server::Rabbitmq], &packages, &progress).await?;
    let (postgres_programs, rabbitmq_programs) =
        (PostgresPrograms::find(&packages)?, RabbitmqPrograms::find(&packages)?);
    let (postgres_folder, rabbitmq_folder) = (folder.join("postgres"), folder.join("rabbitmq"));
    let (postgres, rabbitmq) = tokio::join!(
        PrivatePostgres::start(&postgres_programs, &postgres_folder, postgres),
        PrivateRabbitmq::start(&rabbitmq_programs, &rabbitmq_folder, rabbitmq),
    );
    Ok((postgres?, rabbitmq?))
}
