//! Chooses the PostgreSQL and the RabbitMQ: the configured ones if they accept the login, else
//! containers, else private servers.

use std::collections::BTreeSet;
use std::time::Instant;

use config::Config;
use devcluster::{
    Error, PostgresOptions, PostgresPrograms, PrivatePostgres, PrivateRabbitmq, ProcessGuard,
    RabbitmqOptions, RabbitmqPrograms, Server, ServerKind, ensure_installed, free_port,
};
use runtime::Console;

use crate::cluster::docker::Compose;
use crate::cluster::folder;
use crate::cluster::reachable;
use crate::cluster::servers::{Origin, Postgres, Rabbitmq, ServerInUse, Servers};

const HERE: &str = "127.0.0.1";
const MANAGEMENT_PORT: u16 = 15_672;

/// The inputs of the choice.
#[derive(Debug)]
pub struct Choice<'a> {
    /// The user's configuration.
    pub config: &'a Config,
    /// Ends private servers if this process is killed.
    pub guard: &'a ProcessGuard,
    /// Whether a Prometheus asks a private RabbitMQ.
    pub is_observed: bool,
    /// The console for progress lines.
    pub console: Console,
}

impl Choice<'_> {
    /// Chooses servers, and starts them if necessary. Containers are recorded in `containers`
    /// before they are started: if this fails or is dropped, the caller must stop them.
    ///
    /// # Errors
    /// No server can be used. The text says what to do.
    pub async fn make(&self, containers: &mut Option<Compose>) -> Result<Servers, Error> {
        let (database, broker) = (&self.config.database, &self.config.rabbitmq);
        let (at_database, at_broker) =
            tokio::join!(reachable::postgres(database), reachable::rabbitmq(broker));
        let mut postgres = self.configured(at_database, database, &database.host, database.port);
        let mut rabbitmq = self.configured(at_broker, broker, &broker.host, broker.port);
        if (postgres.is_none() || rabbitmq.is_none())
            && let Some(compose) = Compose::find(docker_project()).await
        {
            let compose = containers.insert(compose);
            match self.in_docker(compose, postgres.is_none(), rabbitmq.is_none()).await {
                Ok((its_postgres, its_rabbitmq)) => {
                    postgres = postgres.or(its_postgres);
                    rabbitmq = rabbitmq.or(its_rabbitmq);
                }
                Err(why) => {
                    self.console.warn(&format!("{why}; going on with private servers"));
                    if let Err(why) = compose.stop().await {
                        self.console.warn(&why);
                    }
                    *containers = None;
                }
            }
        }
        let (postgres, rabbitmq) = self.private(postgres, rabbitmq).await?;
        let servers = Servers::new(postgres, rabbitmq);
        remember_configured(&servers)?;
        Ok(servers)
    }

    /// The server that the configuration names, if it was reached.
    fn configured<Kind: ServerKind, Endpoint: Clone>(
        &self,
        reached: Result<(), String>,
        endpoint: &Endpoint,
        host: &str,
        port: u16,
    ) -> Option<ServerInUse<Kind, Endpoint>> {
        if let Err(why) = reached {
            self.console.note(&why);
            return None;
        }
        let address = format!("{host}:{port}");
        self.console.done(&format!("{}: the configured one at {address}", Kind::NAME));
        Some(ServerInUse::new(Origin::Configured, endpoint.clone(), address, None))
    }

    /// Starts the missing servers as containers.
    async fn in_docker(
        &self,
        compose: &mut Compose,
        needs_postgres: bool,
        needs_rabbitmq: bool,
    ) -> Result<(Option<Postgres>, Option<Rabbitmq>), String> {
        compose.services.extend(needs_postgres.then_some("postgres"));
        compose.services.extend(needs_rabbitmq.then_some("rabbitmq"));
        // A running container was left behind by a killed supervisor: it counts as ours.
        let mut missing = Vec::new();
        for service in &compose.services {
            if !compose.is_running(service).await {
                missing.push(*service);
            }
        }
        let wished = [
            ("postgres", "POSTGRES_PORT", self.config.database.port),
            ("rabbitmq", "RABBITMQ_PORT", self.config.rabbitmq.port),
            ("rabbitmq", "RABBITMQ_MANAGEMENT_PORT", MANAGEMENT_PORT),
        ];
        for (service, variable, port) in wished {
            if missing.contains(&service) {
                compose.publish(variable, free_port(port).map_err(|why| why.to_string())?);
            }
        }
        self.console.note(&format!("starting {} with Docker", compose.services.join(" and ")));
        std::fs::write(folder::DOCKER_MARK, &compose.project).map_err(|why| why.to_string())?;
        if !missing.is_empty() {
            compose.start(&missing).await?;
        }

        let (mut postgres, mut rabbitmq) = (None, None);
        if needs_postgres {
            let endpoint = config::Database {
                host: HERE.to_owned(),
                port: compose.port("postgres", 5432).await?,
                user: "restaurant_user".to_owned(),
                password: Compose::secret("db_password")?.into(),
                database: "restaurant_db".to_owned(),
                tls: config::TlsMode::Disable,
                ..self.config.database.clone()
            };
            let port = endpoint.port;
            self.console.done(&format!("PostgreSQL: a container on {HERE}:{port}"));
            postgres = Some(on_port(Origin::Docker, endpoint, port, None));
        }
        if needs_rabbitmq {
            let endpoint = config::Rabbitmq {
                host: HERE.to_owned(),
                port: compose.port("rabbitmq", 5672).await?,
                user: "restaurant_user".to_owned(),
                password: Compose::secret("rabbitmq_password")?.into(),
                vhost: "/".to_owned(),
                ..config::Rabbitmq::default()
            };
            let (port, management) = (endpoint.port, compose.port("rabbitmq", MANAGEMENT_PORT).await?);
            self.console.done(&format!("RabbitMQ: a container on {HERE}:{port}"));
            rabbitmq = Some(on_port(Origin::Docker, endpoint, port, Some(management)));
        }
        Ok((postgres, rabbitmq))
    }

    /// Starts the servers that are still missing as private servers, in parallel.
    async fn private(
        &self,
        postgres: Option<Postgres>,
        rabbitmq: Option<Rabbitmq>,
    ) -> Result<(Postgres, Rabbitmq), Error> {
        let mut missing = Vec::from_iter(postgres.is_none().then_some(Server::Postgres));
        missing.extend(rabbitmq.is_none().then_some(Server::Rabbitmq));
        let progress = |line: &str| self.console.note(line);
        ensure_installed(&missing, folder::PACKAGES.as_ref(), &progress).await?;
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|server| server.name()).collect();
            self.console.note(&format!("starting {} of our own in .local", names.join(" and ")));
        }
        let (postgres, rabbitmq) =
            tokio::join!(self.or_private_postgres(postgres), self.or_private_rabbitmq(rabbitmq));
        Ok((postgres?, rabbitmq?))
    }

    async fn or_private_postgres(&self, chosen: Option<Postgres>) -> Result<Postgres, Error> {
        if let Some(chosen) = chosen {
            return Ok(chosen);
        }
        let (start, wished) = (Instant::now(), &self.config.database);
        let programs = PostgresPrograms::find(folder::PACKAGES.as_ref())?;
        let options = PostgresOptions {
            port: wished.port,
            user: wished.user.clone(),
            guard: Some(self.guard.clone()),
            ..PostgresOptions::default()
        };
        let server = PrivatePostgres::start(&programs, folder::POSTGRES.as_ref(), options).await?;
        server.admin().ensure_database(&wished.database).await?;
        let endpoint =
            config::Database { max_connections: wished.max_connections, ..server.settings(&wished.database) };
        let port = server.port();
        self.say_started("PostgreSQL", port, start);
        Ok(on_port(Origin::Private(server), endpoint, port, None))
    }

    async fn or_private_rabbitmq(&self, chosen: Option<Rabbitmq>) -> Result<Rabbitmq, Error> {
        if let Some(chosen) = chosen {
            return Ok(chosen);
        }
        let (start, wished) = (Instant::now(), &self.config.rabbitmq);
        let programs = RabbitmqPrograms::find(folder::PACKAGES.as_ref())?;
        let options = RabbitmqOptions {
            port: wished.port,
            management_port: MANAGEMENT_PORT,
            user: wished.user.clone(),
            // A random one, so that a foreign program with the default configuration cannot log in
            // by mistake. PostgreSQL's is always random.
            password: None,
            guard: Some(self.guard.clone()),
            shows_metrics: self.is_observed,
            ..RabbitmqOptions::default()
        };
        let server = PrivateRabbitmq::start(&programs, folder::RABBITMQ.as_ref(), options).await?;
        if wished.vhost != "/" {
            server.admin().create_vhost(&wished.vhost).await?;
        }
        let (port, management) = (server.port(), server.management_port());
        self.say_started("RabbitMQ", port, start);
        let endpoint = server.settings(&wished.vhost);
        Ok(on_port(Origin::Private(server), endpoint, port, Some(management)))
    }

    fn say_started(&self, name: &str, port: u16, start: Instant) {
        let seconds = start.elapsed().as_secs_f32();
        self.console.done(&format!("{name}: a private server on {HERE}:{port} ({seconds:.1} s)"));
    }
}

/// Records for `reset` which servers must not be emptied.
fn remember_configured(servers: &Servers) -> Result<(), Error> {
    let used = servers.configured().into_iter().map(|(name, address)| format!("{name} at {address}"));
    let used: BTreeSet<String> = folder::configured_servers().into_iter().chain(used).collect();
    if used.is_empty() {
        return Ok(());
    }
    let lines = used.into_iter().collect::<Vec<_>>().join("\n");
    std::fs::write(folder::CONFIGURED_MARK, lines).map_err(Error::file("write", folder::CONFIGURED_MARK))
}

/// The Compose project of this folder, or the name of a new one.
fn docker_project() -> String {
    let known = std::fs::read_to_string(folder::DOCKER_MARK).unwrap_or_default();
    if known.is_empty() { format!("restaurant-up-{:08x}", rand::random::<u32>()) } else { known }
}

/// A server on a port of this machine, with the port of its management page.
fn on_port<Kind: ServerKind, Endpoint>(
    origin: Origin<Kind>,
    endpoint: Endpoint,
    port: u16,
    management: Option<u16>,
) -> ServerInUse<Kind, Endpoint> {
    let management_url = management.map(|port| format!("http://{HERE}:{port}"));
    ServerInUse::new(origin, endpoint, format!("{HERE}:{port}"), management_url)
}
