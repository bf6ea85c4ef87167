//! A private PostgreSQL server.

mod admin;
pub(crate) mod identity;
mod settings;
mod standby;

use rustix::process::Signal;
use secrecy::ExposeSecret;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use admin::PostgresAdmin;
pub(crate) use identity::Identity;
pub use standby::Followed;

use crate::credentials::write_private;
use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::private_server::{PrivateServer, Running, ServerKind, folder_at, wait_until};
use crate::process::OwnedProcess;
use crate::programs::PostgresPrograms;
use crate::{Credentials, Error, ProcessGuard, ServerTls, tool};

/// Creating the data may be slow on a slow disk.
const CREATE_LIMIT: Duration = Duration::from_mins(2);
/// After a crash it may have a long log to replay.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The preferred port; another one is chosen if it is taken. 0: any.
    pub port: u16,
    /// The superuser's name, used when the data is created. Its password is random.
    pub user: String,
    /// Whether commits survive a power cut. Without that, everything is faster.
    pub durable: bool,
    /// The largest number of connections.
    pub max_connections: u32,
    /// Ends the server if its owner is killed.
    pub guard: Option<ProcessGuard>,
    /// Further variables of the server's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// With it, the server also speaks TLS, on the same port.
    pub tls: Option<ServerTls>,
    /// With it, the server is a standby, until it is promoted.
    pub follows: Option<Followed>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            port: 0,
            user: "restaurant_user".to_owned(),
            durable: true,
            max_connections: 100,
            guard: None,
            environment: Vec::new(),
            tls: None,
            follows: None,
        }
    }
}

/// A running private PostgreSQL server.
pub type PrivatePostgres = PrivateServer<Postgres>;

/// What a PostgreSQL server is started with.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    options: PostgresOptions,
    identity: Identity,
    admin: PostgresAdmin,
}

impl PrivatePostgres {
    /// Starts a server on the data in `folder`, which is created if necessary, and waits until it
    /// accepts connections.
    ///
    /// # Errors
    /// The server did not start. The error has the end of its log, if there is one.
    pub async fn start(
        programs: &PostgresPrograms,
        folder: &Path,
        options: PostgresOptions,
    ) -> Result<Self, Error> {
        let folder = folder_at(folder)?;
        let identity = Identity::find(&folder).await?;
        let password = options.follows.as_ref().map(|followed| &followed.credentials.password);
        let credentials = Credentials::load_or_store(&folder, &options.user, password)?;
        let version = programs.for_data(&folder).await?.clone();
        let admin = PostgresAdmin { version, port: options.port, credentials };
        Self::launch(Postgres { folder, options, identity, admin }).await
    }

    /// Starts a standby of this server on a copy of its data, and waits until it can be read.
    ///
    /// # Errors
    /// Those of [`PrivatePostgres::start`], or the data cannot be copied.
    pub async fn start_standby(
        &self,
        programs: &PostgresPrograms,
        folder: &Path,
        options: PostgresOptions,
    ) -> Result<Self, Error> {
        let follows = Some(Followed { port: self.port(), credentials: self.credentials().clone() });
        let user = self.credentials().user.clone();
        Self::start(programs, folder, PostgresOptions { user, follows, ..options }).await
    }

    /// Restarts the server on the same port and data as a standby: it is readable, and accepts
    /// writes after `pg_promote()`. A running server is stopped first.
    ///
    /// # Errors
    /// Those of [`PrivatePostgres::start`].
    pub async fn restart_as_standby(&mut self) -> Result<(), Error> {
        self.stop().await;
        let signal = self.kind.folder.join("data/standby.signal");
        fs::write(&signal, "").map_err(Error::file("write", &signal))?;
        self.restart().await
    }

    /// Destroys the server's data, and restarts it on these, which are moved into their place:
    /// those of a backup. A running server is killed first.
    ///
    /// # Errors
    /// The data cannot be moved, or those of [`PrivatePostgres::start`].
    pub async fn restart_on(&mut self, data: &Path) -> Result<(), Error> {
        self.kill();
        self.stop().await;
        let place = self.kind.folder.join("data");
        fs::remove_dir_all(&place).map_err(Error::file("remove", &place))?;
        fs::rename(data, &place).map_err(Error::file("move", data))?;
        self.restart().await
    }

    /// Refuses connections without TLS from now on. That means all of them, if the server has no
    /// certificate.
    ///
    /// # Errors
    /// The server's rules cannot be written, or it did not start.
    pub async fn demand_tls(&mut self) -> Result<(), Error> {
        // `all` leaves out those who copy the server.
        let rules = "hostssl all all all scram-sha-256\nhostssl replication all all scram-sha-256\n";
        self.restart_with_rules(rules).await
    }

    /// Lets clients in by these lines of `pg_hba.conf` from now on.
    ///
    /// # Errors
    /// They cannot be written, or the server did not start.
    pub async fn restart_with_rules(&mut self, lines: &str) -> Result<(), Error> {
        let rules = self.kind.folder.join("data/pg_hba.conf");
        fs::write(&rules, lines).map_err(Error::file("write", &rules))?;
        self.restart().await
    }

    /// Restarts the server with this certificate, or without TLS.
    ///
    /// # Errors
    /// Those of [`PrivatePostgres::start`].
    pub async fn restart_with_tls(&mut self, tls: Option<ServerTls>) -> Result<(), Error> {
        self.kind.options.tls = tls;
        self.restart().await
    }

    /// Gives the running server another certificate. It reads it at the next `pg_reload_conf()`.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn renew_tls(&mut self, tls: ServerTls) -> Result<(), Error> {
        tls.copy_to(&self.kind.folder)?;
        self.kind.identity.give(&self.kind.folder)?;
        self.kind.options.tls = Some(tls);
        Ok(())
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports
    }

    /// The superuser.
    pub fn credentials(&self) -> &Credentials {
        &self.kind.admin.credentials
    }

    /// The settings with which a program reaches a database, as superuser.
    pub fn settings(&self, database: &str) -> config::Database {
        let Credentials { user, password } = self.credentials().clone();
        let (host, port, database) = ("127.0.0.1".to_owned(), self.port(), database.to_owned());
        config::Database { host, port, user, password, database, ..config::Database::default() }
    }

    /// Creates and drops databases.
    pub fn admin(&self) -> &PostgresAdmin {
        &self.kind.admin
    }
}

impl ServerKind for Postgres {
    const NAME: &str = "PostgreSQL";
    const LOG: &str = "postgres.log";
    /// Open transactions are rolled back.
    const STOP: Signal = Signal::INT;
    const STOP_LIMIT: Duration = Duration::from_secs(15);
    type Ports = u16;

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn claim_ports(&self, preferred: bool) -> Result<(u16, Vec<PortClaim>), Error> {
        let claim = PortClaim::of(if preferred { self.options.port } else { 0 }).map_err(Error::NoPort)?;
        Ok((claim.port(), vec![claim]))
    }

    /// Creates the data if necessary.
    async fn launch(&mut self, port: u16, log: &LogFile) -> Result<Running, Error> {
        self.admin.port = port;
        let Self { folder, options, identity, admin } = self;
        let data = folder.join("data");
        if !data.join("PG_VERSION").exists() {
            match &options.follows {
                Some(followed) => standby::copy_data(followed, folder, &data, identity, admin).await?,
                None => create_data(folder, &data, identity, admin, options.durable).await?,
            }
        }
        let settings = data.join("postgresql.conf");
        fs::write(&settings, settings::text(port, options)).map_err(Error::file("write", &settings))?;
        if let Some(tls) = &options.tls {
            tls.copy_to(folder)?;
        }
        identity.give(folder)?;

        let mut command = identity.command(&admin.version.bin.join("postgres"));
        command
            .arg("-D")
            .arg(&data)
            .env_clear()
            .envs(admin.environment())
            .envs(options.environment.iter().map(|(name, value)| (name, value)));
        let mut server = OwnedProcess::spawn(command, log, options.guard.as_ref(), Self::STOP)?;
        let (pid, pid_file) = (server.pid(), data.join("postmaster.pid"));
        wait_until(Self::NAME, &mut server, log, READY_LIMIT, async || {
            fs::read_to_string(&pid_file).is_ok_and(|text| is_ready(&text, pid))
        })
        .await?;
        Ok(Running { server, helper: None })
    }
}

/// Creates the data under a temporary name first, so that an interrupted attempt is not taken for
/// data.
async fn create_data(
    folder: &Path,
    data: &Path,
    identity: &Identity,
    admin: &PostgresAdmin,
    durable: bool,
) -> Result<(), Error> {
    let (unfinished, password) = (folder.join("data.new"), folder.join("password"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::file("remove", &unfinished))?;
    }
    write_private(&password, admin.credentials.password.expose_secret())?;
    identity.give(folder)?;
    let mut command = tokio::process::Command::from(identity.command(&admin.version.bin.join("initdb")));
    command
        .arg("--pgdata")
        .arg(&unfinished)
        .arg("--pwfile")
        .arg(&password)
        .args(["--username", &admin.credentials.user])
        .args(["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-instructions"])
        .env_clear()
        .envs(admin.environment());
    if !durable {
        command.arg("--no-sync");
    }
    let result = tool::run(command, CREATE_LIMIT).await;
    fs::remove_file(&password).map_err(Error::file("remove", &password))?;
    result?;
    fs::rename(&unfinished, data).map_err(Error::file("create", data))
}

/// Reads postmaster.pid like `pg_ctl`: the process id is on the first line, the state on the
/// eighth. (A standby counts as ready.)
fn is_ready(pid_file: &str, pid: u32) -> bool {
    let mut lines = pid_file.lines().map(str::trim);
    lines.next() == Some(pid.to_string().as_str())
        && lines.nth(6).is_some_and(|state| ["ready", "standby"].contains(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_said_by_the_right_process() {
        let text = "4711\n/data\n1700000000\n5432\n\n127.0.0.1\n  1 2\nready   \n";
        assert!(is_ready(text, 4711));
        assert!(!is_ready(text, 4712));
        assert!(is_ready(&text.replace("ready   ", "standby "), 4711));
        assert!(!is_ready("4711\n/data\n1700000000\n5432\n\n127.0.0.1\n  1 2\nstarting\n", 4711));
        assert!(!is_ready("4711\n", 4711));
    }
}
