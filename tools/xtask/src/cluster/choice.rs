//! Chooses the PostgreSQL and the RabbitMQ: the configured ones if they accept the login, else
//! containers, else private servers.

use std::collections::BTreeSet;
use std::time::Instant;

use config::Config;
use devcluster::{
    Error, PostgresOptions, PostgresPrograms, PrivatePostgres, PrivateRabbitmq, ProcessGuard,
    RabbitmqOptions, RabbitmqPrograms, Server, ensure_installed, free_port,
};
use runtime::{Console, clock};

use crate::cluster::chosen::{ChosenServers, Origin, Postgres, Rabbitmq};
use crate::cluster::docker::{Compose, Containers};
use crate::cluster::folder::LocalFolder;
use crate::cluster::reachable;

const HERE: &str = "127.0.0.1";
const MANAGEMENT_PORT: u16 = 15_672;

/// The inputs of the choice.
#[derive(Debug)]
pub struct Choice<'a> {
    /// The user's configuration.
    pub config: &'a Config,
    /// The folder of private servers.
    pub folder: &'a LocalFolder,
    /// Ends private servers if this process is killed.
    pub guard: &'a ProcessGuard,
    /// The console for progress lines.
    pub console: Console,
}

impl Choice<'_> {
    /// Chooses servers, and starts them if necessary. Containers are recorded in `containers`
    /// before they are started: if this fails or is dropped, the caller must stop them.
    ///
    /// # Errors
    /// No server can be used. The text says what to do.
    pub async fn make(&self, containers: &mut Option<Containers>) -> Result<ChosenServers, Error> {
        let (database, broker) = (&self.config.database, &self.config.rabbitmq);
        let (at_database, at_broker) =
            tokio::join!(reachable::postgres(database), reachable::rabbitmq(broker));
        let mut postgres = None;
        match at_database {
            Ok(()) => postgres = Some(self.configured_postgres()),
            Err(why) => self.console.note(&why),
        }
        let mut rabbitmq = None;
        match at_broker {
            Ok(()) => rabbitmq = Some(self.configured_rabbitmq()),
            Err(why) => self.console.note(&why),
        }
        if (postgres.is_none() || rabbitmq.is_none())
            && let Some(compose) = Compose::find(self.docker_project()).await
        {
            match self.in_docker(compose, postgres.is_none(), rabbitmq.is_none(), containers).await {
                Ok((its_postgres, its_rabbitmq)) => {
                    postgres = postgres.or(its_postgres);
                    rabbitmq = rabbitmq.or(its_rabbitmq);
                }
                Err(why) => {
                    self.console.warn(&format!("{why}; going on with private servers"));
                    self.give_up(containers).await;
                }
            }
        }
        let (postgres, rabbitmq) = self.private(postgres, rabbitmq).await?;
        self.remember_configured(&postgres, &rabbitmq)?;
        Ok(ChosenServers::new(postgres, rabbitmq))
    }

    fn configured_postgres(&self) -> Postgres {
        let endpoint = self.config.database.clone();
        self.console.done(&format!("PostgreSQL: the configured one at {}:{}", endpoint.host, endpoint.port));
        Postgres { origin: Origin::Configured, endpoint, accounts: Vec::new(), since: clock::unix_seconds() }
    }

    fn configured_rabbitmq(&self) -> Rabbitmq {
        let endpoint = self.config.rabbitmq.clone();
        self.console.done(&format!("RabbitMQ: the configured one at {}:{}", endpoint.host, endpoint.port));
        Rabbitmq {
            origin: Origin::Configured,
            endpoint,
            management_url: None,
            accounts: Vec::new(),
            since: clock::unix_seconds(),
        }
    }

    /// Records for `reset` which servers must not be emptied.
    fn remember_configured(&self, postgres: &Postgres, rabbitmq: &Rabbitmq) -> Result<(), Error> {
        let (database, broker) = (&postgres.endpoint, &rabbitmq.endpoint);
        let mut used = BTreeSet::from_iter(self.folder.configured_servers());
        if matches!(postgres.origin, Origin::Configured) {
            used.insert(format!("PostgreSQL at {}:{}", database.host, database.port));
        }
        if matches!(rabbitmq.origin, Origin::Configured) {
            used.insert(format!("RabbitMQ at {}:{}", broker.host, broker.port));
        }
        if used.is_empty() {
            return Ok(());
        }
        let (path, lines) = (self.folder.configured_mark(), used.into_iter().collect::<Vec<_>>().join("\n"));
        std::fs::write(&path, lines).map_err(|source| Error::File { action: "write", path, source })
    }

    /// The Compose project of this folder, or the name of a new one.
    fn docker_project(&self) -> String {
        let known = std::fs::read_to_string(self.folder.docker_mark()).unwrap_or_default();
        if known.is_empty() { format!("restaurant-up-{:08x}", rand::random::<u32>()) } else { known }
    }

    /// Stops containers of a partial start.
    async fn give_up(&self, containers: &mut Option<Containers>) {
        let Some(started) = containers.as_ref() else { return };
        if let Err(why) = started.stop().await {
            self.console.warn(&why);
        }
        *containers = None;
    }

    /// Starts the missing servers as containers.
    async fn in_docker(
        &self,
        mut compose: Compose,
        needs_postgres: bool,
        needs_rabbitmq: bool,
        containers: &mut Option<Containers>,
    ) -> Result<(Option<Postgres>, Option<Rabbitmq>), String> {
        let needed: Vec<&'static str> = [("postgres", needs_postgres), ("rabbitmq", needs_rabbitmq)]
            .into_iter()
            .filter_map(|(service, is_needed)| is_needed.then_some(service))
            .collect();
        // A running container was left behind by a killed supervisor: it counts as ours.
        let mut missing = Vec::new();
        for service in &needed {
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
        self.console.note(&format!("starting {} with Docker", needed.join(" and ")));
        std::fs::write(self.folder.docker_mark(), compose.project()).map_err(|why| why.to_string())?;
        *containers = Some(Containers { compose: compose.clone(), services: needed });
        if !missing.is_empty() {
            compose.start(&missing).await?;
        }

        let port = async |service: &str, port: u16| {
            compose
                .port(service, port)
                .await
                .ok_or_else(|| format!("Docker does not say where {service} listens"))
        };
        let secret = |name: &str| {
            compose.secret(name).ok_or_else(|| format!("deploy/docker/secrets/{name} cannot be read"))
        };
        let postgres = if needs_postgres {
            let endpoint = config::Database {
                host: HERE.to_owned(),
                port: port("postgres", 5432).await?,
                user: "restaurant_user".to_owned(),
                password: secret("db_password")?.into(),
                database: "restaurant_db".to_owned(),
                ..self.config.database.clone()
            };
            self.console.done(&format!("PostgreSQL: a container on {HERE}:{}", endpoint.port));
            Some(Postgres {
                origin: Origin::Docker,
                endpoint,
                accounts: Vec::new(),
                since: clock::unix_seconds(),
            })
        } else {
            None
        };
        let rabbitmq = if needs_rabbitmq {
            let endpoint = config::Rabbitmq {
                host: HERE.to_owned(),
                port: port("rabbitmq", 5672).await?,
                user: "restaurant_user".to_owned(),
                password: secret("rabbitmq_password")?.into(),
                vhost: "/".to_owned(),
            };
            let management = port("rabbitmq", MANAGEMENT_PORT).await?;
            self.console.done(&format!("RabbitMQ: a container on {HERE}:{}", endpoint.port));
            let management_url = Some(format!("http://{HERE}:{management}"));
            Some(Rabbitmq {
                origin: Origin::Docker,
                endpoint,
                management_url,
                accounts: Vec::new(),
                since: clock::unix_seconds(),
            })
        } else {
            None
        };
        Ok((postgres, rabbitmq))
    }

    /// Starts the servers that are still missing as private servers, in parallel.
    async fn private(
        &self,
        postgres: Option<Postgres>,
        rabbitmq: Option<Rabbitmq>,
    ) -> Result<(Postgres, Rabbitmq), Error> {
        let missing: Vec<Server> =
            [(Server::Postgres, postgres.is_none()), (Server::Rabbitmq, rabbitmq.is_none())]
                .into_iter()
                .filter_map(|(server, is_missing)| is_missing.then_some(server))
                .collect();
        let progress = |line: &str| self.console.note(line);
        ensure_installed(&missing, &self.folder.packages(), &progress).await?;
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|server| server.name()).collect();
            self.console.note(&format!("starting {} of our own in .local", names.join(" and ")));
        }
        let (postgres, rabbitmq) = tokio::join!(
            async {
                match postgres {
                    Some(postgres) => Ok(postgres),
                    None => self.private_postgres().await,
                }
            },
            async {
                match rabbitmq {
                    Some(rabbitmq) => Ok(rabbitmq),
                    None => self.private_rabbitmq().await,
                }
            },
        );
        Ok((postgres?, rabbitmq?))
    }

    async fn private_postgres(&self) -> Result<Postgres, Error> {
        let (start, wished) = (Instant::now(), &self.config.database);
        let programs = PostgresPrograms::find(&self.folder.packages())?;
        let options = PostgresOptions {
            port: wished.port,
            user: wished.user.clone(),
            // A random one, so that a foreign program with the default configuration cannot log in
            // by mistake.
            password: None,
            guard: Some(self.guard.clone()),
            ..PostgresOptions::default()
        };
        let server = PrivatePostgres::start(&programs, &self.folder.postgres(), options).await?;
        server.admin().ensure_database(&wished.database).await?;
        let port = server.port();
        self.say_started("PostgreSQL", port, start);
        let endpoint =
            config::Database { max_connections: wished.max_connections, ..server.settings(&wished.database) };
        Ok(Postgres {
            origin: Origin::Private(server),
            endpoint,
            accounts: Vec::new(),
            since: clock::unix_seconds(),
        })
    }

    async fn private_rabbitmq(&self) -> Result<Rabbitmq, Error> {
        let (start, wished) = (Instant::now(), &self.config.rabbitmq);
        let programs = RabbitmqPrograms::find(&self.folder.packages())?;
        let options = RabbitmqOptions {
            port: wished.port,
            management_port: MANAGEMENT_PORT,
            user: wished.user.clone(),
            password: None,
            guard: Some(self.guard.clone()),
        };
        let server = PrivateRabbitmq::start(&programs, &self.folder.rabbitmq(), options).await?;
        if wished.vhost != "/" {
            server.admin().create_vhost(&wished.vhost).await?;
        }
        let port = server.port();
        self.say_started("RabbitMQ", port, start);
        let endpoint = server.settings(&wished.vhost);
        let management_url = Some(format!("http://{HERE}:{}", server.management_port()));
        Ok(Rabbitmq {
            origin: Origin::Private(server),
            endpoint,
            management_url,
            accounts: Vec::new(),
            since: clock::unix_seconds(),
        })
    }

    fn say_started(&self, name: &str, port: u16, start: Instant) {
        let seconds = start.elapsed().as_secs_f32();
        self.console.done(&format!("{name}: a private server on {HERE}:{port} ({seconds:.1} s)"));
    }
}
