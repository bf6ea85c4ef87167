//! `--healthcheck`: whether a worker is alive.

use config::Config;
use db::{Access, Database, workers};
use domain::WorkerName;
use runtime::with_causes;

use crate::NAME;

/// Checks that both servers answer and, if a worker is named, that its last heartbeat is recent.
///
/// # Errors
/// The check failed. The text says why.
pub async fn check(name: Option<WorkerName>, config: &Config) -> Result<(), String> {
    let failed = |why: &dyn std::error::Error| format!("{NAME}: {}", with_causes(why));
    bus::check(&config.rabbitmq, "kitchen-worker: health check").await.map_err(|why| failed(&why))?;
    let db = Database::new(&config.database, NAME, Access::ReadWrite).map_err(|why| failed(&why))?;
    let Some(name) = name else { return db.takes_writes().await.map_err(|why| failed(&why)) };
    let workers = workers::all(&db).await.map_err(|why| failed(&why))?;
    match workers.iter().find(|worker| worker.name == name.as_str()) {
        Some(worker) if worker.online => Ok(()),
        Some(_) => Err(format!("{NAME}: worker '{name}' is offline")),
        None => Err(format!("{NAME}: no worker '{name}' has ever registered")),
    }
}
