//! A private PgBouncer in front of a PostgreSQL server, for tests: many production systems use one.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;

use crate::credentials::write_private;
use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::postgres::Identity;
use crate::private_server::{PrivateServer, Running, ServerKind, folder_at, one_port, wait_until};
use crate::process::OwnedProcess;
use crate::search::{absolute, folder_with, loader_in};
use crate::{Credentials, Error, ProcessGuard, tool};

/// The first version that keeps prepared statements in transaction mode.
const OLDEST_VERSION: (u32, u32) = (1, 21);
const VERSION_LIMIT: Duration = Duration::from_secs(10);
const READY_LIMIT: Duration = Duration::from_secs(15);

/// The program, or the loader that runs it, and the first arguments.
#[derive(Clone, Debug)]
pub struct PgbouncerProgram {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl PgbouncerProgram {
    /// The name of its package.
    pub(crate) const NAME: &str = "pgbouncer";

    /// The system's program, or the one unpacked in `packages`, if it is new enough.
    pub(crate) async fn find(packages: &Path) -> Option<Self> {
        let folders = folder_with(Self::NAME).into_iter().chain([PathBuf::from("/usr/sbin")]);
        let of_system =
            folders.map(|folder| Self { program: folder.join(Self::NAME), arguments: Vec::new() });
        let unpacked = absolute(packages).join(Self::NAME);
        let of_packages = loader_in(&unpacked).map(|(loader, libraries)| {
            let program = unpacked.join("usr/sbin").join(Self::NAME);
            Self { program: loader, arguments: vec!["--library-path".into(), libraries, program.into()] }
        });
        for found in of_system.chain(of_packages) {
            let mut command = tokio::process::Command::new(&found.program);
            command.args(&found.arguments).arg("--version");
            let answer = tool::run(command, VERSION_LIMIT).await.unwrap_or_default();
            if version_in(&answer).is_some_and(|version| version >= OLDEST_VERSION) {
                return Some(found);
            }
        }
        None
    }
}

/// The version in a text such as `PgBouncer 1.24.1`.
fn version_in(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.').map_while(|part| part.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// A running private PgBouncer.
pub type PrivatePgbouncer = PrivateServer<Pgbouncer>;

/// What a PgBouncer is started with.
#[derive(Debug)]
pub struct Pgbouncer {
    program: PgbouncerProgram,
    folder: PathBuf,
    identity: Identity,
    guard: Option<ProcessGuard>,
    /// The port of the PostgreSQL server behind it.
    server: u16,
    users: Vec<Credentials>,
    /// Additional lines of the section `[pgbouncer]`.
    settings: String,
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
        let folder = folder_at(folder)?;
        let identity = Identity::find(&folder).await?;
        let (program, guard) = (program.clone(), guard.cloned());
        let (users, settings) = (users.to_vec(), settings.join("\n"));
        Self::launch(Pgbouncer { program, folder, identity, guard, server, users, settings }).await
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports
    }
}

impl ServerKind for Pgbouncer {
    const NAME: &str = "PgBouncer";
    const LOG: &str = "pgbouncer.log";
    const STOP: Signal = Signal::TERM;
    const STOP_LIMIT: Duration = Duration::from_secs(5);
    type Ports = u16;

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn claim_ports(&self, _: bool) -> Result<(u16, Vec<PortClaim>), Error> {
        one_port(0)
    }

    async fn launch(&mut self, port: u16, log: &LogFile) -> Result<Running, Error> {
        let user = |user: &Credentials| format!("\"{}\" \"{}\"\n", user.user, user.password.expose_secret());
        let users = self.folder.join("users.txt");
        write_private(&users, &self.users.iter().map(user).collect::<String>())?;
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n{}\n",
            self.server,
            users.display(),
            self.settings
        );
        let config = self.folder.join("pgbouncer.ini");
        fs::write(&config, text).map_err(Error::file("write", &config))?;
        self.identity.give(&self.folder)?;
        let mut command = self.identity.command(&self.program.program);
        command.args(&self.program.arguments).arg("--quiet").arg(&config);
        command.env_clear().envs(tool::clean_environment());
        let mut server = OwnedProcess::spawn(command, log, self.guard.as_ref(), Self::STOP)?;
        wait_until(Self::NAME, &mut server, log, READY_LIMIT, async || {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await?;
        Ok(Running { server, helper: None })
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
