//! Installs missing programs of the servers.

mod apt;

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Error;
use crate::chromium::ChromiumProgram;
use crate::pgbouncer::PgbouncerProgram;
use crate::postgres_exporter::PostgresExporterProgram;
use crate::programs::{PostgresPrograms, RabbitmqPrograms};
use crate::prometheus::PrometheusPrograms;
use crate::python::PythonProgram;
use crate::redis::RedisProgram;
use crate::server::{Server, not_installed};

const LOCK_POLL: Duration = Duration::from_millis(100);

/// Makes sure that the programs of these servers can be found. On Debian and its derivatives,
/// missing ones are fetched as packages and unpacked in `packages`. Nothing is installed, started
/// or changed in the system, no privileges are needed, and deleting the folder undoes it.
/// `progress` gets a line for each slow step.
///
/// # Errors
/// Names what is missing, and how to install it on this system.
pub async fn ensure_installed(
    wanted: &[Server],
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    let missing =
        || -> Vec<Server> { wanted.iter().copied().filter(|server| !is_here(*server, packages)).collect() };
    if missing().is_empty() {
        return Ok(());
    }
    // Another process may be fetching them at the moment.
    let _lock = lock(packages).await?;
    let missing = missing();
    if apt::is_here() && !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|server| server.unpacked()).collect();
        apt::fetch(&names, None, packages, progress).await?;
    }
    if missing.iter().all(|server| is_here(*server, packages)) {
        return Ok(());
    }
    Err(not_installed(&missing))
}

fn is_here(server: Server, packages: &Path) -> bool {
    match server {
        Server::Postgres => PostgresPrograms::find(packages).is_ok(),
        Server::Rabbitmq => RabbitmqPrograms::find(packages).is_ok(),
    }
}

/// Locks the folder of packages, and waits until no other process holds the lock. Dropping the file
/// releases it.
pub(crate) async fn lock(packages: &Path) -> Result<File, Error> {
    std::fs::create_dir_all(packages).map_err(Error::file("create the folder", packages))?;
    let path = packages.join("lock");
    let file = File::create(&path).map_err(Error::file("write", &path))?;
    let deadline = Instant::now() + apt::FETCH_LIMIT;
    while let Err(why) = file.try_lock() {
        if Instant::now() > deadline {
            return Err(Error::file("lock", path)(why.into()));
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
    Ok(file)
}

/// Debian's first release whose [`PgbouncerProgram`] is new enough.
const RELEASE_OF_PGBOUNCER: &str = "trixie";

/// Finds PgBouncer, as [`ensure_installed`] finds the servers. Only tests need it.
///
/// # Errors
/// There is none that is new enough, and it cannot be fetched here.
pub async fn ensure_pgbouncer(
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<PgbouncerProgram, Error> {
    if let Some(found) = PgbouncerProgram::find(packages).await {
        return Ok(found);
    }
    let _lock = lock(packages).await?;
    if PgbouncerProgram::find(packages).await.is_none() && apt::is_here() {
        apt::fetch(&[PgbouncerProgram::NAME], Some(RELEASE_OF_PGBOUNCER), packages, progress).await?;
    }
    PgbouncerProgram::find(packages).await.ok_or_else(|| Error::NotInstalled {
        what: "PgBouncer 1.21 or later".to_owned(),
        advice: "Install it with this system's package manager, and try again.".to_owned(),
    })
}

/// Finds Redis, as [`ensure_installed`] finds the servers. Only the bench needs it.
///
/// # Errors
/// It is not here, and cannot be fetched.
pub async fn ensure_redis(packages: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<RedisProgram, Error> {
    if let Some(found) = RedisProgram::find(packages).await {
        return Ok(found);
    }
    let _lock = lock(packages).await?;
    if RedisProgram::find(packages).await.is_none() && apt::is_here() {
        apt::fetch(&[RedisProgram::NAME], None, packages, progress).await?;
    }
    RedisProgram::find(packages).await.ok_or_else(|| Error::NotInstalled {
        what: "Redis".to_owned(),
        advice: "Install it with this system's package manager, and try again.".to_owned(),
    })
}

/// Finds Chromium and its driver, as [`ensure_installed`] finds the servers. Only tests need them.
///
/// # Errors
/// They are not here, or not of one version, and cannot be fetched.
pub async fn ensure_chromium(
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<ChromiumProgram, Error> {
    if let Some(found) = ChromiumProgram::find(packages).await {
        return Ok(found);
    }
    let _lock = lock(packages).await?;
    if ChromiumProgram::find(packages).await.is_none() && apt::is_here() {
        apt::fetch(&[ChromiumProgram::PACKAGE], None, packages, progress).await?;
    }
    ChromiumProgram::find(packages).await.ok_or_else(|| Error::NotInstalled {
        what: "Chromium and chromedriver of one version".to_owned(),
        advice: "Install both with this system's package manager (Debian: 'apt-get install chromium chromium-driver', Fedora: 'dnf install chromium chromedriver', macOS: 'brew install --cask google-chrome chromedriver'), and try again.".to_owned(),
    })
}

/// Finds Prometheus and its tool, as [`ensure_installed`] finds the servers. Only those who watch
/// need it, and tests.
///
/// # Errors
/// They are not here, and cannot be fetched.
pub async fn ensure_prometheus(
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<PrometheusPrograms, Error> {
    if let Some(found) = PrometheusPrograms::find(packages).await {
        return Ok(found);
    }
    let _lock = lock(packages).await?;
    if PrometheusPrograms::find(packages).await.is_none() && apt::is_here() {
        apt::fetch(&[PrometheusPrograms::PACKAGE], None, packages, progress).await?;
    }
    PrometheusPrograms::find(packages).await.ok_or_else(|| Error::NotInstalled {
        what: "Prometheus".to_owned(),
        advice:
            "Install it with this system's package manager (macOS: 'brew install prometheus'), and try again."
                .to_owned(),
    })
}

/// Finds PostgreSQL's exporter, as [`ensure_installed`] finds the servers. Only those who watch
/// need it.
///
/// # Errors
/// It is not here, and cannot be fetched.
pub async fn ensure_postgres_exporter(
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<PostgresExporterProgram, Error> {
    if let Some(found) = PostgresExporterProgram::find(packages).await {
        return Ok(found);
    }
    let _lock = lock(packages).await?;
    if PostgresExporterProgram::find(packages).await.is_none() && apt::is_here() {
        apt::fetch(&[PostgresExporterProgram::NAME], None, packages, progress).await?;
    }
    PostgresExporterProgram::find(packages).await.ok_or_else(|| Error::NotInstalled {
        what: "PostgreSQL's exporter for Prometheus".to_owned(),
        advice: "Install postgres_exporter with this system's package manager (macOS: 'brew install postgres_exporter'), and try again.".to_owned(),
    })
}

/// Finds Python, as [`ensure_installed`] finds the servers. Only tests need it.
///
/// # Errors
/// There is none that can make environments and for which the packages are built, and it cannot be
/// fetched.
pub(crate) async fn ensure_python(
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<PythonProgram, Error> {
    if let Some(found) = PythonProgram::find(packages).await {
        return Ok(found);
    }
    let _lock = lock(packages).await?;
    if PythonProgram::find(packages).await.is_none() && apt::is_here() {
        apt::fetch(&[PythonProgram::PACKAGE], None, packages, progress).await?;
    }
    PythonProgram::find(packages).await.ok_or_else(|| Error::NotInstalled {
        what: "Python 3.11 to 3.14 with its venv module".to_owned(),
        advice: "Install it with this system's package manager (Debian 12, Ubuntu 24.04 and later: 'apt-get install python3-venv', older ones have none that is new enough; Fedora: 'dnf install python3', macOS: 'brew install python'), and try again.".to_owned(),
    })
}
