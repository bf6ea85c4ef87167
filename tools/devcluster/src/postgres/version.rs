//! Chooses among the installed versions of PostgreSQL.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::programs::{PostgresPrograms, PostgresVersion};
use crate::server::Server;

/// The newest version, or the one that created the data.
pub(super) fn choose<'a>(
    programs: &'a PostgresPrograms,
    folder: &Path,
) -> Result<&'a PostgresVersion, Error> {
    let Ok(made_by) = fs::read_to_string(folder.join("data/PG_VERSION")) else { return newest(programs) };
    let made_by = made_by.trim();
    let mut found = Vec::new();
    for version in programs.versions() {
        let number = number_of(version)?;
        if number == made_by {
            return Ok(version);
        }
        found.push(number);
    }
    Err(Error::OtherVersion {
        folder: folder.to_owned(),
        made_by: made_by.to_owned(),
        found: found.join(", "),
    })
}

pub(super) fn newest(programs: &PostgresPrograms) -> Result<&PostgresVersion, Error> {
    programs.versions().first().ok_or_else(|| Server::Postgres.not_installed())
}

/// The major version, from "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)".
fn number_of(version: &PostgresVersion) -> Result<String, Error> {
    let program = version.bin.join("postgres");
    let mut command = Command::new(&program);
    if let Some(libraries) = &version.libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let output = command
        .arg("--version")
        .output()
        .map_err(|source| Error::Run { program: program.display().to_string(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    // "18beta1" is 18.
    Ok(number.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect())
}
