//! Finds PostgreSQL's programs for backups.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// Longest time to say a version.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Where packages put programs, with a folder for each version in between.
const VERSIONED: [(&str, &str, &str); 4] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
];

/// Both programs, of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) basebackup: PathBuf,
    pub(super) verifybackup: PathBuf,
}

/// There are none that fit.
#[derive(Debug, thiserror::Error)]
#[error(
    "pg_basebackup and pg_verifybackup of PostgreSQL {wanted} or newer are not here{}: install its package (Debian: \
     postgresql-{wanted}), or put their folder into PATH",
    listed(.found)
)]
pub(super) struct NoPrograms {
    wanted: u32,
    /// The versions that are too old.
    found: Vec<u32>,
}

fn listed(versions: &[u32]) -> String {
    let texts = versions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    if texts.is_empty() { String::new() } else { format!(" (only those of {texts})") }
}

impl Programs {
    /// Those of the server's own version, else of the oldest newer one.
    pub(super) async fn find(major_version: u32) -> Result<Self, NoPrograms> {
        let mut candidates = Vec::new();
        for folder in folders() {
            let programs = Self {
                basebackup: folder.join("pg_basebackup"),
                verifybackup: folder.join("pg_verifybackup"),
            };
            if programs.basebackup.is_file()
                && programs.verifybackup.is_file()
                && let Some(version) = version_of(&programs.basebackup).await
            {
                candidates.push((version, programs));
            }
        }
        choose(candidates, major_version)
    }
}

fn choose(mut candidates: Vec<(u32, Programs)>, wanted: u32) -> Result<Programs, NoPrograms> {
    // Of one version, the first that was found.
    candidates.sort_by_key(|(version, _)| *version);
    let found: Vec<u32> = candidates.iter().map(|(version, _)| *version).collect();
    let fits = candidates.into_iter().find(|(version, _)| *version >= wanted);
    fits.map(|(_, programs)| programs).ok_or(NoPrograms { wanted, found })
}

/// The search path first: whoever sets it means it.
fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // An empty entry would be the folder that this is called in.
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    for (parent, prefix, bin) in VERSIONED {
        let Ok(entries) = Path::new(parent).read_dir() else { continue };
        let names = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        folders.extend(names.map(|entry| entry.path().join(bin)));
    }
    folders
}

/// The major version, from `pg_basebackup (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
async fn version_of(program: &Path) -> Option<u32> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(ANSWER_LIMIT, command.output()).await.ok()?.ok()?;
    major_version(&String::from_utf8_lossy(&output.stdout))
}

fn major_version(said: &str) -> Option<u32> {
    let number =
        said.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    // "18beta1" is 18.
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn of(folder: &str) -> Programs {
        Programs { basebackup: Path::new(folder).join("b"), verifybackup: Path::new(folder).join("v") }
    }

    #[test]
    fn the_version_is_what_the_program_says() {
        for (said, version) in [
            ("pg_basebackup (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", Some(15)),
            ("pg_basebackup (PostgreSQL) 18beta1", Some(18)),
            ("no such program", None),
            ("", None),
        ] {
            assert_eq!(major_version(said), version, "{said}");
        }
    }

    #[test]
    fn the_servers_version_is_preferred_and_an_older_one_refused() {
        let here = || vec![(17, of("/17")), (14, of("/14")), (15, of("/mine")), (15, of("/15"))];
        assert_eq!(choose(here(), 15).unwrap(), of("/mine"));
        assert_eq!(choose(here(), 16).unwrap(), of("/17"));
        let why = choose(here(), 18).unwrap_err().to_string();
        assert!(why.contains("PostgreSQL 18") && why.contains("14, 15, 15, 17"), "{why}");
    }
}
