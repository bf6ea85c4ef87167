//! The servers of a run, and what a measurement has on them for itself.

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

/// Filling tables with millions of rows takes its time.
const SQL_LIMIT: Duration = Duration::from_hours(1);
const MIGRATION_LIMIT: Duration = Duration::from_mins(2);
/// What is measured beside the services, and what measures it.
const OTHER_PROGRAMS: [&str; 2] = ["restaurant-ctl", "restaurant-load"];

/// A PostgreSQL that keeps what it committed through a power cut, a RabbitMQ, and the
/// programs under test.
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
    /// Starts both servers with their data in `folder`, which must lie on a disk: in memory,
    /// fsync would cost nothing.
    ///
    /// # Errors
    /// A program is missing, or the servers are not here, or do not start.
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

    /// A fresh database with the current schema, and a fresh virtual host.
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

    /// One of the optimised programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A file or folder for a measurement's own use.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Any request to RabbitMQ's management API; the answer's body.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn ask_rabbitmq(&self, path: &str) -> Result<String, Error> {
        Ok(self.rabbitmq.admin().request("GET", path, None).await?.body)
    }

    /// Ends both servers.
    pub async fn stop(mut self) {
        self.rabbitmq.stop().await;
        self.postgres.stop().await;
    }
}

/// A queue, as the management API tells of it; the stream of notifications keeps what was read.
#[derive(Deserialize)]
struct Queue {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    messages_ready: u64,
}

/// A database and a virtual host of one measurement.
pub struct Sandbox<'a> {
    /// Where it is.
    pub cluster: &'a Cluster,
    /// Name of the database and of the virtual host.
    pub name: String,
}

impl Sandbox<'_> {
    /// A program of the system that will work on this stage.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.cluster.program(program));
        command.env_clear().current_dir("/").envs(environment(&self.database(), &self.broker()));
        command
    }

    /// How its database is reached.
    pub fn database(&self) -> config::Database {
        self.cluster.postgres.settings(&self.name)
    }

    /// How its virtual host is reached.
    pub fn broker(&self) -> config::Rabbitmq {
        self.cluster.rabbitmq.settings(&self.name)
    }

    /// An order service.
    ///
    /// # Errors
    /// It does not start.
    pub async fn order_service(&self, max_concurrent: usize) -> Result<Service, Error> {
        let mut command = self.command(ServiceName::Order.binary());
        command.arg(format!("--max-concurrent={max_concurrent}"));
        self.start_with_port(ServiceName::Order.binary(), command).await
    }

    /// A tracking service.
    ///
    /// # Errors
    /// It does not start.
    pub async fn tracking_service(&self) -> Result<Service, Error> {
        self.start_with_port(ServiceName::Tracking.binary(), self.command(ServiceName::Tracking.binary()))
            .await
    }

    /// A worker that cooks in no time.
    ///
    /// # Errors
    /// It does not start.
    pub async fn kitchen_worker(&self, concurrency: u16) -> Result<Service, Error> {
        self.worker_named("chef_bench", concurrency, Duration::ZERO).await
    }

    /// A worker, whatever the order, that cooks so long. Its name begins with `chef_bench`.
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

    /// A subscriber that shows every change.
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

    /// Runs a statement or a script of `tools/bench/sql`; what it answers,
    /// columns separated by `|`.
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

    /// Today as order numbers write it, by the database's clock.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn today(&self) -> Result<String, Error> {
        self.sql(include_str!("../sql/today.sql"), &[]).await
    }

    /// Stores so many of today's orders, with items and status log, in this status.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub async fn fill(&self, orders: u64, status: &str) -> Result<(), Error> {
        let variables = [("orders", orders.to_string()), ("status", status.to_owned())];
        self.sql(include_str!("../sql/fill.sql"), &variables).await.map(drop)
    }

    /// Writes what is dirty, so that the next measurement does not pay for the last one.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn settle(&self) -> Result<(), Error> {
        self.sql("checkpoint", &[]).await.map(drop)
    }

    /// How many messages lie ready in its queues.
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

    /// Drops database and virtual host.
    ///
    /// # Errors
    /// A server does not answer.
    pub async fn end(self) -> Result<(), Error> {
        self.cluster.rabbitmq.admin().delete_vhost(&self.name).await?;
        Ok(self.cluster.postgres.admin().drop_database(&self.name).await?)
    }
}
