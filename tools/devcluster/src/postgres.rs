//! A private PostgreSQL server.

mod admin;
pub(crate) mod identity;
mod settings;
mod version;

use rustix::process::Signal;
use secrecy::{ExposeSecret, SecretString};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use admin::PostgresAdmin;
pub(crate) use identity::Identity;

use crate::credentials::write_private;
use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::process::OwnedProcess;
use crate::programs::PostgresPrograms;
use crate::{Credentials, Error, ProcessGuard, tool};

const NAME: &str = "PostgreSQL";
const POLL: Duration = Duration::from_millis(20);
/// Creating the data may be slow on a slow disk.
const CREATE_LIMIT: Duration = Duration::from_mins(2);
/// After a crash it may have a long log to replay.
const READY_LIMIT: Duration = Duration::from_mins(1);
/// Time for rolling back transactions and writing buffers, before the server is killed.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// Another process may take the chosen port first.
const PORT_ATTEMPTS: u8 = 3;

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The preferred port; another one is chosen if it is taken. 0: any.
    pub port: u16,
    /// The superuser's name, used when the data is created.
    pub user: String,
    /// The superuser's password, used when the data is created. `None`: random.
    pub password: Option<SecretString>,
    /// Whether commits survive a power cut. Without that, everything is faster.
    pub durable: bool,
    /// The largest number of connections.
    pub max_connections: u32,
    /// Ends the server if its owner is killed.
    pub guard: Option<ProcessGuard>,
    /// Further variables of the server's environment.
    pub environment: Vec<(OsString, OsString)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            port: 0,
            user: "restaurant_user".to_owned(),
            password: None,
            durable: true,
            max_connections: 100,
            guard: None,
            environment: Vec::new(),
        }
    }
}

/// A running private server. Dropping it without [`PrivatePostgres::stop`] kills it.
#[derive(Debug)]
pub struct PrivatePostgres {
    folder: PathBuf,
    options: PostgresOptions,
    identity: Identity,
    admin: PostgresAdmin,
    claim: PortClaim,
    process: OwnedProcess,
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
        fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
        let folder = folder.canonicalize().map_err(Error::file("find", folder))?;
        let identity = Identity::find(&folder).await?;
        let credentials = Credentials::load_or_store(
            &folder.join("credentials.json"),
            &options.user,
            options.password.as_ref(),
        )?;
        let mut claim = PortClaim::of(options.port).map_err(Error::NoPort)?;
        let version = version::choose(programs, &folder)?.clone();
        let mut admin = PostgresAdmin { version, port: claim.port(), credentials };

        let mut attempts = 0;
        let process = loop {
            match launch(&folder, &identity, &admin, &options).await {
                Ok(process) => break process,
                Err(Error::PortTaken { .. }) if attempts < PORT_ATTEMPTS => {
                    attempts += 1;
                    claim = PortClaim::of(0).map_err(Error::NoPort)?;
                    admin.port = claim.port();
                }
                Err(error) => return Err(error),
            }
        };
        Ok(Self { folder, options, identity, admin, claim, process })
    }

    /// Stops the server as an administrator would: open transactions are rolled back, and
    /// everything is written. Kills it if that takes too long.
    pub async fn stop(&mut self) {
        self.process.stop(Signal::INT, STOP_LIMIT).await;
    }

    /// Kills the server and all its sessions, like a power cut.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Restarts the server on the same port and data. A running server is stopped first.
    ///
    /// # Errors
    /// Those of [`PrivatePostgres::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.stop().await;
        self.process = launch(&self.folder, &self.identity, &self.admin, &self.options).await?;
        Ok(())
    }

    /// Restarts the server on the same data and another free port, like a server that takes over
    /// from another. A running server is stopped first.
    ///
    /// # Errors
    /// Those of [`PrivatePostgres::start`].
    pub async fn restart_elsewhere(&mut self) -> Result<(), Error> {
        self.stop().await;
        self.claim = PortClaim::of(0).map_err(Error::NoPort)?;
        self.admin.port = self.claim.port();
        self.restart().await
    }

    /// Restarts the server on the same port and data as a standby: it is readable, and accepts
    /// writes after `pg_promote()`. A running server is stopped first.
    ///
    /// # Errors
    /// Those of [`PrivatePostgres::start`].
    pub async fn restart_as_standby(&mut self) -> Result<(), Error> {
        self.stop().await;
        let signal = self.folder.join("data/standby.signal");
        fs::write(&signal, "").map_err(Error::file("write", &signal))?;
        self.restart().await
    }

    /// Refuses connections without TLS from now on. That means all of them, because the server has
    /// no certificate.
    ///
    /// # Errors
    /// The server's rules cannot be written or reloaded.
    pub async fn demand_tls(&mut self) -> Result<(), Error> {
        let rules = self.folder.join("data/pg_hba.conf");
        fs::write(&rules, "hostssl all all all scram-sha-256\n").map_err(Error::file("write", &rules))?;
        self.restart().await
    }

    /// Whether the server process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// The process id of the main process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.admin.port
    }

    /// The superuser.
    pub fn credentials(&self) -> &Credentials {
        &self.admin.credentials
    }

    /// The settings with which a program reaches a database, as superuser.
    pub fn settings(&self, database: &str) -> config::Database {
        let Credentials { user, password } = self.credentials().clone();
        config::Database {
            host: "127.0.0.1".to_owned(),
            port: self.port(),
            user,
            password,
            database: database.to_owned(),
            ..config::Database::default()
        }
    }

    /// Creates and drops databases.
    pub fn admin(&self) -> &PostgresAdmin {
        &self.admin
    }

    /// The path of the log.
    pub fn log(&self) -> PathBuf {
        log_in(&self.folder)
    }
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("postgres.log")
}

/// Creates the data if necessary, starts the server, and waits until it is ready.
async fn launch(
    folder: &Path,
    identity: &Identity,
    admin: &PostgresAdmin,
    options: &PostgresOptions,
) -> Result<OwnedProcess, Error> {
    let log = LogFile::claim(&log_in(folder)).await?;
    let data = folder.join("data");
    if !data.join("PG_VERSION").exists() {
        create_data(folder, &data, identity, admin, options.durable).await?;
    }
    let settings = data.join("postgresql.conf");
    fs::write(&settings, settings::text(admin.port, options)).map_err(Error::file("write", &settings))?;
    identity.give(folder)?;

    let mut command = identity.command(&admin.version.bin.join("postgres"));
    command
        .arg("-D")
        .arg(&data)
        .env_clear()
        .envs(admin.environment())
        .envs(options.environment.iter().map(|(name, value)| (name, value)));
    let mut process = OwnedProcess::spawn(command, &log, options.guard.as_ref(), Signal::INT)?;
    wait_until_ready(&mut process, &data, &log).await?;
    Ok(process)
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

async fn wait_until_ready(process: &mut OwnedProcess, data: &Path, log: &LogFile) -> Result<(), Error> {
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        if let Some(status) = process.ended() {
            return Err(Error::ended(NAME, status, log));
        }
        if fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| is_ready(&text, process.pid())) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::NotReady {
                server: NAME,
                limit: READY_LIMIT,
                log: log.path().to_owned(),
                tail: log.tail(),
            });
        }
        tokio::time::sleep(POLL).await;
    }
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
