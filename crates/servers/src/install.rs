//! Gets the servers' programs where they are missing.

mod apt;

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use crate::Error;
use crate::pgbouncer::PgbouncerProgram;
use crate::programs::{PostgresPrograms, RabbitmqPrograms, folder_with};

/// The variable that tells unpacked Erlang scripts where they are.
pub(crate) const ERLANG_ROOT: &str = "RESTAURANT_ERLANG_ROOT";

const LOCK_POLL: Duration = Duration::from_millis(100);

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// RabbitMQ.
    Rabbitmq,
}

impl Server {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Rabbitmq => "RabbitMQ",
        }
    }

    /// Its package on Debian, Fedora and Homebrew.
    fn packages(self) -> [&'static str; 3] {
        match self {
            Self::Postgres => ["postgresql", "postgresql-server", "postgresql"],
            Self::Rabbitmq => ["rabbitmq-server", "rabbitmq-server", "rabbitmq"],
        }
    }

    /// The folder for unpacked packages.
    pub(crate) fn unpacked(self) -> &'static str {
        self.packages()[0]
    }

    fn is_here(self, packages: &Path) -> bool {
        match self {
            Self::Postgres => PostgresPrograms::find(packages).is_ok(),
            Self::Rabbitmq => RabbitmqPrograms::find(packages).is_ok(),
        }
    }

    /// The error for a server whose programs are not found.
    pub(crate) fn not_installed(self) -> Error {
        Error::NotInstalled { what: self.name().to_owned(), advice: advice(&[self]) }
    }
}

/// Makes sure that the programs of these servers are found. On Debian and its kin, missing ones are fetched as packages and
/// unpacked in `packages`: nothing is installed in the system, nothing of it is started or altered, no rights are needed, and
/// deleting the folder undoes it. `progress` gets a line for each thing that takes time.
///
/// # Errors
/// What is missing, and how to get it on this system.
pub async fn ensure_installed(
    wanted: &[Server],
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    let missing =
        || -> Vec<Server> { wanted.iter().copied().filter(|server| !server.is_here(packages)).collect() };
    if missing().is_empty() {
        return Ok(());
    }
    // Another process may be fetching them right now.
    let _lock = lock(packages).await?;
    let missing = missing();
    if apt::is_here() && !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|server| server.unpacked()).collect();
        apt::fetch(&names, packages, progress).await?;
    }
    if missing.iter().all(|server| server.is_here(packages)) {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|server| server.name()).collect();
    Err(Error::NotInstalled { what: names.join(" and "), advice: advice(&missing) })
}

/// Waits until nobody else fetches packages into the folder, and keeps others waiting as long as the file is open.
async fn lock(packages: &Path) -> Result<File, Error> {
    std::fs::create_dir_all(packages).map_err(Error::file("create the folder", packages))?;
    let path = packages.join("lock");
    let file = File::create(&path).map_err(Error::file("write", &path))?;
    let deadline = Instant::now() + apt::FETCH_LIMIT;
    while let Err(why) = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if Instant::now() > deadline {
            return Err(Error::file("lock", path)(why.into()));
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
    Ok(file)
}

/// Debian's first release with a [`PgbouncerProgram`] that is new enough.
const RELEASE_OF_PGBOUNCER: &str = "trixie";

/// Finds PgBouncer, as [`ensure_installed`] does the servers. Only tests need it.
///
/// # Errors
/// There is none that is new enough, and no way to get it here.
pub async fn ensure_pgbouncer(
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<PgbouncerProgram, Error> {
    if let Some(found) = PgbouncerProgram::find(packages).await {
        return Ok(found);
    }
    let _lock = lock(packages).await?;
    if PgbouncerProgram::find(packages).await.is_none() && apt::is_here() {
        apt::fetch_of_release(RELEASE_OF_PGBOUNCER, PgbouncerProgram::NAME, packages, progress).await?;
    }
    PgbouncerProgram::find(packages).await.ok_or_else(|| Error::NotInstalled {
        what: "PgBouncer 1.21 or later".to_owned(),
        advice: "Install it with this system's package manager, and try again.".to_owned(),
    })
}

/// What the user can do on this system.
fn advice(missing: &[Server]) -> String {
    let known =
        [("apt-get", 0, "sudo apt-get install"), ("dnf", 1, "sudo dnf install"), ("brew", 2, "brew install")];
    let command =
        known.into_iter().find(|(tool, ..)| folder_with(tool).is_some()).map(|(_, system, command)| {
            let names = missing.iter().filter_map(|server| server.packages().get(system).copied());
            format!("'{command} {}'", names.collect::<Vec<_>>().join(" "))
        });
    let command = command.unwrap_or_else(|| "this system's package manager".to_owned());
    format!("Install with {command}, or start Docker, and try again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_about_what_is_missing() {
        let text = advice(&[Server::Rabbitmq]);
        assert!(!text.contains("postgresql") && text.contains("try again"), "{text}");
    }
}
