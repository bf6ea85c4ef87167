//! Counts the statements of one service. PostgreSQL's own counters are of a whole database, in
//! which all services work. But it can write into its log what one role executes.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::Result;
use fs_err as fs;
use runtime::password;
use secrecy::ExposeSecret;

use crate::cluster::Sandbox;

/// How a line of the log begins, behind its time, for a statement with and without parameters.
const MARKS: [&str; 2] = ["LOG:  execute ", "LOG:  statement: "];

/// A role whose statements can be counted. It stays on the server, which is a private one.
pub struct CountedRole {
    role: String,
    password: String,
    log: PathBuf,
}

/// A place in the log.
#[derive(Clone, Copy, Debug)]
pub struct Place(u64);

impl CountedRole {
    /// Creates the role, for one service in this sandbox.
    pub async fn create(sandbox: &Sandbox<'_>) -> Result<Self> {
        let role = format!("{}_counted", sandbox.name);
        let password = password::random().expose_secret().to_owned();
        let variables = [("role", role.clone()), ("password", password.clone())];
        sandbox.sql(include_str!("../sql/counted_role.sql"), &variables).await?;
        Ok(Self { role, password, log: sandbox.cluster.postgres.log() })
    }

    /// The variables with which a service logs in as this role.
    pub fn variables(&self) -> [(&str, &str); 2] {
        [("DB_USER", &self.role), ("DB_PASSWORD", &self.password)]
    }

    /// The present end of the log.
    pub fn place(&self) -> Result<Place> {
        Ok(Place(fs::metadata(&self.log)?.len()))
    }

    /// How many statements were executed between two places.
    pub fn count(&self, from: Place, to: Place) -> Result<usize> {
        let mut log = fs::File::open(&self.log)?;
        log.seek(SeekFrom::Start(from.0))?;
        let mut part = Vec::new();
        log.take(to.0.saturating_sub(from.0)).read_to_end(&mut part)?;
        Ok(statements(&String::from_utf8_lossy(&part)))
    }
}

/// Statements in a part of the log. Further lines of their texts begin without a time.
fn statements(log: &str) -> usize {
    log.lines().filter(|line| MARKS.iter().any(|mark| line.contains(mark))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_execution_counts_once() {
        let log = "2026-12-01 00:00:00.000 GMT [7] LOG:  execute s1: \n\tselect log.id\n\tfrom log\n\
                   2026-12-01 00:00:00.001 GMT [7] DETAIL:  parameters: $1 = 'LOG: x'\n\
                   2026-12-01 00:00:00.002 GMT [7] LOG:  statement: BEGIN\n\
                   2026-12-01 00:00:00.003 GMT [9] LOG:  checkpoint starting: time\n";
        assert_eq!(statements(log), 2);
    }
}
