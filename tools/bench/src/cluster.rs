//! The servers of a run, and the database and virtual host of each measurement.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use devcluster::{
    PostgresOptions, PrivatePostgres, PrivateRabbitmq, PrivateRedis, ProcessGuard, RabbitmqOptions,
    RabbitmqTls, Ready, RedisProgram, ServerTls, environment, free_port, start_pair, tool,
};
use domain::ServiceName;
use serde_json::Value;

use crate::effort::Effort;
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
    /// How long and how often is measured.
    pub effort: Effort,
    programs: PathBuf,
    folder: PathBuf,
    guard: ProcessGuard,
    /// The next number of a sandbox or a log.
    next: AtomicU32,
}

impl Cluster {
    /// Starts both servers with their data in `folder`. It must lie on a disk, because fsync in
    /// memory would cost nothing.
    pub async fn start(folder: &Path, programs: &Path, effort: Effort) -> Result<Self> {
        let all = ServiceName::ALL.map(ServiceName::binary).into_iter().chain(OTHER_PROGRAMS);
        for program in all.map(|program| programs.join(program)) {
            let path = program.display();
            ensure!(program.is_file(), "'{path}' is not there: build it with 'cargo xtask build --release'");
        }
        let guard = ProcessGuard::new().context("cannot start a guard process")?;
        let certificate = self_signed(folder)?;
        let postgres_options = PostgresOptions {
            durable: true,
            max_connections: 200,
            guard: Some(guard.clone()),
            tls: Some(certificate.clone()),
            ..PostgresOptions::default()
        };
        let rabbitmq_options = RabbitmqOptions {
            guard: Some(guard.clone()),
            tls: Some(RabbitmqTls { certificate, demands_certificate: false }),
            ..RabbitmqOptions::default()
        };
        let (postgres, rabbitmq) = start_pair(folder, postgres_options, rabbitmq_options).await?;
        let (programs, folder) = (programs.to_owned(), folder.to_owned());
        Ok(Self { postgres, rabbitmq, effort, programs, folder, guard, next: AtomicU32::new(0) })
    }

    /// Measures in a database with the current schema, and in a virtual host. Both are dropped
    /// afterwards. Services that the measurement leaves running are killed before.
    pub async fn sandbox<T>(&self, measurement: impl AsyncFnOnce(&Sandbox<'_>) -> Result<T>) -> Result<T> {
        let name = format!("bench_{}", self.next_number());
        self.postgres.admin().create_database(&name, None).await?;
        self.rabbitmq.admin().create_vhost(&name).await?;
        let sandbox = Sandbox { cluster: self, effort: self.effort, name };
        let mut migrate = tokio::process::Command::from(sandbox.command("restaurant-ctl"));
        migrate.arg("migrate");
        tool::run(migrate, MIGRATION_LIMIT).await?;
        let measured = Box::pin(measurement(&sandbox)).await?;
        self.rabbitmq.admin().delete_vhost(&sandbox.name).await?;
        self.postgres.admin().drop_database(&sandbox.name).await?;
        Ok(measured)
    }

    /// The path of a temporary file or folder for a measurement.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts a Redis for a measurement of this name.
    pub async fn redis(&self, program: &RedisProgram, name: &str) -> Result<PrivateRedis> {
        Ok(PrivateRedis::start(program, &self.scratch(&format!("{name}.redis")), Some(&self.guard)).await?)
    }

    /// Asks RabbitMQ's management API.
    pub async fn ask_rabbitmq(&self, path: &str) -> Result<Value> {
        let text = self.rabbitmq.admin().request("GET", path, None).await?.body;
        serde_json::from_str(&text)
            .with_context(|| format!("RabbitMQ's management API wrote something that cannot be read: {text}"))
    }

    /// Stops both servers.
    pub async fn stop(mut self) {
        self.rabbitmq.stop().await;
        self.postgres.stop().await;
    }

    /// A command for a program of the system, configured for these servers.
    pub fn command(&self, program: &str, database: &config::Database, broker: &config::Rabbitmq) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env_clear().current_dir("/").envs(environment(database, broker));
        command
    }

    /// Runs a statement, or a script of `tools/bench/sql`, in a database of this server. Returns
    /// the result, with columns separated by `|`.
    pub async fn sql(
        &self,
        server: &PrivatePostgres,
        database: &str,
        text: &str,
        variables: &[(&str, String)],
    ) -> Result<String> {
        let script = self.scratch(&format!("{database}.sql"));
        fs_err::write(&script, text)?;
        let mut command = server.admin().client("psql", database);
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        for (name, value) in variables {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        command.args(["--set", "ON_ERROR_STOP=1", "--file"]).arg(&script);
        Ok(tool::run(command, SQL_LIMIT).await?.trim().to_owned())
    }

    /// Ends servers of a scenario if this program is killed.
    pub fn guard(&self) -> ProcessGuard {
        self.guard.clone()
    }

    /// A number that no other sandbox, log or server has.
    pub fn next_number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// A certificate for both servers. They speak TLS with those who want it, and only the scenario of
/// TLS does.
fn self_signed(folder: &Path) -> Result<ServerTls> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .context("cannot make a certificate for the servers")?;
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    fs_err::create_dir_all(folder)?;
    fs_err::write(&certificate, made.cert.pem())?;
    fs_err::write(&key, made.signing_key.serialize_pem())?;
    Ok(ServerTls { certificate, key, clients: None })
}

/// The database and the virtual host of one measurement.
pub struct Sandbox<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// How long and how often is measured.
    pub effort: Effort,
    /// The name of the database and of the virtual host.
    pub name: String,
}

impl Sandbox<'_> {
    /// A command for a program of the system, configured for these servers.
    pub fn command(&self, program: &str) -> Command {
        self.cluster.command(program, &self.database(), &self.broker())
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
    pub async fn order_service(&self, max_concurrent: usize) -> Result<Service> {
        self.order_service_under(max_concurrent, &[]).await
    }

    /// Starts an order service that also takes orders by message.
    pub async fn order_service_taking_messages(&self, max_concurrent: usize) -> Result<Service> {
        self.order_service_under(max_concurrent, &[("INTAKE_ENABLED", "true")]).await
    }

    /// Starts an order service that sells from a menu. It has this number of items, each with a
    /// stock of a million, and two price rules.
    pub async fn order_service_with_menu(&self, max_concurrent: usize, items: u32) -> Result<Service> {
        self.sql(include_str!("../sql/menu.sql"), &[("items", items.to_string())]).await?;
        self.order_service_under(max_concurrent, &[("MENU_MODE", "on")]).await
    }

    /// Starts an order service that knows this key of the staff.
    pub async fn order_service_of_staff(&self, max_concurrent: usize, key: &str) -> Result<Service> {
        self.order_service_under(max_concurrent, &[("ORDER_STAFF_KEY", key)]).await
    }

    /// Starts an order service with further variables.
    pub async fn order_service_under(
        &self,
        max_concurrent: usize,
        variables: &[(&str, &str)],
    ) -> Result<Service> {
        let mut command = self.command(ServiceName::Order.binary());
        command.arg(format!("--max-concurrent={max_concurrent}")).envs(variables.iter().copied());
        self.start(ServiceName::Order, command).await
    }

    /// Starts a tracking service.
    pub async fn tracking_service(&self) -> Result<Service> {
        self.tracking_service_under(&[]).await
    }

    /// Starts a tracking service with further variables.
    pub async fn tracking_service_under(&self, variables: &[(&str, &str)]) -> Result<Service> {
        let mut command = self.command(ServiceName::Tracking.binary());
        command.envs(variables.iter().copied());
        self.start(ServiceName::Tracking, command).await
    }

    /// Starts a worker with a cooking time of zero.
    pub async fn kitchen_worker(&self, concurrency: u16) -> Result<Service> {
        self.worker_named("chef_bench", concurrency, Duration::ZERO).await
    }

    /// Starts a worker with this cooking time for every order type. Its name should begin with
    /// `chef_bench`.
    pub async fn worker_named(&self, name: &str, concurrency: u16, cooking: Duration) -> Result<Service> {
        let mut command = self.command(ServiceName::Kitchen.binary());
        command
            .arg("--heartbeat-interval=10")
            .arg(format!("--worker-name={name}"))
            .arg(format!("--concurrency={concurrency}"));
        for order_type in ["DINE_IN", "TAKEOUT", "DELIVERY"] {
            command.env(format!("KITCHEN_COOKING_SECONDS_{order_type}"), cooking.as_secs_f64().to_string());
        }
        self.start(ServiceName::Kitchen, command).await
    }

    /// Starts a subscriber.
    pub async fn subscriber(&self) -> Result<Service> {
        self.start(ServiceName::Notifier, self.command(ServiceName::Notifier.binary())).await
    }

    async fn start(&self, service: ServiceName, mut command: Command) -> Result<Service> {
        let ready = match service {
            ServiceName::Order | ServiceName::Tracking => {
                Ready::OnPort(free_port(0).context("cannot find a free port")?)
            }
            ServiceName::Kitchen => Ready::Logged("rabbitmq_connected", "queues"),
            ServiceName::Notifier => Ready::Logged("rabbitmq_connected", ""),
        };
        command.args(ready.port().map(|port| format!("--port={port}")));
        let name = service.binary();
        let log = self.cluster.scratch(&format!("{name}.{}.log", self.cluster.next_number()));
        Service::start(name, command, &log, &self.cluster.guard, ready).await
    }

    /// Runs a statement, or a script of `tools/bench/sql`. Returns the result, with columns
    /// separated by `|`.
    pub async fn sql(&self, text: &str, variables: &[(&str, String)]) -> Result<String> {
        self.cluster.sql(&self.cluster.postgres, &self.name, text, variables).await
    }

    /// The current day as in order numbers, by the database's clock.
    pub async fn today(&self) -> Result<String> {
        self.sql(include_str!("../sql/today.sql"), &[]).await
    }

    /// Stores this number of today's orders in this status, with items and status log.
    pub async fn fill(&self, orders: u64, status: &str) -> Result<()> {
        let variables = [("orders", orders.to_string()), ("status", status.to_owned())];
        self.sql(include_str!("../sql/fill.sql"), &variables).await.map(drop)
    }

    /// Writes all dirty pages, so that the next measurement does not pay for the previous one.
    pub async fn settle(&self) -> Result<()> {
        self.sql("checkpoint", &[]).await.map(drop)
    }

    /// The number of ready messages in its queues. The stream of notifications keeps its messages,
    /// so it is excluded.
    pub async fn messages_ready(&self) -> Result<u64> {
        let path = format!("/api/queues/{}?columns=type,messages_ready", self.name);
        let answer = self.cluster.ask_rabbitmq(&path).await?;
        let queues = answer.as_array().with_context(|| format!("{path}: no list: {answer}"))?;
        let classic = queues.iter().filter(|queue| queue["type"] == "classic");
        Ok(classic.filter_map(|queue| queue["messages_ready"].as_u64()).sum())
    }
}
