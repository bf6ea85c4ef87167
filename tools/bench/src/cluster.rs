//! The servers of a run, and the database and virtual host of each measurement.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use devcluster::{
    PostgresOptions, PrivatePostgres, PrivateRabbitmq, ProcessGuard, RabbitmqOptions, Ready, environment,
    free_port, start_pair, tool,
};
use domain::ServiceName;
use serde::Deserialize;

use crate::error::Error;
use crate::service::Service;

/// Filling tables with millions of rows takes long.
const SQL_LIMIT: Duration = Duration::from_hours(1);
const MIGRATION_LIMIT: Duration = Duration::from_mins(2);
/// The programs under test, and the load generator.
const OTHER_PROGRAMS: [&str; 2] = ["restaurant-ctl", "restaurant-load"];

/// A durable PostgreSQL, a RabbitMQ, and the programs under test.
pub struct Cluster {
    /// The database server.
    pub postgres: PrivatePostgres,
    /// The broker.
    pub rabbitmq: PrivateRabbitmq,
    programs: PathBuf,
    folder: PathBuf,
    guard: ProcessGuard,
    stages: AtomicU32,
}

impl Cluster {
    /// Starts both servers with their data in `folder`. It must lie on a disk, because fsync in
    /// memory would cost nothing.
    ///
    /// # Errors
    /// A program or a server is missing, or a server does not start.
    pub async fn start(folder: &Path, programs: &Path) -> Result<Self, Error> {
        let all = ServiceName::ALL.map(ServiceName::binary).into_iter().chain(OTHER_PROGRAMS);
        for program in all.map(|program| programs.join(program)) {
            if !program.is_file() {
                return Err(Error::NoProgram(program));
            }
        }
        let guard = ProcessGuard::new().map_err(Error::system("start a guard process"))?;
        let postgres_options = PostgresOptions {
            durable: true,
            max_connections: 200,
            guard: Some(guard.clone()),
            ..PostgresOptions::default()
        };
        let rabbitmq_options = RabbitmqOptions { guard: Some(guard.clone()), ..RabbitmqOptions::default() };
        let (postgres, rabbitmq) = start_pair(folder, postgres_options, rabbitmq_options).await?;
        Ok(Self {
            postgres,
            rabbitmq,
            programs: programs.to_owned(),
            folder: folder.to_owned(),
            guard,
            stages: AtomicU32::new(0),
        })
    }

    /// Creates a database with the current schema, and a virtual host.
    ///
    /// # Errors
    /// A server refuses.
    pub async fn sandbox(&self) -> Result<Sandbox<'_>, Error> {
        let name = format!("bench_{}", self.stages.fetch_add(1, Ordering::Relaxed));
        self.postgres.admin().create_database(&name, None).await?;
        self.rabbitmq.admin().create_vhost(&name).await?;
        let sandbox = Sandbox { cluster: self, name };
        let mut migrate = tokio::process::Command::from(sandbox.command("restaurant-ctl"));
        migrate.arg("migrate");
        tool::run(migrate, MIGRATION_LIMIT).await?;
        Ok(sandbox)
    }

    /// The path of an optimised program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The path of a temporary file or folder for a measurement.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Sends a request to RabbitMQ's management API, and returns the body of the response.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn ask_rabbitmq(&self, path: &str) -> Result<String, Error> {
        Ok(self.rabbitmq.admin().request("GET", path, None).await?.body)
    }

    /// Stops both servers.
    pub async fn stop(mut self) {
        self.rabbitmq.stop().await;
        self.postgres.stop().await;
    }
}

/// A queue in the management API. The stream of notifications keeps its messages, so it is
/// excluded.
#[derive(Deserialize)]
struct Queue {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    messages_ready: u64,
}

/// The database and the virtual host of one measurement.
pub struct Sandbox<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The name of the database and of the virtual host.
    pub name: String,
}

impl Sandbox<'_> {
    /// A command for a program of the system, configured for these servers.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.cluster.program(program));
        command.env_clear().current_dir("/").envs(environment(&self.database(), &self.broker()));
        command
    }

    /// The settings of its database.
    pub fn database(&self) -> config::Database {
        self.cluster.postgres.settings(&self.name)
    }

    /// The settings of its virtual host.
    pub fn broker(&self) -> config::Rabbitmq {
        self.cluster.rabbitmq.settings(&self.name)
    }

    /// Starts an order service.
    ///
    /// # Errors
    /// It does not start.
    pub async fn order_service(&self, max_concurrent: usize) -> Result<Service, Error> {
        let mut command = self.command(ServiceName::Order.binary());
        command.arg(format!("--max-concurrent={max_concurrent}"));
        self.start_with_port(ServiceName::Order.binary(), command).await
    }

    /// Starts a tracking service.
    ///
    /// # Errors
    /// It does not start.
    pub async fn tracking_service(&self) -> Result<Service, Error> {
        self.start_with_port(ServiceName::Tracking.binary(), self.command(ServiceName::Tracking.binary()))
            .await
    }

    /// Starts a worker with a cooking time of zero.
    ///
    /// # Errors
    /// It does not start.
    pub async fn kitchen_worker(&self, concurrency: u16) -> Result<Service, Error> {
        self.worker_named("chef_bench", concurrency, Duration::ZERO).await
    }

    /// Starts a worker with this cooking time for every order type. Its name should begin with
    /// `chef_bench`.
    ///
    /// # Errors
    /// It does not start.
    pub async fn worker_named(
        &self,
        name: &str,
        concurrency: u16,
        cooking: Duration,
    ) -> Result<Service, Error> {
        let mut command = self.command(ServiceName::Kitchen.binary());
        command
            .arg("--heartbeat-interval=10")
            .arg(format!("--worker-name={name}"))
            .arg(format!("--concurrency={concurrency}"));
        for order_type in ["DINE_IN", "TAKEOUT", "DELIVERY"] {
            command.env(format!("KITCHEN_COOKING_SECONDS_{order_type}"), cooking.as_secs_f64().to_string());
        }
        self.start_logged(
            ServiceName::Kitchen.binary(),
            command,
            Ready::Logged("rabbitmq_connected", "queues"),
        )
        .await
    }

    /// Starts a subscriber.
    ///
    /// # Errors
    /// It does not start.
    pub async fn subscriber(&self) -> Result<Service, Error> {
        let command = self.command(ServiceName::Notifier.binary());
        self.start_logged(ServiceName::Notifier.binary(), command, Ready::Logged("rabbitmq_connected", ""))
            .await
    }

    async fn start_with_port(&self, name: &str, mut command: Command) -> Result<Service, Error> {
        let port = free_port(0).map_err(Error::system("find a free port"))?;
        command.arg(format!("--port={port}"));
        self.start_logged(name, command, Ready::OnPort(port)).await
    }

    async fn start_logged(&self, name: &str, command: Command, ready: Ready) -> Result<Service, Error> {
        let number = self.cluster.stages.fetch_add(1, Ordering::Relaxed);
        let log = self.cluster.scratch(&format!("{name}.{number}.log"));
        Service::start(name, command, &log, &self.cluster.guard, ready).await
    }

    /// Runs a statement, or a script of `tools/bench/sql`. Returns the result, with columns
    /// separated by `|`.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn sql(&self, text: &str, variables: &[(&str, String)]) -> Result<String, Error> {
        let script = self.cluster.scratch(&format!("{}.sql", self.name));
        std::fs::write(&script, text).map_err(Error::file("write", &script))?;
        let mut command = self.cluster.postgres.admin().client("psql", &self.name);
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        for (name, value) in variables {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        command.args(["--set", "ON_ERROR_STOP=1", "--file"]).arg(&script);
        Ok(tool::run(command, SQL_LIMIT).await?.trim().to_owned())
    }

    /// The current day as in order numbers, by the database's clock.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn today(&self) -> Result<String, Error> {
        self.sql(include_str!("../sql/today.sql"), &[]).await
    }

    /// Stores this number of today's orders in this status, with items and status log.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn fill(&self, orders: u64, status: &str) -> Result<(), Error> {
        let variables = [("orders", orders.to_string()), ("status", status.to_owned())];
        self.sql(include_str!("../sql/fill.sql"), &variables).await.map(drop)
    }

    /// Writes all dirty pages, so that the next measurement does not pay for the previous one.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn settle(&self) -> Result<(), Error> {
        self.sql("checkpoint", &[]).await.map(drop)
    }

    /// The number of ready messages in its queues.
    ///
    /// # Errors
    /// RabbitMQ does not answer.
    pub async fn messages_ready(&self) -> Result<u64, Error> {
        let text = self
            .cluster
            .ask_rabbitmq(&format!("/api/queues/{}?columns=type,messages_ready", self.name))
            .await?;
        let queues: Vec<Queue> = serde_json::from_str(&text)
            .map_err(|_| Error::Unreadable { program: "RabbitMQ's management API", output: text })?;
        Ok(queues.iter().filter(|queue| queue.kind == "classic").map(|queue| queue.messages_ready).sum())
    }

    /// Drops the database and the virtual host.
    ///
    /// # Errors
    /// A server does not answer.
    pub async fn end(self) -> Result<(), Error> {
        self.cluster.rabbitmq.admin().delete_vhost(&self.name).await?;
        Ok(self.cluster.postgres.admin().drop_database(&self.name).await?)
    }
}
