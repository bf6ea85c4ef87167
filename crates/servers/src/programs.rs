//! Where the programs of both servers lie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::install::Server;

/// PostgreSQL's programs, in every version that is here: never none.
#[derive(Clone, Debug)]
pub struct PostgresPrograms(Vec<PostgresVersion>);

/// PostgreSQL's programs in one version.
#[derive(Clone, Debug)]
pub(crate) struct PostgresVersion {
    pub(crate) bin: PathBuf,
    /// Where the dynamic linker has to look, if these are unpacked packages.
    pub(crate) libraries: Option<OsString>,
}

/// RabbitMQ's start script and Erlang.
#[derive(Clone, Debug)]
pub struct RabbitmqPrograms {
    /// The folder with `sbin` and `plugins` in it.
    pub(crate) root: PathBuf,
    /// The folder with `erl` and `epmd` in it.
    pub(crate) erlang: PathBuf,
    /// Where packages are unpacked, if it is from there.
    pub(crate) unpacked: Option<PathBuf>,
    /// Where the dynamic linker has to look, if these are unpacked packages.
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
        if all.is_empty() { Err(Server::Postgres.not_installed()) } else { Ok(Self(all)) }
    }

    /// The newest first, as far as their paths tell.
    pub(crate) fn versions(&self) -> &[PostgresVersion] {
        &self.0
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
            .ok_or_else(|| Server::Rabbitmq.not_installed())
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

/// The programs run in another folder than this process.
pub(crate) fn absolute(packages: &Path) -> PathBuf {
    std::path::absolute(packages).unwrap_or_else(|_| packages.to_owned())
}

/// The first folder of the search path that holds this program.
pub(crate) fn folder_with(program: &str) -> Option<PathBuf> {
    let usual = ["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"].into_iter().map(PathBuf::from);
    search_path().chain(usual).find(|folder| folder.join(program).is_file())
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Debian's wrappers in /usr/bin are not enough: the server itself must be there.
fn is_postgres(folder: &Path) -> bool {
    ["initdb", "postgres", "createdb", "dropdb"].iter().all(|program| folder.join(program).is_file())
}

fn is_rabbitmq(root: &Path) -> bool {
    root.join("sbin/rabbitmq-server").is_file() && root.join("plugins").is_dir()
}

/// `rabbitmq-server` of the search path may be a link into its root, or a wrapper that wants another user (as on Debian and
/// Fedora): then there is no root around it.
fn root_of_script(folder: &Path) -> Option<PathBuf> {
    let script = folder.join("rabbitmq-server").canonicalize().ok()?;
    Some(script.parent()?.parent()?.to_owned())
}

/// Folders on a path with at most one `*` in each of its parts; later versions first.
fn folders_like(pattern: impl AsRef<Path>) -> impl Iterator<Item = PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.as_ref() {
        let wild = part.to_str().and_then(|part| part.split_once('*'));
        found = match wild {
            None => found.into_iter().map(|folder| folder.join(part)).collect(),
            Some((before, after)) => {
                found.iter().flat_map(|folder| children_like(folder, before, after)).collect()
            }
        };
    }
    found.retain(|folder| folder.is_dir());
    found.into_iter()
}

fn children_like(folder: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(before) && name.ends_with(after))
        .collect();
    names.sort_by_key(|name| version_in(name));
    names.into_iter().rev().map(|name| folder.join(name)).collect()
}

/// The numbers of a name, so that 9 comes before 15.
fn version_in(name: &str) -> Vec<u32> {
    name.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// The loader and the libraries of packages that were unpacked with all that they need: the system's own may be too old.
pub(crate) fn loader_in(unpacked: &Path) -> Option<(PathBuf, OsString)> {
    let mut all = folders_like(unpacked.join("usr/lib/*"));
    let folder = all.find(|folder| folder.to_string_lossy().contains("-linux-gnu"))?;
    let loaders = std::fs::read_dir(&folder).ok()?.flatten().map(|entry| entry.path());
    let is_loader =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux-"));
    Some((loaders.into_iter().find(is_loader)?, folder.into_os_string()))
}

/// Where the dynamic linker finds the libraries of unpacked packages.
fn libraries_in(unpacked: &Path) -> Option<OsString> {
    let all = folders_like(unpacked.join("usr/lib/*")).chain(folders_like(unpacked.join("lib/*")));
    // /usr/lib/x86_64-linux-gnu and its like.
    let folders = all.filter(|folder| folder.to_string_lossy().contains("-linux-gnu"));
    std::env::join_paths(folders).ok().filter(|paths| !paths.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["9", "15", "17"] {
            std::fs::create_dir_all(folder.path().join(version).join("bin")).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("16")).unwrap();
        let found: Vec<_> = folders_like(folder.path().join("*/bin"))
            .map(|found| found.strip_prefix(folder.path()).unwrap().to_owned())
            .collect();
        assert_eq!(found, ["17/bin", "15/bin", "9/bin"].map(PathBuf::from));
    }

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
        let last = found.versions().last().unwrap();
        assert!(last.bin.is_absolute() && last.bin.ends_with("postgresql/0/bin"), "{found:?}");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(folders_like(folder.path().join("x*/bin")).count(), 0);
        assert!(!is_postgres(folder.path()) && !is_rabbitmq(folder.path()));
    }
}
