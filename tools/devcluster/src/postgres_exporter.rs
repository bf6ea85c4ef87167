//! A private `postgres_exporter`, which shows the metrics of a PostgreSQL server: found on this
//! machine, or fetched.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use runtime::http_client::{Request, send};
use rustix::process::Signal;
use secrecy::ExposeSecret;

use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::private_server::{PrivateServer, Running, ServerKind, folder_at, one_port, wait_until};
use crate::process::OwnedProcess;
use crate::search::{absolute, folder_with};
use crate::{Error, ProcessGuard, tool};

const VERSION_LIMIT: Duration = Duration::from_secs(10);
const READY_LIMIT: Duration = Duration::from_secs(15);
const PROBE_LIMIT: Duration = Duration::from_secs(3);
/// What the program calls itself. Debian puts its own name in front.
const OWN_NAME: &str = "postgres_exporter";

/// The program.
#[derive(Clone, Debug)]
pub struct PostgresExporterProgram {
    program: PathBuf,
}

impl PostgresExporterProgram {
    /// The name of the program and of its package in Debian.
    pub(crate) const NAME: &str = "prometheus-postgres-exporter";

    /// The system's program, or the one unpacked in `packages`, if it can be run.
    pub(crate) async fn find(packages: &Path) -> Option<Self> {
        let of_system =
            [OWN_NAME, Self::NAME].into_iter().filter_map(|name| Some(folder_with(name)?.join(name)));
        let of_packages = absolute(packages).join(Self::NAME).join("usr/bin").join(Self::NAME);
        for program in of_system.chain([of_packages]) {
            if is_exporter(&program).await {
                return Some(Self { program });
            }
        }
        None
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(tool::clean_environment());
    command
}

/// Some versions tell their version on standard output, others on standard error.
async fn is_exporter(program: &Path) -> bool {
    let mut command = command(program);
    command.arg("--version");
    let said = tool::output(OWN_NAME, "", command.into(), VERSION_LIMIT).await;
    said.is_ok_and(|said| {
        let begins = format!("{OWN_NAME}, version ");
        [said.stdout, said.stderr].iter().any(|text| text.starts_with(begins.as_bytes()))
    })
}

/// A running private exporter.
pub type PrivatePostgresExporter = PrivateServer<PostgresExporter>;

/// What an exporter is started with.
#[derive(Debug)]
pub struct PostgresExporter {
    program: PostgresExporterProgram,
    folder: PathBuf,
    database: config::Database,
    guard: Option<ProcessGuard>,
}

impl PrivatePostgresExporter {
    /// Starts an exporter with its log in `folder`. It logs in to the database with the user of
    /// these settings, who may read all statistics. With TLS it does not verify the server.
    ///
    /// # Errors
    /// It did not start. The error has the end of its log, if there is one.
    pub async fn start(
        program: &PostgresExporterProgram,
        folder: &Path,
        database: &config::Database,
        guard: Option<&ProcessGuard>,
    ) -> Result<Self, Error> {
        let (program, folder) = (program.clone(), folder_at(folder)?);
        let (database, guard) = (database.clone(), guard.cloned());
        Self::launch(PostgresExporter { program, folder, database, guard }).await
    }

    /// The port on 127.0.0.1 where it answers `GET /metrics`.
    pub fn port(&self) -> u16 {
        self.ports
    }
}

impl ServerKind for PostgresExporter {
    const NAME: &str = "PostgreSQL's exporter";
    const LOG: &str = "postgres-exporter.log";
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
        let config::Database { host, port: of_server, user, password, database, tls, .. } = &self.database;
        let tls = if matches!(tls, config::TlsMode::Disable) { "disable" } else { "require" };
        let mut command = command(&self.program.program);
        command
            .current_dir(&self.folder)
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .env("DATA_SOURCE_URI", format!("{host}:{of_server}/{database}?sslmode={tls}"))
            .env("DATA_SOURCE_USER", user)
            .env("DATA_SOURCE_PASS", password.expose_secret());
        let mut server = OwnedProcess::spawn(command, log, self.guard.as_ref(), Self::STOP)?;
        wait_until(Self::NAME, &mut server, log, READY_LIMIT, async || {
            send(port, &Request::get("/"), PROBE_LIMIT).await.is_ok_and(|answer| answer.status == 200)
        })
        .await?;
        Ok(Running { server, helper: None })
    }
}
