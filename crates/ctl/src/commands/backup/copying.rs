//! Runs PostgreSQL's programs: `pg_basebackup` copies the server, `pg_verifybackup` reads the copy.

use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use config::TlsMode;
use deadlines::database::CONNECT_DEADLINE;
use runtime::Shutdown;
use secrecy::ExposeSecret;
use tokio::process::Command;
use tokio::time::timeout;

use super::program_group::ProgramGroup;
use super::programs::Programs;
use crate::NAME;

/// Why there is no backup. What the program itself said is on stderr already.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("{program} could not be started")]
    NotStarted {
        program: &'static str,
        #[source]
        why: std::io::Error,
    },
    #[error("{program} failed ({status}), and said why above. The folder is no backup: remove it")]
    Failed { program: &'static str, status: ExitStatus },
    #[error("{program} took longer than {} s (--timeout). The folder is no backup: remove it", limit.as_secs())]
    TookTooLong { program: &'static str, limit: Duration },
    #[error("{program} was stopped. The folder is no backup: remove it")]
    Stopped { program: &'static str },
    #[error("database.host and database.port are not understood: {0}")]
    Hosts(String),
}

/// How the server is copied.
pub(super) struct Copying<'a> {
    pub(super) programs: &'a Programs,
    pub(super) settings: &'a config::Database,
    /// The longest time for each program.
    pub(super) timeout: Duration,
    pub(super) shutdown: Shutdown,
}

impl Copying<'_> {
    /// Copies the server, with the log that was written meanwhile: the copy stands alone.
    pub(super) async fn copy_to(&self, folder: &Path) -> Result<(), CopyError> {
        let mut command = command(&self.programs.basebackup);
        command.arg("--pgdata").arg(folder);
        command.args(["--format=plain", "--wal-method=stream", "--checkpoint=fast", "--no-password"]);
        command.args(["--manifest-checksums=SHA256", "--label=restaurant-ctl backup"]);
        if stderr().is_terminal() {
            command.arg("--progress");
        }
        command.envs(environment(self.settings)?);
        self.run("pg_basebackup", command).await
    }

    /// Compares every file with the checksum that was made while it was sent.
    pub(super) async fn verify(&self, folder: &Path) -> Result<(), CopyError> {
        let mut command = command(&self.programs.verifybackup);
        command.arg("--quiet").arg(folder);
        self.run("pg_verifybackup", command).await
    }

    async fn run(&self, program: &'static str, mut command: Command) -> Result<(), CopyError> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let not_started = |why| CopyError::NotStarted { program, why };
        let mut group = ProgramGroup::start(&mut command).map_err(not_started)?;
        let ended = self.shutdown.or(timeout(self.timeout, group.status())).await;
        let failure = match ended {
            Some(Ok(Ok(status))) if status.success() => return Ok(()),
            Some(Ok(Ok(status))) => CopyError::Failed { program, status },
            Some(Ok(Err(why))) => not_started(why),
            Some(Err(_)) => CopyError::TookTooLong { program, limit: self.timeout },
            None => CopyError::Stopped { program },
        };
        // However the program ended: nothing may write on into the folder.
        group.end().await;
        Err(failure)
    }
}

/// A program that obeys no variable of libpq but those that are set here: one of the caller's shell
/// may name another server (PGHOSTADDR, PGSERVICE) or other settings (PGOPTIONS, PGSSLCERT).
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    command
}

/// The settings as libpq reads them. The password is in no list of processes.
fn environment(settings: &config::Database) -> Result<Vec<(&'static str, String)>, CopyError> {
    let hosts = config::parse_hosts(&settings.host, settings.port).map_err(CopyError::Hosts)?;
    let listed = |of: fn(&(String, u16)) -> String| hosts.iter().map(of).collect::<Vec<_>>().join(",");
    let mut variables = vec![
        ("PGHOST", listed(|(host, _)| host.clone())),
        ("PGPORT", listed(|(_, port)| port.to_string())),
        ("PGTARGETSESSIONATTRS", if hosts.len() > 1 { "read-write" } else { "any" }.to_owned()),
        ("PGUSER", settings.user.clone()),
        ("PGPASSWORD", settings.password.expose_secret().to_owned()),
        ("PGSSLMODE", settings.tls.to_string()),
        ("PGCONNECT_TIMEOUT", CONNECT_DEADLINE.as_secs().max(1).to_string()),
        ("PGAPPNAME", NAME.to_owned()),
    ];
    let files = [
        ("PGSSLROOTCERT", &settings.tls_ca),
        ("PGSSLCERT", &settings.tls_cert),
        ("PGSSLKEY", &settings.tls_key),
    ];
    for (name, file) in files {
        if let Some(file) = file {
            variables.push((name, file.display().to_string()));
        }
    }
    if settings.tls == TlsMode::VerifyFull && settings.tls_ca.is_none() {
        // The system's authorities; libpq knows this word since version 16.
        variables.push(("PGSSLROOTCERT", "system".to_owned()));
    }
    Ok(variables)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn of(settings: &config::Database, name: &str) -> Option<String> {
        let variables = environment(settings).unwrap();
        variables.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    #[test]
    fn one_server_and_several() {
        let one = config::Database::default();
        assert_eq!(of(&one, "PGHOST").unwrap(), "localhost");
        assert_eq!(of(&one, "PGTARGETSESSIONATTRS").unwrap(), "any");
        let several = config::Database { host: "db-1:5433,[::1],db-2".to_owned(), ..one };
        assert_eq!(of(&several, "PGHOST").unwrap(), "db-1,::1,db-2");
        assert_eq!(of(&several, "PGPORT").unwrap(), "5433,5432,5432");
        assert_eq!(of(&several, "PGTARGETSESSIONATTRS").unwrap(), "read-write");
    }

    #[test]
    fn tls_as_libpq_names_it() {
        let plain = config::Database::default();
        assert_eq!(of(&plain, "PGSSLMODE").unwrap(), "disable");
        assert_eq!(of(&plain, "PGSSLROOTCERT"), None);
        let system = config::Database { tls: TlsMode::VerifyFull, ..plain };
        assert_eq!(of(&system, "PGSSLMODE").unwrap(), "verify-full");
        assert_eq!(of(&system, "PGSSLROOTCERT").unwrap(), "system");
        let own = config::Database { tls_ca: Some("/ca.pem".into()), ..system };
        assert_eq!(of(&own, "PGSSLROOTCERT").unwrap(), "/ca.pem");
    }
}
