//! Finds the programs of both servers.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::search::{absolute, folder_with, folders_like, libraries_in, search_path};
use crate::server::{Server, not_installed};
use crate::{Error, tool};

const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The variable that tells unpacked Erlang scripts their location.
pub(crate) const ERLANG_ROOT: &str = "RESTAURANT_ERLANG_ROOT";

/// PostgreSQL's programs in all installed versions, the newest first, as far as the paths show it.
/// Never empty.
#[derive(Clone, Debug)]
pub struct PostgresPrograms(Vec<PostgresVersion>);

/// PostgreSQL's programs in one version.
#[derive(Clone, Debug)]
pub(crate) struct PostgresVersion {
    pub(crate) bin: PathBuf,
    /// The library folders of unpacked packages, for the dynamic linker.
    pub(crate) libraries: Option<OsString>,
}

/// RabbitMQ's start script and Erlang.
#[derive(Clone, Debug)]
pub struct RabbitmqPrograms {
    /// The folder that contains `sbin` and `plugins`.
    pub(crate) root: PathBuf,
    /// The folder that contains `erl` and `epmd`.
    pub(crate) erlang: PathBuf,
    /// The folder of unpacked packages, if RabbitMQ is one of them.
    pub(crate) unpacked: Option<PathBuf>,
    /// The library folders of unpacked packages, for the dynamic linker.
    pub(crate) libraries: Option<OsString>,
}

impl PostgresPrograms {
    /// The programs of this system, and those unpacked in `packages`.
    ///
    /// # Errors
    /// There are none.
    pub fn find(packages: &Path) -> Result<Self, Error> {
        let of_system = folders_like("/usr/lib/postgresql/*/bin")
            .chain(folders_like("/usr/pgsql-*/bin"))
            .chain(folders_like("/opt/homebrew/opt/postgresql*/bin"))
            .chain(folders_like("/usr/local/opt/postgresql*/bin"))
            .chain(folders_like("/Applications/Postgres.app/Contents/Versions/*/bin"))
            .chain(search_path())
            .map(|bin| PostgresVersion { bin, libraries: None });
        let unpacked = absolute(packages).join(Server::Postgres.unpacked());
        let libraries = libraries_in(&unpacked);
        let unpacked = folders_like(unpacked.join("usr/lib/postgresql/*/bin"))
            .map(|bin| PostgresVersion { bin, libraries: libraries.clone() });
        let all: Vec<_> = of_system.chain(unpacked).filter(|version| is_postgres(&version.bin)).collect();
        if all.is_empty() { Err(not_installed(&[Server::Postgres])) } else { Ok(Self(all)) }
    }

    /// The newest version, or the one that created the data.
    pub(crate) async fn for_data(&self, folder: &Path) -> Result<&PostgresVersion, Error> {
        let Ok(made_by) = fs::read_to_string(folder.join("data/PG_VERSION")) else {
            return self.0.first().ok_or_else(|| not_installed(&[Server::Postgres]));
        };
        let made_by = made_by.trim();
        let mut found = Vec::new();
        for version in &self.0 {
            let number = version.number().await?;
            if number == made_by {
                return Ok(version);
            }
            found.push(number);
        }
        let (folder, made_by) = (folder.to_owned(), made_by.to_owned());
        Err(Error::OtherVersion { folder, made_by, found: found.join(", ") })
    }
}

impl PostgresVersion {
    /// The major version, from "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)".
    async fn number(&self) -> Result<String, Error> {
        let mut command = Command::new(self.bin.join("postgres"));
        command.arg("--version");
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let text = tool::run(command, ANSWER_LIMIT).await?;
        let number =
            text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        // "18beta1" is 18.
        Ok(number.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect())
    }
}

impl RabbitmqPrograms {
    /// The programs of this system, else those unpacked in `packages`.
    ///
    /// # Errors
    /// There are none.
    pub fn find(packages: &Path) -> Result<Self, Error> {
        Self::of_system()
            .or_else(|| Self::unpacked(absolute(packages).join(Server::Rabbitmq.unpacked())))
            .ok_or_else(|| not_installed(&[Server::Rabbitmq]))
    }

    fn of_system() -> Option<Self> {
        let root = folders_like("/usr/lib/rabbitmq/lib/rabbitmq_server-*")
            .chain(folders_like("/opt/homebrew/opt/rabbitmq"))
            .chain(folders_like("/usr/local/opt/rabbitmq"))
            .chain(folders_like("/opt/rabbitmq"))
            .chain(search_path().filter_map(|folder| root_of_script(&folder)))
            .find(|root| is_rabbitmq(root))?;
        Some(Self { root, erlang: folder_with("erl")?, unpacked: None, libraries: None })
    }

    fn unpacked(folder: PathBuf) -> Option<Self> {
        let root = folders_like(folder.join("usr/lib/rabbitmq/lib/rabbitmq_server-*"))
            .find(|root| is_rabbitmq(root))?;
        // Erlang may be the system's, if only RabbitMQ itself was missing.
        let erlang = folder.join("usr/lib/erlang/bin");
        let erlang = if erlang.join("erl").is_file() { erlang } else { folder_with("erl")? };
        let libraries = libraries_in(&folder);
        Some(Self { root, erlang, unpacked: Some(folder), libraries })
    }
}

/// Debian's wrappers in /usr/bin do not count: the server itself must be present.
fn is_postgres(folder: &Path) -> bool {
    ["initdb", "postgres", "createdb", "dropdb"].iter().all(|program| folder.join(program).is_file())
}

fn is_rabbitmq(root: &Path) -> bool {
    root.join("sbin/rabbitmq-server").is_file() && root.join("plugins").is_dir()
}

/// `rabbitmq-server` on the search path may be a link into RabbitMQ's root folder. It may also be a
/// wrapper that requires another user (Debian, Fedora), which has no root around it.
fn root_of_script(folder: &Path) -> Option<PathBuf> {
    let script = folder.join("rabbitmq-server").canonicalize().ok()?;
    Some(script.parent()?.parent()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacked_programs_are_found_by_their_whole_path() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let relative = Path::new(folder.path().file_name().unwrap());
        let bin = folder.path().join("postgresql/usr/lib/postgresql/0/bin");
        std::fs::create_dir_all(&bin).unwrap();
        for program in ["initdb", "postgres", "createdb", "dropdb"] {
            std::fs::write(bin.join(program), "").unwrap();
        }
        let found = PostgresPrograms::find(relative).unwrap();
        let last = found.0.last().unwrap();
        assert!(last.bin.is_absolute() && last.bin.ends_with("postgresql/0/bin"), "{found:?}");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_postgres(folder.path()) && !is_rabbitmq(folder.path()));
    }
}
