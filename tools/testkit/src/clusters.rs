//! Servers of which one may go: three nodes of RabbitMQ, and a PostgreSQL primary with a standby.

use std::path::Path;

use devcluster::{
    PostgresOptions, PostgresPrograms, PrivatePostgres, ProcessGuard, RabbitmqCluster, RabbitmqPrograms,
    Server, ensure_installed, project,
};
use secrecy::ExposeSecret;

use crate::database::Database;
use crate::shared_servers::{Address, ServerPair, shared};
use crate::stage::Stage;
use crate::wait::eventually;

const NODES: u8 = 3;

/// A folder for the data of servers, and what ends them with this process.
fn place() -> (tempfile::TempDir, ProcessGuard) {
    let folder = tempfile::Builder::new().prefix("restaurant-test-").tempdir().expect("a temporary folder");
    (folder, ProcessGuard::new().expect("a guard process"))
}

async fn installed(server: Server) {
    ensure_installed(&[server], &project::packages(), &|line| eprintln!("{line}"))
        .await
        .unwrap_or_else(|why| panic!("{why}"));
}

/// Three nodes of RabbitMQ. Dropping it ends them.
pub struct ThreeNodes {
    /// The nodes. Each may be killed and restarted.
    pub cluster: RabbitmqCluster,
    _folder: tempfile::TempDir,
}

impl ThreeNodes {
    /// Starts them.
    pub async fn start() -> Self {
        installed(Server::Rabbitmq).await;
        let (folder, guard) = place();
        let programs = RabbitmqPrograms::find(&project::packages()).unwrap_or_else(|why| panic!("{why}"));
        let cluster = RabbitmqCluster::start(&programs, folder.path(), NODES, Some(guard)).await;
        Self { cluster: cluster.unwrap_or_else(|why| panic!("{why}")), _folder: folder }
    }

    /// A stage with a virtual host of this cluster, as its first node has it, and with a database
    /// on the shared servers.
    pub async fn stage(&self) -> Stage {
        let first = self.cluster.nodes.first().expect("three of them");
        let credentials = first.credentials();
        let rabbitmq = Address {
            port: first.port(),
            user: credentials.user.clone(),
            password: credentials.password.expose_secret().to_owned(),
        };
        let servers = ServerPair {
            rabbitmq,
            management_port: first.management_port(),
            console: first.console(),
            ..shared().await
        };
        Stage::on_servers(servers).await
    }

    /// The value of `RABBITMQ_HOST` for all nodes.
    pub fn hosts(&self) -> String {
        self.cluster.settings("/").host
    }
}

/// A PostgreSQL primary, and a standby that each commit waits for. Dropping it ends them.
pub struct PrimaryAndStandby {
    /// It takes writes at first.
    pub primary: PrivatePostgres,
    /// It may be promoted.
    pub standby: PrivatePostgres,
    _folder: tempfile::TempDir,
}

fn options(guard: &ProcessGuard) -> PostgresOptions {
    PostgresOptions {
        durable: false,
        max_connections: 200,
        guard: Some(guard.clone()),
        ..PostgresOptions::default()
    }
}

fn address(server: &PrivatePostgres) -> Address {
    Address {
        port: server.port(),
        user: server.credentials().user.clone(),
        password: server.credentials().password.expose_secret().to_owned(),
    }
}

impl PrimaryAndStandby {
    /// Starts both, and waits until the standby has all that is on the primary. From then on each
    /// commit waits for it.
    pub async fn start() -> Self {
        installed(Server::Postgres).await;
        let (folder, guard) = place();
        let programs = PostgresPrograms::find(&project::packages()).unwrap_or_else(|why| panic!("{why}"));
        let below = |name: &str| -> std::path::PathBuf { Path::new(folder.path()).join(name) };
        let primary = PrivatePostgres::start(&programs, &below("primary"), options(&guard)).await;
        let primary = primary.unwrap_or_else(|why| panic!("{why}"));
        let standby = primary.start_standby(&programs, &below("standby"), options(&guard)).await;
        let standby = standby.unwrap_or_else(|why| panic!("{why}"));
        let administrator = Database::admin(&address(&primary)).await;
        let streaming = "select count(*) from pg_stat_replication where state = 'streaming'";
        eventually("the standby", async || (administrator.value(streaming).await == 1).then_some(())).await;
        // Each in a transaction of its own: the first cannot share one.
        administrator.execute("alter system set synchronous_standby_names = '*'").await;
        // Otherwise a commit of the test itself may be in no log yet when its statement has ended.
        administrator.execute("alter system set synchronous_commit = on").await;
        administrator.execute("select pg_reload_conf()").await;
        let synchronous = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        eventually("synchronous commits", async || {
            (administrator.value(synchronous).await == 1).then_some(())
        })
        .await;
        Self { primary, standby, _folder: folder }
    }

    /// A stage with a database on the primary, and with a virtual host of the shared servers.
    pub async fn stage(&self) -> Stage {
        Stage::on_servers(ServerPair { postgres: self.primary_address(), ..shared().await }).await
    }

    /// Where the primary is.
    pub fn primary_address(&self) -> Address {
        address(&self.primary)
    }

    /// Where the standby is.
    pub fn standby_address(&self) -> Address {
        address(&self.standby)
    }

    /// The value of `DB_HOST` for both, with the standby first: whoever writes must pass it over.
    pub fn hosts(&self) -> String {
        format!("127.0.0.1:{},127.0.0.1:{}", self.standby.port(), self.primary.port())
    }

    /// Makes the standby a primary, as an operator would, and waits until it takes writes.
    pub async fn promote(&self) {
        let administrator = Database::admin(&self.standby_address()).await;
        assert_eq!(administrator.value("select pg_promote()").await, true);
    }

    /// Waits until the standby shows all that is committed on the primary now.
    pub async fn until_replayed(&self) {
        let primary = Database::admin(&self.primary_address()).await;
        let standby = Database::admin(&self.standby_address()).await;
        let written = primary.value("select pg_current_wal_lsn()::text").await;
        let written = written.as_str().expect("a position of the log");
        let replayed = format!("select pg_last_wal_replay_lsn() >= '{written}'::pg_lsn");
        eventually("the standby to replay", async || (standby.value(&replayed).await == true).then_some(()))
            .await;
    }

    /// Stops or resumes the replay on the standby: what arrives there is not seen meanwhile.
    pub async fn pause_replay(&self, paused: bool) {
        let administrator = Database::admin(&self.standby_address()).await;
        administrator
            .execute(if paused { "select pg_wal_replay_pause()" } else { "select pg_wal_replay_resume()" })
            .await;
    }
}
