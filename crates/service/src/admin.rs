//! The admin listener: probes and metrics, on a port that only the machine or the cluster reaches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use config::Config;
use domain::ServiceName;
use http_service::admin;
use http_service::health::{Check, Checks, Health};
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
    #[error("the admin listener failed: {0}")]
    Http(#[from] std::io::Error),
    #[error(transparent)]
    TaskEnded(#[from] TaskEnded),
}

/// Whom the admin listener asks before it answers `/readyz` and `/health`; cheap to clone. Until a
/// service says whom to ask, it is not ready; nor is one that stops.
#[derive(Clone, Default)]
pub struct Probes(Arc<RwLock<Asked>>);

#[derive(Clone, Default)]
enum Asked {
    /// The service has not said yet.
    #[default]
    Nobody,
    Service(Arc<dyn Health>),
    /// The service stops. Nobody is asked from then on.
    Stopping,
}

impl Probes {
    /// From now on this is asked, unless the service stops already.
    pub fn ask(&self, health: Arc<dyn Health>) {
        let mut asked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*asked, Asked::Stopping) {
            *asked = Asked::Service(health);
        }
    }

    /// The service stops. It must be the last to hold what was asked: its tasks end when nobody has
    /// a handle to them.
    pub(crate) fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Asked::Stopping;
    }
}

impl Health for Probes {
    fn checks(&self) -> Checks<'_> {
        let asked = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            match asked {
                Asked::Service(health) => health.checks().await,
                Asked::Nobody | Asked::Stopping => vec![Check::needed("running", false)],
            }
        })
    }
}

/// Whether the admin listener and the service itself have ports of their own. The second of them
/// would take the first for another program.
///
/// # Errors
/// They have the same. The text says what to do.
pub(crate) fn check_port(config: &Config, port_of_service: Option<u16>) -> Result<(), String> {
    let port = config.admin.port;
    let is_same = port > 0 && port_of_service == Some(port);
    if is_same && meet(config.admin.bind, config.http.bind) {
        return Err(format!(
            "admin.port (ADMIN_PORT) is {port}, and so is the service's own port (--port): choose another for one of them"
        ));
    }
    Ok(())
}

/// Whether two listeners with one port are in each other's way.
fn meet(one: IpAddr, other: IpAddr) -> bool {
    let covers = |all: IpAddr, address: IpAddr| {
        all == Ipv6Addr::UNSPECIFIED || (all == Ipv4Addr::UNSPECIFIED && address.is_ipv4())
    };
    one == other || covers(one, other) || covers(other, one)
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
            admin::routes(app, service.binary(), &probes, service.into());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_listeners_need_ports_of_their_own_where_they_meet() {
        for (admin, http, own, is_mistake) in [
            ("127.0.0.1", "127.0.0.1", Some(3999), true),
            ("::", "127.0.0.1", Some(3999), true),
            ("127.0.0.1", "0.0.0.0", Some(3999), true),
            ("127.0.0.1", "10.0.0.1", Some(3999), false),
            ("::1", "0.0.0.0", Some(3999), false),
            ("127.0.0.1", "127.0.0.1", Some(3000), false),
            ("127.0.0.1", "127.0.0.1", None, false),
        ] {
            let mut config = Config::default();
            config.admin.port = 3999;
            config.admin.bind = admin.parse().unwrap();
            config.http.bind = http.parse().unwrap();
            let checked = check_port(&config, own);
            assert_eq!(checked.is_err(), is_mistake, "{admin} {http} {own:?}");
            if let Err(why) = checked {
                assert!(why.contains("admin.port (ADMIN_PORT)") && why.contains("--port"), "{why}");
            }
            config.admin.port = 0;
            assert!(check_port(&config, Some(0)).is_ok(), "there is no admin listener");
        }
    }

    struct Well;

    impl Health for Well {
        fn checks(&self) -> Checks<'_> {
            Box::pin(async { vec![Check::needed("database", true)] })
        }
    }

    /// A handle that came after the end of the probes would hold up the tasks that wait for it.
    #[test]
    fn a_service_that_stops_holds_no_handle_for_its_probes() {
        let (probes, health) = (Probes::default(), Arc::new(Well));
        probes.ask(health.clone());
        assert_eq!(Arc::strong_count(&health), 2);
        probes.forget();
        probes.ask(health.clone());
        assert_eq!(Arc::strong_count(&health), 1);
    }
}
