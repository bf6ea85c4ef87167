//! The PostgreSQL and the RabbitMQ that the services use.

use devcluster::{PrivateServer, ServerKind};
use domain::{ServerUser, ServiceName};
use runtime::{Backoff, Console, clock, with_causes};
use secrecy::ExposeSecret;
use tokio::time::{Duration, Instant};

use crate::cluster::accounts::{self, AccountError, Accounts};
use crate::cluster::record::Member;

/// The origin of a server, which decides who stops it.
#[derive(Debug)]
pub enum Origin<Kind: ServerKind> {
    /// Named by the configuration: it is not touched.
    Configured,
    /// One of our containers.
    Docker,
    /// A private server.
    Private(PrivateServer<Kind>),
}

/// A server that the services use.
#[derive(Debug)]
pub struct ServerInUse<Kind: ServerKind, Endpoint> {
    origin: Origin<Kind>,
    /// Its address and the administrator's login.
    pub endpoint: Endpoint,
    /// Host and port.
    address: String,
    /// Its management page, if it has one and that is known.
    pub management_url: Option<String>,
    /// The users of the services and of the exporter. Without any, all use the endpoint's user.
    accounts: Accounts,
    /// The time since when it is used, in seconds since 1970.
    since: u64,
}

/// PostgreSQL.
pub type Postgres = ServerInUse<devcluster::Postgres, config::Database>;
/// RabbitMQ.
pub type Rabbitmq = ServerInUse<devcluster::Rabbitmq, config::Rabbitmq>;

impl<Kind: ServerKind, Endpoint> ServerInUse<Kind, Endpoint> {
    /// A server that is used from now on.
    pub fn new(
        origin: Origin<Kind>,
        endpoint: Endpoint,
        address: String,
        management_url: Option<String>,
    ) -> Self {
        let since = clock::unix_seconds();
        Self { origin, endpoint, address, management_url, accounts: Accounts::new(), since }
    }

    /// Its name and its address, if the configuration names it.
    fn configured(&self) -> Option<(&'static str, &str)> {
        matches!(self.origin, Origin::Configured).then_some((Kind::NAME, &self.address))
    }

    fn private(&mut self) -> Option<&mut PrivateServer<Kind>> {
        if let Origin::Private(server) = &mut self.origin { Some(server) } else { None }
    }

    /// Restarts a private server that has ended, and reports it. Returns whether it runs again.
    async fn revive(&mut self, console: Console) -> Option<bool> {
        let server = self.private()?;
        if server.is_running() {
            return None;
        }
        let (name, log) = (Kind::NAME, server.log());
        console.warn(&format!("{name} has ended (see '{}'); starting it again", log.display()));
        let outcome = server.restart().await;
        self.since = clock::unix_seconds();
        match &outcome {
            Ok(()) => console.done(&format!("{name} runs again")),
            Err(why) => console.warn(&with_causes(why)),
        }
        Some(outcome.is_ok())
    }

    async fn stop(&mut self) {
        if let Some(server) = self.private() {
            server.stop().await;
        }
    }

    fn kill(&mut self) {
        if let Some(server) = self.private() {
            server.kill();
        }
    }

    fn member(&mut self, name: &str) -> Member {
        let (state, pid) = match &mut self.origin {
            Origin::Configured => ("in use (configured)", None),
            Origin::Docker => ("in use (Docker)", None),
            Origin::Private(server) => {
                let pid = server.is_running().then(|| server.pid());
                (if pid.is_some() { "running (private)" } else { "ended (private)" }, pid)
            }
        };
        let (address, since) = (Some(self.address.clone()), pid.map(|_| self.since));
        Member { name: name.to_owned(), pid, state: state.to_owned(), address, since, trouble: None }
    }
}

/// Both servers.
#[derive(Debug)]
pub struct Servers {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// RabbitMQ.
    pub rabbitmq: Rabbitmq,
    backoff: Backoff,
    not_before: Instant,
}

impl Servers {
    /// The pair of these servers.
    pub fn new(postgres: Postgres, rabbitmq: Rabbitmq) -> Self {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        Self { postgres, rabbitmq, backoff, not_before: Instant::now() }
    }

    /// Creates a user for each service on private servers. On other servers, users are up to their
    /// operators.
    ///
    /// # Errors
    /// A server refuses, or does not answer.
    pub async fn admit_services(&mut self) -> Result<(), AccountError> {
        if let Origin::Private(_) = self.postgres.origin {
            self.postgres.accounts = accounts::in_postgres(&self.postgres.endpoint).await?;
        }
        if let Origin::Private(server) = &self.rabbitmq.origin {
            self.rabbitmq.accounts =
                accounts::in_rabbitmq(server.admin(), &self.rabbitmq.endpoint.vhost).await?;
        }
        Ok(())
    }

    /// Where a private RabbitMQ shows its metrics, if it does.
    pub fn rabbitmq_metrics_port(&self) -> Option<u16> {
        if let Origin::Private(server) = &self.rabbitmq.origin { server.metrics_port() } else { None }
    }

    /// A private PostgreSQL, with its administrator's login.
    pub fn private_postgres(&self) -> Option<&config::Database> {
        matches!(self.postgres.origin, Origin::Private(_)).then_some(&self.postgres.endpoint)
    }

    /// The variables with which a user's programs find the servers.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        devcluster::environment(&self.postgres.endpoint, &self.rabbitmq.endpoint)
    }

    /// The variables with which a program finds the servers. If others have a user on a server and
    /// this one has none, it gets no access.
    pub fn environment_of(&self, user: ServerUser) -> Vec<(&'static str, String)> {
        let mut variables = self.environment();
        for (accounts, login, password) in [
            (&self.postgres.accounts, "DB_USER", "DB_PASSWORD"),
            (&self.rabbitmq.accounts, "RABBITMQ_USER", "RABBITMQ_PASSWORD"),
        ] {
            if accounts.is_empty() {
                continue;
            }
            variables.retain(|(name, _)| ![login, password].contains(name));
            let own = accounts.iter().find(|(whose, _)| *whose == user);
            let own = own.map(|(_, own)| (own.user.clone(), own.password.expose_secret().to_owned()));
            let (name, secret) = own.unwrap_or_else(|| ("nobody".to_owned(), "none".to_owned()));
            variables.extend([(login, name), (password, secret)]);
        }
        if user == ServiceName::Tracking.into() {
            variables.extend(self.of_staff_lists());
        }
        variables
    }

    /// The second user of the tracking service, if it has one.
    fn of_staff_lists(&self) -> Vec<(&'static str, String)> {
        let own = self.postgres.accounts.iter().find(|(whose, _)| *whose == ServerUser::TrackingStaff);
        let Some((_, own)) = own else { return Vec::new() };
        vec![
            ("DB_STAFF_USER", own.user.clone()),
            ("DB_STAFF_PASSWORD", own.password.expose_secret().to_owned()),
        ]
    }

    /// The names and addresses of those that the configuration names.
    pub fn configured(&self) -> Vec<(&'static str, &str)> {
        [self.postgres.configured(), self.rabbitmq.configured()].into_iter().flatten().collect()
    }

    /// Restarts private servers that have ended, and reports it.
    pub async fn revive(&mut self, console: Console) {
        if Instant::now() < self.not_before {
            return;
        }
        let outcomes = [self.postgres.revive(console).await, self.rabbitmq.revive(console).await];
        for is_back in outcomes.into_iter().flatten() {
            if is_back {
                self.backoff.reset();
            } else {
                self.not_before = Instant::now() + self.backoff.next_pause();
            }
        }
    }

    /// Stops private servers, with everything written to disk.
    pub async fn close(&mut self) {
        self.rabbitmq.stop().await;
        self.postgres.stop().await;
    }

    /// Kills private servers.
    pub fn kill(&mut self) {
        self.rabbitmq.kill();
        self.postgres.kill();
    }

    /// The members for the record.
    pub fn members(&mut self) -> [Member; 2] {
        [self.postgres.member("postgres"), self.rabbitmq.member("rabbitmq")]
    }
}
