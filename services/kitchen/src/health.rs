//! Whether a worker is well: what its probes check, and `--healthcheck` without an admin listener.

use std::sync::OnceLock;

use bus::LinkState;
use config::Config;
use db::{Access, Database, startup, workers};
use domain::{ServiceName, WorkerName};
use http_service::health::{self, Check, Checks};
use runtime::with_causes;

use crate::NAME;

/// What the probes look at.
pub struct Health {
    db: Database,
    /// The connection for consuming. There is none until the worker is registered.
    link: OnceLock<LinkState>,
}

impl Health {
    /// Of a worker that is not registered yet.
    pub fn new(db: Database) -> Self {
        Self { db, link: OnceLock::new() }
    }

    /// The worker is registered, and takes orders over this connection.
    pub fn registered(&self, link: LinkState) {
        // A worker registers once.
        let _ = self.link.set(link);
    }
}

impl health::Health for Health {
    fn checks(&self) -> Checks<'_> {
        Box::pin(async {
            let usable = startup::is_usable(&self.db, ServiceName::Kitchen, Access::ReadWrite).await;
            vec![
                Check::needed("database", usable),
                Check::needed("registration", self.link.get().is_some()),
                Check::needed("rabbitmq", self.link.get().is_some_and(LinkState::is_up)),
            ]
        })
    }
}

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
