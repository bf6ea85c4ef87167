//! Opens connections: tries the configured addresses until one works.
//!
//! A connection lives on the runtime that created the pool, whichever task asks for it. The HTTP
//! server's threads have runtimes of their own, which end before the service does. A connection
//! created there would break while an order still needs it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadlines::database::CONNECT_DEADLINE;
use deadpool_postgres::ClientWrapper;
use runtime::addresses::{self, Found};
use secrecy::ExposeSecret;
use tls::Files;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Config;

use crate::connect_error::{ConnectError, UnsuitableServer};
use crate::error::tells_more;
use crate::session::{self, Access};
use crate::transport::{self, Transport};

/// Opens connections on one runtime.
pub(crate) struct Connector {
    hosts: String,
    port: u16,
    settings: Config,
    files: Files,
    access: Access,
    runtime: Handle,
    /// The address that worked last. It is tried first.
    preferred: Arc<Mutex<Option<SocketAddr>>>,
}

/// A connection that was opened.
pub(crate) struct Connected {
    pub(crate) client: ClientWrapper,
    /// Ends it.
    pub(crate) end: AbortHandle,
    /// How it was opened.
    pub(crate) transport: Transport,
}

impl Connector {
    /// On the caller's runtime. Connects nothing yet.
    pub(crate) fn new(settings: &config::Database, service: &str, access: Access) -> Self {
        Self {
            hosts: settings.host.clone(),
            port: settings.port,
            settings: connection_settings(settings, service),
            files: Files::from(settings),
            access,
            runtime: Handle::current(),
            preferred: Arc::default(),
        }
    }

    /// The runtime of the connections.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Opens a connection and checks that it is suitable.
    pub(crate) async fn connect(&self) -> Result<Connected, ConnectError> {
        let transport = Transport::of(&self.files)?;
        let (hosts, port) = (self.hosts.clone(), self.port);
        let (settings, files, access) = (self.settings.clone(), self.files.clone(), self.access);
        let preferred = Arc::clone(&self.preferred);
        let connecting = self.runtime.spawn(async move {
            let deadline = Instant::now() + CONNECT_DEADLINE;
            let found = timeout_at(deadline, addresses::resolve_named(&hosts, port)).await;
            let mut found = found
                .map_err(|_| ConnectError::NoAnswer)?
                .map_err(|why| ConnectError::Resolve { host: hosts, why })?;
            let first = *preferred.lock().unwrap_or_else(PoisonError::into_inner);
            found.sort_by_key(|found| Some(found.address) != first);
            let time_left = deadline - Instant::now();
            let attempt = |found| connect_to(found, &settings, &transport, &files, access);
            let (connected, address) =
                addresses::first_to_answer(found, time_left, attempt).await.map_err(most_informative)?;
            *preferred.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
            Ok(connected)
        });
        // The runtime may be shutting down.
        connecting.await.unwrap_or(Err(ConnectError::Ending))
    }
}

async fn connect_to(
    found: Found,
    settings: &Config,
    transport: &Transport,
    files: &Files,
    access: Access,
) -> Result<(Connected, SocketAddr), ConnectError> {
    let Found { host, address } = found;
    let mut settings = settings.clone();
    settings.hostaddr(address.ip()).port(address.port());
    transport.prepare(&mut settings, &host);
    let (client, driver) = match transport.connect(&settings).await {
        Ok(connected) => connected,
        Err(why) => return Err(transport::why_not(why, files, &host, address).await),
    };
    let end = driver.abort_handle();
    let client = ClientWrapper::new(client, driver);
    session::prove(&client, &settings, transport, access).await?;
    Ok((Connected { client, end, transport: transport.clone() }, address))
}

/// Of several addresses' failures, returns the one that came furthest.
fn most_informative(failures: Vec<ConnectError>) -> ConnectError {
    let rank = |failure: &ConnectError| match failure {
        ConnectError::UnsuitableServer(
            UnsuitableServer::ReadOnly | UnsuitableServer::NotRestored | UnsuitableServer::Standby,
        ) => 3,
        ConnectError::UnsuitableServer(_) => 4,
        ConnectError::Failed(why) => why.as_db_error().map_or(0, tells_more),
        ConnectError::Tls(_) | ConnectError::TlsFiles(_) => 2,
        ConnectError::Resolve { .. } | ConnectError::NoAnswer | ConnectError::Ending => 0,
    };
    failures.into_iter().max_by_key(rank).unwrap_or(ConnectError::NoAnswer)
}

fn connection_settings(settings: &config::Database, service: &str) -> Config {
    let mut connection = Config::new();
    connection
        .user(&settings.user)
        .password(settings.password.expose_secret())
        .dbname(&settings.database)
        .application_name(service)
        .options(session::options())
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(20));
    connection
}
