//! `up --like-production`: the processes of `deploy/docker/compose.yaml` with what that file says,
//! on this machine. Each has its own users and secrets, reaches both servers over TLS, and has the
//! limits of its container where there are cgroups.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use devcluster::{
    Error, PostgresOptions, PostgresPrograms, PrivatePostgres, PrivateRabbitmq, ProcessGuard,
    RabbitmqOptions, RabbitmqPrograms, RabbitmqTls, Server, ServerTls, ensure_installed, project, tool,
};
use runtime::Console;
use secrecy::{ExposeSecret, SecretString};

use crate::cluster::composed::{Composed, Container, Endpoints};
use crate::cluster::environment::Environment;
use crate::cluster::folder;
use crate::cluster::limits::Cgroups;
use crate::cluster::plan::Plan;
use crate::cluster::servers::{Origin, ServerInUse, Servers};

/// What is done here, from the project's root.
const COMPOSE: &str = "deploy/docker/compose.yaml";
const MAKE_SECRETS: &str = "deploy/docker/make-secrets";
const HERE: &str = "127.0.0.1";
/// The owner of the tables, and the administrator of RabbitMQ.
const OWNER: &str = "restaurant_user";
/// The program of both containers that run once, and of the exporter.
const OPERATORS_TOOL: &str = "restaurant-ctl";
const LIMIT: Duration = Duration::from_mins(1);
/// The containers that run once.
const MIGRATE: &str = "migrate";
const BROKER_USERS: &str = "broker-users";
const EXPORTER: &str = "exporter";

/// What the processes are started with.
#[derive(Debug)]
pub struct Production {
    composed: Composed,
    secrets: PathBuf,
    /// Where its limits are set; `None`: nowhere.
    cgroups: Option<Cgroups>,
    /// The ports of PostgreSQL, of RabbitMQ, and of its management plugin, all for TLS.
    database: u16,
    broker: u16,
    management: u16,
}

impl Production {
    /// Makes what is secret, unless it is there.
    ///
    /// # Errors
    /// The compose file cannot be read, or `make-secrets` fails: it needs openssl.
    pub async fn prepare(console: Console) -> Result<Self, Error> {
        let composed = Composed::read(&project::root().join(COMPOSE))?;
        let secrets = absolute(folder::SECRETS);
        std::fs::create_dir_all(folder::PRODUCTION).map_err(Error::file("create", folder::PRODUCTION))?;
        let mut make = tokio::process::Command::new(project::root().join(MAKE_SECRETS));
        make.arg(&secrets);
        tool::run(make, LIMIT).await?;
        console.done(&format!("secrets and certificates are in {}", folder::SECRETS));
        let cgroups = match Cgroups::new() {
            Ok(cgroups) => Some(cgroups),
            Err(why) => {
                console.note(&format!("no cgroups: processes have no limits of memory ({why})"));
                None
            }
        };
        Ok(Self { composed, secrets, cgroups, database: 0, broker: 0, management: 0 })
    }

    /// Starts both servers, with the certificates. PostgreSQL takes no connection without TLS. If
    /// RabbitMQ is observed, it shows its metrics.
    ///
    /// # Errors
    /// One does not start.
    pub async fn servers(
        &mut self,
        config: &config::Config,
        guard: &ProcessGuard,
        is_observed: bool,
        console: Console,
    ) -> Result<Servers, Error> {
        let packages = folder::PACKAGES.as_ref();
        let progress = |line: &str| console.note(line);
        ensure_installed(&[Server::Postgres, Server::Rabbitmq], packages, &progress).await?;
        console.note("starting PostgreSQL and RabbitMQ of our own in .local/production");
        let start = Instant::now();
        let (postgres, rabbitmq) = tokio::join!(
            self.postgres(config, packages, guard),
            self.rabbitmq(config, packages, guard, is_observed)
        );
        let (postgres, rabbitmq) = (postgres?, rabbitmq?);
        (self.database, self.broker) = (postgres.port(), rabbitmq.tls_port());
        self.management = rabbitmq.management_tls_port();
        // Its password is made with its data. The Job that migrates is its only user.
        self.store_secret("db_password", &postgres.credentials().password)?;

        let ca = Some(self.secrets.join("ca.pem"));
        let (tls, name) = (config::TlsMode::VerifyFull, self.container(MIGRATE)?.variable("DB_NAME"));
        let endpoint = config::Database { tls, tls_ca: ca.clone(), ..postgres.settings(name) };
        let seconds = start.elapsed().as_secs_f32();
        for (name, port) in [("PostgreSQL", self.database), ("RabbitMQ", self.broker)] {
            console.done(&format!("{name}: a private server on {HERE}:{port}, over TLS ({seconds:.1} s)"));
        }
        let address = |port| format!("{HERE}:{port}");
        let postgres = ServerInUse::new(Origin::Private(postgres), endpoint, address(self.database), None);
        let vhost = self.container(BROKER_USERS)?.variable("RABBITMQ_VHOST");
        let endpoint = config::Rabbitmq { port: self.broker, tls, tls_ca: ca, ..rabbitmq.settings(vhost) };
        // For a browser, which does not know the authority.
        let management = Some(format!("http://{}", address(rabbitmq.management_port())));
        let rabbitmq =
            ServerInUse::new(Origin::Private(rabbitmq), endpoint, address(self.broker), management);
        Ok(Servers::new(postgres, rabbitmq))
    }

    async fn postgres(
        &self,
        config: &config::Config,
        packages: &Path,
        guard: &ProcessGuard,
    ) -> Result<PrivatePostgres, Error> {
        let options = PostgresOptions {
            port: config.database.port,
            user: OWNER.to_owned(),
            guard: Some(guard.clone()),
            tls: Some(self.certificate("postgres")),
            ..PostgresOptions::default()
        };
        let programs = PostgresPrograms::find(packages)?;
        let mut server =
            PrivatePostgres::start(&programs, folder::PRODUCTION_POSTGRES.as_ref(), options).await?;
        server.admin().ensure_database(self.container(MIGRATE)?.variable("DB_NAME")).await?;
        server.demand_tls().await?;
        Ok(server)
    }

    async fn rabbitmq(
        &self,
        config: &config::Config,
        packages: &Path,
        guard: &ProcessGuard,
        is_observed: bool,
    ) -> Result<PrivateRabbitmq, Error> {
        let options = RabbitmqOptions {
            port: config.rabbitmq.port,
            management_port: 0,
            user: OWNER.to_owned(),
            password: Some(self.secret("rabbitmq_password")?),
            guard: Some(guard.clone()),
            shows_metrics: is_observed,
            tls: Some(RabbitmqTls { certificate: self.certificate("rabbitmq"), demands_certificate: false }),
            ..RabbitmqOptions::default()
        };
        let programs = RabbitmqPrograms::find(packages)?;
        PrivateRabbitmq::start(&programs, folder::PRODUCTION_RABBITMQ.as_ref(), options).await
    }

    fn certificate(&self, name: &str) -> ServerTls {
        let file = |end: &str| self.secrets.join(format!("{name}{end}"));
        ServerTls { certificate: file(".pem"), key: file("_key.pem"), clients: None }
    }

    /// Runs the containers that run once: the tables with a role for each service, and the users of
    /// RabbitMQ.
    ///
    /// # Errors
    /// One of them fails.
    pub async fn admit(&self, programs: &Path, console: Console) -> Result<(), Error> {
        let management = format!("--management-port={}", self.management);
        for (name, further) in [(MIGRATE, None), (BROKER_USERS, Some(management))] {
            let container = self.container(name)?;
            let mut command = Command::new(programs.join(OPERATORS_TOOL));
            command.args(&container.command).args(further);
            self.environment(container).give_to(&mut command);
            tool::run(command.into(), LIMIT).await?;
        }
        console.done("each service has a user of its own on both servers");
        Ok(())
    }

    /// Gives planned processes the command lines of their containers.
    ///
    /// # Errors
    /// A process has no container.
    pub fn arrange(&self, plans: &mut [Plan]) -> Result<(), Error> {
        for plan in plans {
            let mut arguments = self.of(plan)?.command.clone();
            arguments.extend(plan.ready.port().map(|port| format!("--port={port}")));
            plan.arguments = arguments;
        }
        Ok(())
    }

    /// The environment of a planned process, and the cgroup that it runs in.
    ///
    /// # Errors
    /// It has no container, or its limits cannot be set.
    pub fn launch_settings(&self, plan: &Plan) -> Result<(Environment, Option<PathBuf>), Error> {
        self.settings(plan.name, self.of(plan)?)
    }

    /// Those of the exporter.
    ///
    /// # Errors
    /// It has no container, or its limits cannot be set.
    pub fn of_exporter(&self) -> Result<(Environment, Option<PathBuf>), Error> {
        self.settings(EXPORTER, self.container(EXPORTER)?)
    }

    fn settings(&self, name: &str, container: &Container) -> Result<(Environment, Option<PathBuf>), Error> {
        let group = self.cgroups.as_ref().map(|groups| groups.with(name, container.limits()));
        let group = group.transpose().map_err(Error::file("set limits of", name))?;
        Ok((self.environment(container), group))
    }

    /// What tools find in `.local/env` besides the servers. Compose sells from no menu.
    ///
    /// # Errors
    /// The staff's key cannot be read.
    pub fn for_tools(&self) -> Result<Vec<(&'static str, String)>, Error> {
        let key = self.secret("staff_key")?.expose_secret().to_owned();
        Ok(vec![("MENU_MODE", "off".to_owned()), ("ORDER_STAFF_KEY", key)])
    }

    fn environment(&self, container: &Container) -> Environment {
        let endpoints = Endpoints { secrets: &self.secrets, database: self.database, broker: self.broker };
        let mut variables = self.composed.environment(container, endpoints);
        if self.cgroups.is_none() {
            // Otherwise it would take the machine's memory for its own.
            let memory = container.limits().memory >> 20;
            variables.push(("HTTP_MEMORY_LIMIT_MIB".to_owned(), memory.to_string()));
        }
        Environment::isolated(variables)
    }

    fn of(&self, plan: &Plan) -> Result<&Container, Error> {
        self.composed.of(plan).ok_or_else(|| missing_container(plan.name))
    }

    fn container(&self, name: &str) -> Result<&Container, Error> {
        self.composed.container(name).ok_or_else(|| missing_container(name))
    }

    fn secret(&self, name: &str) -> Result<SecretString, Error> {
        let path = self.secrets.join(name);
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", path))?;
        Ok(text.trim_end().into())
    }

    fn store_secret(&self, name: &str, secret: &SecretString) -> Result<(), Error> {
        let path = self.secrets.join(name);
        std::fs::write(&path, secret.expose_secret()).map_err(Error::file("write", path))
    }
}

fn missing_container(name: &str) -> Error {
    Error::file("find a container in", COMPOSE)(std::io::Error::other(format!("there is none for {name}")))
}

/// A service may run in another folder than this one.
fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}
