//! A private PgBouncer in front of a PostgreSQL server, for tests: many production systems use one.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;

use crate::credentials::write_private;
use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::postgres::Identity;
use crate::process::OwnedProcess;
use crate::search::{absolute, folder_with, loader_in};
use crate::{Credentials, Error, ProcessGuard, tool};

const NAME: &str = "PgBouncer";
/// The first version that keeps prepared statements in transaction mode.
const OLDEST_VERSION: (u32, u32) = (1, 21);
const VERSION_LIMIT: Duration = Duration::from_secs(10);
const READY_LIMIT: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);
/// Another process may take the chosen port first.
const PORT_ATTEMPTS: u8 = 3;

/// The program, and how it is run.
#[derive(Clone, Debug)]
pub struct PgbouncerProgram {
    program: PathBuf,
    /// The loader and the library folder of an unpacked program.
    loader: Option<(PathBuf, OsString)>,
}

impl PgbouncerProgram {
    /// The name of its package.
    pub(crate) const NAME: &str = "pgbouncer";

    /// The system's program, or the one unpacked in `packages`, if it is new enough.
    pub(crate) async fn find(packages: &Path) -> Option<Self> {
        let folder = folder_with(Self::NAME).into_iter().chain([PathBuf::from("/usr/sbin")]);
        let of_system = folder.map(|folder| Self { program: folder.join(Self::NAME), loader: None });
        let unpacked = absolute(packages).join(Self::NAME);
        let loader = loader_in(&unpacked);
        let program = unpacked.join("usr/sbin").join(Self::NAME);
        for found in of_system.chain([Self { program, loader }]) {
            if found.program.is_file() && found.is_new_enough().await {
                return Some(found);
            }
        }
        None
    }

    async fn is_new_enough(&self) -> bool {
        let (program, arguments) = self.command_line();
        let mut command = Command::new(program);
        command.args(arguments).arg("--version");
        let Ok(text) = tool::run(command.into(), VERSION_LIMIT).await else { return false };
        version_in(&text).is_some_and(|version| version >= OLDEST_VERSION)
    }

    /// The program to run, and its first arguments.
    fn command_line(&self) -> (&Path, Vec<OsString>) {
        match &self.loader {
            None => (&self.program, Vec::new()),
            Some((loader, libraries)) => {
                (loader, vec!["--library-path".into(), libraries.clone(), self.program.clone().into()])
            }
        }
    }
}

/// The version in a text such as `PgBouncer 1.24.1`.
fn version_in(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.').map_while(|part| part.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// A running PgBouncer. Dropping it kills the process.
#[derive(Debug)]
pub struct PrivatePgbouncer {
    process: OwnedProcess,
    claim: PortClaim,
}

impl PrivatePgbouncer {
    /// Starts a PgBouncer in `folder`, in front of the PostgreSQL server on this port of 127.0.0.1,
    /// for these users. `settings` are additional lines of the section `[pgbouncer]`.
    ///
    /// # Errors
    /// It did not start. The error has the end of its log, if there is one.
    pub async fn start(
        program: &PgbouncerProgram,
        folder: &Path,
        server: u16,
        users: &[Credentials],
        settings: &[&str],
        guard: Option<&ProcessGuard>,
    ) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
        let folder = folder.canonicalize().map_err(Error::file("find", folder))?;
        let identity = Identity::find(&folder).await?;
        let mut attempts = 0;
        loop {
            let claim = PortClaim::of(0).map_err(Error::NoPort)?;
            let files = Files { folder: &folder, server, port: claim.port(), users, settings };
            match files.launch(program, &identity, guard).await {
                Ok(process) => return Ok(Self { process, claim }),
                Err(Error::PortTaken { .. }) if attempts < PORT_ATTEMPTS => attempts += 1,
                Err(why) => return Err(why),
            }
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.claim.port()
    }

    /// Stops it, which breaks its clients' connections.
    pub async fn stop(&mut self) {
        self.process.stop(Signal::TERM, STOP_LIMIT).await;
    }
}

struct Files<'a> {
    folder: &'a Path,
    server: u16,
    port: u16,
    users: &'a [Credentials],
    settings: &'a [&'a str],
}

impl Files<'_> {
    async fn launch(
        &self,
        program: &PgbouncerProgram,
        identity: &Identity,
        guard: Option<&ProcessGuard>,
    ) -> Result<OwnedProcess, Error> {
        let log = LogFile::claim(&self.folder.join("pgbouncer.log")).await?;
        let users: Vec<String> = self
            .users
            .iter()
            .map(|user| format!("\"{}\" \"{}\"\n", user.user, user.password.expose_secret()))
            .collect();
        write_private(&self.folder.join("users.txt"), &users.concat())?;
        let config = self.folder.join("pgbouncer.ini");
        fs::write(&config, self.config()).map_err(Error::file("write", &config))?;
        identity.give(self.folder)?;
        let (program, arguments) = program.command_line();
        let mut command = identity.command(program);
        command.args(arguments).arg("--quiet").arg(&config).env_clear().envs(tool::clean_environment());
        let mut process = OwnedProcess::spawn(command, &log, guard, Signal::TERM)?;
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            if let Some(status) = process.ended() {
                return Err(Error::ended(NAME, status, &log));
            }
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(process);
            }
            if Instant::now() > deadline {
                let (limit, tail) = (READY_LIMIT, log.tail());
                return Err(Error::NotReady { server: NAME, limit, log: log.path().to_owned(), tail });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn config(&self) -> String {
        format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n{}\n",
            self.server,
            self.port,
            self.folder.join("users.txt").display(),
            self.settings.join("\n")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_second_word() {
        assert_eq!(version_in("PgBouncer 1.24.1\nlibevent 2.1.13-stable\n"), Some((1, 24)));
        assert_eq!(version_in("PgBouncer"), None);
    }
}
