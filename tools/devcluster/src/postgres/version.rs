//! Chooses among the installed versions of PostgreSQL.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::programs::{PostgresPrograms, PostgresVersion};
use crate::server::Server;
use crate::{Error, tool};

const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The newest version, or the one that created the data.
pub(super) async fn choose<'a>(
    programs: &'a PostgresPrograms,
    folder: &Path,
) -> Result<&'a PostgresVersion, Error> {
    let Ok(made_by) = fs::read_to_string(folder.join("data/PG_VERSION")) else {
        return programs.0.first().ok_or_else(|| Server::Postgres.not_installed());
    };
    let made_by = made_by.trim();
    let mut found = Vec::new();
    for version in &programs.0 {
        let number = number_of(version).await?;
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

/// The major version, from "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)".
async fn number_of(version: &PostgresVersion) -> Result<String, Error> {
    let mut command = Command::new(version.bin.join("postgres"));
    command.arg("--version");
    if let Some(libraries) = &version.libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let text = tool::run(command, ANSWER_LIMIT).await?;
    let number = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    // "18beta1" is 18.
    Ok(number.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect())
}
