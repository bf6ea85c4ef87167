//! The environment of one test: a database, a vhost, and the services on them.

use std::time::Duration;

use devcluster::Credentials;
use domain::ServiceName;

use crate::broker::Broker;
use crate::database::Database;
use crate::proxy::Proxy;
use crate::service::{Launch, Service};
use crate::shared_servers::{OwnedPair, ServerPair, shared, workspace};
use crate::wait::eventually;

/// Longest time to delete what a test leaves behind.
const CLEANING_LIMIT: Duration = Duration::from_secs(10);
/// Of users that a test makes, on a server of its run.
const STRANGERS_PASSWORD: &str = "a stranger's";

/// A database and a vhost of one test. Dropping the stage deletes both.
pub struct Stage {
    /// The servers that they are on.
    pub servers: ServerPair,
    /// The name of the database and of the vhost.
    pub name: String,
    owned: Option<OwnedPair>,
}

impl Stage {
    /// A stage on the shared servers.
    pub async fn new() -> Self {
        Self::on(shared().await, None).await
    }

    /// A stage on its own servers, which the test may stop, kill and restart.
    pub async fn with_own_servers() -> Self {
        Self::with_own_servers_under(&[]).await
    }

    /// The same, with further variables in PostgreSQL's environment.
    pub async fn with_own_servers_under(environment: &[(&str, String)]) -> Self {
        let owned = OwnedPair::start(environment).await;
        Self::on(owned.pair(), Some(owned)).await
    }

    /// A stage on servers of somebody else, which outlive it.
    pub async fn on_servers(servers: ServerPair) -> Self {
        Self::on(servers, None).await
    }

    async fn on(servers: ServerPair, owned: Option<OwnedPair>) -> Self {
        let name = format!("test_{:016x}", rand::random::<u64>());
        let stage = Self { servers, name, owned };
        let (database, vhost) = tokio::join!(Database::admin(&stage.servers.postgres), async {
            stage.servers.rabbitmq_admin().create_vhost(&stage.name).await
        },);
        vhost.unwrap_or_else(|why| panic!("{why}"));
        database.execute(&format!("create database {}", stage.name)).await;
        stage
    }

    /// The same, with a database clock that starts at noon, so that daily numbers do not restart
    /// during the test. It applies to sessions that start later.
    #[must_use]
    pub async fn at_noon(self) -> Self {
        self.database().await.start_clock_at("2026-11-20 12:00:00+00").await;
        self
    }

    /// Its own servers.
    pub fn own_servers(&mut self) -> &mut OwnedPair {
        self.owned.as_mut().expect("made by with_own_servers")
    }

    /// Updates the addresses of its own servers.
    pub fn refresh(&mut self) {
        self.servers = self.own_servers().pair();
    }

    /// The environment that points a program to this stage.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        devcluster::environment(&self.database_settings(), &self.broker_settings())
    }

    /// The settings with which a test reaches its database, like a service.
    pub fn database_settings(&self) -> config::Database {
        let ServerPair { postgres, .. } = &self.servers;
        config::Database {
            host: "127.0.0.1".to_owned(),
            port: postgres.port,
            user: postgres.user.clone(),
            password: postgres.password.clone().into(),
            database: self.name.clone(),
            ..config::Database::default()
        }
    }

    /// The settings with which a test reaches its vhost, like a service.
    pub fn broker_settings(&self) -> config::Rabbitmq {
        let ServerPair { rabbitmq, .. } = &self.servers;
        config::Rabbitmq {
            host: "127.0.0.1".to_owned(),
            port: rabbitmq.port,
            user: rabbitmq.user.clone(),
            password: rabbitmq.password.clone().into(),
            vhost: self.name.clone(),
            ..config::Rabbitmq::default()
        }
    }

    /// Creates the tables, as an operator would.
    pub async fn migrate(&self) {
        let ended = Launch::new("restaurant-ctl", self.environment()).arg("migrate").run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Writes the menu that ships, as an operator would, and waits until an order service shows it.
    pub async fn import_menu(&self, order: &Service) {
        let menu = workspace().join("deploy/menu.yaml").display().to_string();
        let import = Launch::new("restaurant-ctl", self.environment()).arg("menu").arg("import").arg(menu);
        let ended = import.run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        // A running service sees an import within two seconds.
        eventually("the menu", async || order.get("/menu").await.body.contains("pho-bo").then_some(())).await;
    }

    /// An order service on a free port. `start` waits until it is ready.
    pub fn order_service(&self) -> Launch {
        Launch::new(ServiceName::Order.binary(), self.environment()).arg("--port=0").ready_when_probed()
    }

    /// A tracking service on a free port. `start` waits until it listens, not until it is ready.
    pub fn tracking_service(&self) -> Launch {
        Launch::new(ServiceName::Tracking.binary(), self.environment())
            .arg("--port=0")
            .ready_when_logged("service_started")
    }

    /// A worker with a cooking time of zero and a heartbeat every second. `start` waits until it
    /// consumes.
    pub fn kitchen_worker(&self, name: &str) -> Launch {
        Launch::new(ServiceName::Kitchen.binary(), self.environment())
            .arg(format!("--worker-name={name}"))
            .arg("--heartbeat-interval=1")
            .cooking_seconds(0.0)
            .ready_when_logged_message("rabbitmq_connected", "queues")
    }

    /// A subscriber. `start` waits until it consumes.
    pub fn subscriber(&self) -> Launch {
        Launch::new(ServiceName::Notifier.binary(), self.environment())
            .ready_when_logged("rabbitmq_connected")
    }

    /// A direct connection to the database.
    pub async fn database(&self) -> Database {
        Database::connect(&self.servers.postgres, &self.name).await
    }

    /// A direct connection to the vhost.
    pub async fn broker(&self) -> Broker {
        Broker::connect(&self.servers, &self.name).await
    }

    /// A direct connection to the vhost, as another user than the services'. It may do everything
    /// there.
    pub async fn broker_as(&self, user: &str) -> Broker {
        let credentials = Credentials { user: user.to_owned(), password: STRANGERS_PASSWORD.into() };
        let admin = self.servers.rabbitmq_admin();
        admin.ensure_user(&credentials, &self.name, [".*"; 3]).await.expect("a user");
        Broker::connect_as(&self.servers, &self.name, user, STRANGERS_PASSWORD).await
    }

    /// The setting with which services take messages of their own user only.
    pub fn publishers(&self) -> (&'static str, String) {
        let user = &self.servers.rabbitmq.user;
        ("RABBITMQ_PUBLISHERS", format!("orders={user},status={user},requests={user}"))
    }

    /// A proxy to PostgreSQL that the test can cut. Start services with its port as `DB_PORT`.
    pub async fn postgres_proxy(&self) -> Proxy {
        Proxy::to(self.servers.postgres.port).await
    }

    /// A proxy to RabbitMQ that the test can cut. Start services with its port as `RABBITMQ_PORT`.
    pub async fn rabbitmq_proxy(&self) -> Proxy {
        Proxy::to(self.servers.rabbitmq.port).await
    }
}

impl Drop for Stage {
    /// Removes everything from the shared servers. A failure does not fail the test.
    fn drop(&mut self) {
        if self.owned.is_some() {
            return;
        }
        let (servers, name) = (self.servers.clone(), self.name.clone());
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            let cleaning = async {
                let _ = servers.rabbitmq_admin().delete_vhost(&name).await;
                let database = Database::admin(&servers.postgres).await;
                let _ = database
                    .client
                    .batch_execute(&format!("drop database if exists {name} with (force)"))
                    .await;
            };
            // A primary whose standby is gone commits nothing any more.
            let _ = runtime.block_on(async { tokio::time::timeout(CLEANING_LIMIT, cleaning).await });
            Some(())
        });
        let _ = cleaning.join();
    }
}
