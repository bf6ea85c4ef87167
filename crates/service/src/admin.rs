//! The admin listener: the probes, on a port that only the machine or the cluster reaches.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use domain::ServiceName;
use http_service::health::{self, Check, Checks, Health};
use http_service::server::{self, BindError};
use logging::{Log, action};
use tokio::time::timeout;

use crate::tasks::{Ended, TaskEnded, Tasks};

/// Longest time to end the server. Requests that are under way then get no answer.
const STOP_DEADLINE: Duration = Duration::from_millis(500);

/// Why there is no admin listener, or none any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("the admin listener failed")]
    Http(#[from] std::io::Error),
    #[error(transparent)]
    TaskEnded(#[from] TaskEnded),
}

/// Whom the admin listener asks before it answers `/readyz` and `/health`; cheap to clone. Until a
/// service says whom to ask, it is not ready; nor is one that stops.
#[derive(Clone, Default)]
pub struct Probes(Arc<RwLock<Option<Arc<dyn Health>>>>);

impl Probes {
    /// From now on this is asked.
    pub fn ask(&self, health: Arc<dyn Health>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(health);
    }

    /// The service stops. It must be the last to hold what was asked: its tasks end when nobody has
    /// a handle to them.
    pub(crate) fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Health for Probes {
    fn checks(&self) -> Checks<'_> {
        let health = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            match health {
                Some(health) => health.checks().await,
                None => vec![Check::needed("running", false)],
            }
        })
    }
}

/// The admin listener of a process, if it has one.
pub(crate) struct Admin {
    tasks: Tasks<AdminError>,
    handle: Option<ServerHandle>,
}

impl Admin {
    /// Opens the port and answers; port 0 stands for none.
    pub(crate) fn start(
        service: ServiceName,
        settings: &config::Admin,
        probes: Probes,
        log: &Log,
    ) -> Result<Self, AdminError> {
        let mut tasks = Tasks::new();
        if settings.port == 0 {
            return Ok(Self { tasks, handle: None });
        }
        let listener = server::listen_for_admin(settings.bind, settings.port)?;
        let address = listener.local_addr()?;
        let probes: Arc<dyn Health> = Arc::new(probes);
        let (handle, serving) = server::start_for_admin(listener, log, move |app| {
            health::routes(app, service.binary(), &probes);
            app.default_service(actix_web::web::to(http_service::problem::not_found));
        })?;
        tasks.spawn("answers on the admin port", async { Ok(serving.await?) });
        log.info(action::ADMIN_STARTED, format!("The admin listener answers on {address}"))
            .detail("address", address.ip().to_string())
            .detail("port", address.port())
            .emit();
        Ok(Self { tasks, handle: Some(handle) })
    }

    /// Waits until the listener ends, although nobody asked it to: for ever, if there is none.
    pub(crate) async fn ended(&mut self) -> AdminError {
        let Ended { why, .. } = self.tasks.ended().await;
        why
    }

    /// Ends it.
    pub(crate) async fn stop(self) {
        if let Some(handle) = self.handle {
            let _ = timeout(STOP_DEADLINE, handle.stop(false)).await;
        }
    }
}
