//! The PostgreSQL and the RabbitMQ that the services use.

use devcluster::{PrivatePostgres, PrivateRabbitmq};
use domain::ServiceName;
use runtime::{Backoff, Console, clock, with_causes};
use secrecy::ExposeSecret;
use tokio::time::{Duration, Instant};

use crate::cluster::accounts::{self, AccountError, Accounts};
use crate::cluster::record::Member;

/// The origin of a server, which decides who stops it.
#[derive(Debug)]
pub enum Origin<Private> {
    /// Named by the configuration: it is not touched.
    Configured,
    /// One of our containers.
    Docker,
    /// A private server.
    Private(Private),
}

/// PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    /// Its origin.
    pub origin: Origin<PrivatePostgres>,
    /// Its address and the administrator's login.
    pub endpoint: config::Database,
    /// The services' users. A service without one uses the endpoint's user.
    pub accounts: Accounts,
    /// The time since when it is used, in seconds since 1970.
    pub since: u64,
}

/// RabbitMQ.
#[derive(Debug)]
pub struct Rabbitmq {
    /// Its origin.
    pub origin: Origin<PrivateRabbitmq>,
    /// Its address and the administrator's login.
    pub endpoint: config::Rabbitmq,
    /// Its management page, if it is known.
    pub management_url: Option<String>,
    /// The services' users. A service without one uses the endpoint's user.
    pub accounts: Accounts,
    /// The time since when it is used, in seconds since 1970.
    pub since: u64,
}

/// Both servers.
#[derive(Debug)]
pub struct ChosenServers {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// RabbitMQ.
    pub rabbitmq: Rabbitmq,
    backoff: Backoff,
    not_before: Instant,
}

impl ChosenServers {
    /// The pair of these servers.
    pub fn new(postgres: Postgres, rabbitmq: Rabbitmq) -> Self {
        Self {
            postgres,
            rabbitmq,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            not_before: Instant::now(),
        }
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

    /// The variables with which a user's programs find the servers.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        devcluster::environment(&self.postgres.endpoint, &self.rabbitmq.endpoint)
    }

    /// The variables with which a service finds the servers. If other services have a user on a
    /// server and this one has none, it gets no access.
    pub fn environment_of(&self, service: ServiceName) -> Vec<(&'static str, String)> {
        let mut variables = self.environment();
        for (accounts, user, password) in [
            (&self.postgres.accounts, "DB_USER", "DB_PASSWORD"),
            (&self.rabbitmq.accounts, "RABBITMQ_USER", "RABBITMQ_PASSWORD"),
        ] {
            if accounts.is_empty() {
                continue;
            }
            variables.retain(|(name, _)| ![user, password].contains(name));
            let own = accounts.iter().find(|(whose, _)| *whose == service);
            let own = own.map(|(_, own)| (own.user.clone(), own.password.expose_secret().to_owned()));
            let (name, secret) = own.unwrap_or_else(|| ("nobody".to_owned(), "none".to_owned()));
            variables.extend([(user, name), (password, secret)]);
        }
        variables
    }

    /// Restarts a private server that has ended, and reports it.
    pub async fn revive(&mut self, console: Console) {
        if Instant::now() < self.not_before {
            return;
        }
        let mut outcomes = Vec::new();
        if let Origin::Private(server) = &mut self.postgres.origin
            && !server.is_running()
        {
            console
                .warn(&format!("PostgreSQL has ended (see '{}'); starting it again", server.log().display()));
            outcomes.push(("PostgreSQL", server.restart().await));
            self.postgres.since = clock::unix_seconds();
        }
        if let Origin::Private(server) = &mut self.rabbitmq.origin
            && !server.is_running()
        {
            console
                .warn(&format!("RabbitMQ has ended (see '{}'); starting it again", server.log().display()));
            outcomes.push(("RabbitMQ", server.restart().await));
            self.rabbitmq.since = clock::unix_seconds();
        }
        for (name, outcome) in outcomes {
            match outcome {
                Ok(()) => {
                    console.done(&format!("{name} runs again"));
                    self.backoff.reset();
                }
                Err(why) => {
                    console.warn(&with_causes(&why));
                    self.not_before = Instant::now() + self.backoff.next_pause();
                }
            }
        }
    }

    /// Stops private servers, with everything written to disk.
    pub async fn close(&mut self) {
        if let Origin::Private(server) = &mut self.rabbitmq.origin {
            server.stop().await;
        }
        if let Origin::Private(server) = &mut self.postgres.origin {
            server.stop().await;
        }
    }

    /// Kills private servers.
    pub fn kill(&mut self) {
        if let Origin::Private(server) = &mut self.rabbitmq.origin {
            server.kill();
        }
        if let Origin::Private(server) = &mut self.postgres.origin {
            server.kill();
        }
    }

    /// The members for the record.
    pub fn members(&mut self) -> Vec<Member> {
        let postgres = match &mut self.postgres.origin {
            Origin::Private(server) => state_of("private", server.is_running(), server.pid()),
            other => (origin_of(other), None),
        };
        let rabbitmq = match &mut self.rabbitmq.origin {
            Origin::Private(server) => state_of("private", server.is_running(), server.pid()),
            other => (origin_of(other), None),
        };
        let member = |name: &str, (state, pid): (String, Option<u32>), address: String, since: u64| {
            let (name, address, since) = (name.to_owned(), Some(address), pid.map(|_| since));
            Member { name, pid, state, address, since, trouble: None }
        };
        let (database, broker) = (&self.postgres.endpoint, &self.rabbitmq.endpoint);
        vec![
            member("postgres", postgres, format!("{}:{}", database.host, database.port), self.postgres.since),
            member("rabbitmq", rabbitmq, format!("{}:{}", broker.host, broker.port), self.rabbitmq.since),
        ]
    }
}

fn state_of(kind: &str, runs: bool, pid: u32) -> (String, Option<u32>) {
    if runs { (format!("running ({kind})"), Some(pid)) } else { (format!("ended ({kind})"), None) }
}

fn origin_of<Private>(origin: &Origin<Private>) -> String {
    let kind = match origin {
        Origin::Configured => "configured",
        Origin::Docker => "Docker",
        Origin::Private(_) => "private",
    };
    format!("in use ({kind})")
}
