//! The servers that the tests of a run share. `run-tests` starts them, or the first test of a
//! process without it.

use std::path::PathBuf;
use std::time::Duration;

use devcluster::{
    Credentials, PostgresOptions, PrivatePostgres, PrivateRabbitmq, ProcessGuard, RabbitmqAdmin,
    RabbitmqConsole, RabbitmqOptions, project, start_pair,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

/// The variable in which `run-tests` passes the addresses.
const VARIABLE: &str = "RESTAURANT_TEST_SERVERS";

/// The address and the administrator of a server on this machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    /// TCP port on 127.0.0.1.
    pub port: u16,
    /// The administrator's name.
    pub user: String,
    /// The administrator's password.
    pub password: String,
}

/// Both servers, and the broker's management API.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerPair {
    /// PostgreSQL.
    pub postgres: Address,
    /// RabbitMQ.
    pub rabbitmq: Address,
    /// Port of RabbitMQ's management API.
    pub management_port: u16,
    /// Evaluates Erlang in RabbitMQ.
    pub console: RabbitmqConsole,
}

/// A pair with an owner: it ends when this is dropped, or when its process dies.
pub struct OwnedPair {
    /// PostgreSQL.
    pub postgres: PrivatePostgres,
    /// RabbitMQ.
    pub rabbitmq: PrivateRabbitmq,
    folder: tempfile::TempDir,
}

impl OwnedPair {
    /// Starts a pair in a temporary folder, with further variables in PostgreSQL's environment.
    /// Missing programs are fetched.
    pub async fn start(environment: &[(&str, String)]) -> Self {
        let folder =
            tempfile::Builder::new().prefix("restaurant-test-").tempdir().expect("a temporary folder");
        let guard = ProcessGuard::new().expect("a guard process");
        let postgres_options = PostgresOptions {
            durable: false,
            max_connections: 800,
            guard: Some(guard.clone()),
            environment: environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            ..PostgresOptions::default()
        };
        let rabbitmq_options = RabbitmqOptions { guard: Some(guard), ..RabbitmqOptions::default() };
        let started = start_pair(folder.path(), postgres_options, rabbitmq_options).await;
        let (postgres, rabbitmq) = started.unwrap_or_else(|why| panic!("{why}"));
        Self { postgres, rabbitmq, folder }
    }

    /// Their addresses.
    pub fn pair(&self) -> ServerPair {
        let address = |port, credentials: &Credentials| Address {
            port,
            user: credentials.user.clone(),
            password: credentials.password.expose_secret().to_owned(),
        };
        ServerPair {
            postgres: address(self.postgres.port(), self.postgres.credentials()),
            rabbitmq: address(self.rabbitmq.port(), self.rabbitmq.credentials()),
            management_port: self.rabbitmq.management_port(),
            console: self.rabbitmq.console(),
        }
    }

    /// RabbitMQ's data folder: everything that survives a restart.
    pub fn rabbitmq_data(&self) -> PathBuf {
        self.folder.path().join("rabbitmq/data")
    }

    /// The environment variable that passes the addresses to test processes.
    pub fn variable(&self) -> (&'static str, String) {
        (VARIABLE, serde_json::to_string(&self.pair()).expect("texts and numbers"))
    }
}

impl ServerPair {
    /// The broker's management API.
    pub fn rabbitmq_admin(&self) -> RabbitmqAdmin {
        let credentials =
            Credentials { user: self.rabbitmq.user.clone(), password: self.rabbitmq.password.clone().into() };
        RabbitmqAdmin::new(self.management_port, credentials)
    }
}

/// The pair of this run.
pub async fn shared() -> ServerPair {
    static PAIR: OnceCell<ServerPair> = OnceCell::const_new();
    PAIR.get_or_init(async || match std::env::var(VARIABLE) {
        Ok(value) => serde_json::from_str(&value).expect("run-tests sets the variable"),
        Err(_) => start_for_this_process(),
    })
    .await
    .clone()
}

/// The servers outlive the test that starts them: a thread with its own runtime owns them, and the
/// process guard ends them with this process.
fn start_for_this_process() -> ServerPair {
    let (sender, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let owned = OwnedPair::start(&[]).await;
            sender.send(owned.pair()).expect("the test waits");
            std::future::pending::<()>().await;
            drop(owned);
        });
    });
    started.recv_timeout(Duration::from_mins(5)).expect("private servers start")
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    project::root().to_owned()
}
