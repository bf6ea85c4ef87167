//! Creates and drops the databases of a private server with PostgreSQL's own tools.

use std::ffi::OsString;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::programs::PostgresVersion;
use crate::{Credentials, Error, tool};

/// Dropping a database waits for a checkpoint, which may be slow on a slow disk.
const LIMIT: Duration = Duration::from_mins(1);

/// Creates and drops databases.
#[derive(Clone, Debug)]
pub struct PostgresAdmin {
    pub(super) version: PostgresVersion,
    pub(super) port: u16,
    pub(super) credentials: Credentials,
}

impl PostgresAdmin {
    /// Creates a database, empty or as a copy of another one without connections.
    ///
    /// # Errors
    /// It exists, or the server does not answer.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        let mut command = self.command("createdb");
        if let Some(template) = template {
            command.args(["--template", template]);
        }
        command.arg(name);
        tool::run(command, LIMIT).await.map(drop)
    }

    /// Creates a database unless it exists.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn ensure_database(&self, name: &str) -> Result<(), Error> {
        match self.create_database(name, None).await {
            Err(Error::Failed { output, .. }) if output.contains("already exists") => Ok(()),
            other => other,
        }
    }

    /// Drops a database if it exists, and closes its connections.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        let mut command = self.command("dropdb");
        command.args(["--if-exists", "--force", name]);
        tool::run(command, LIMIT).await.map(drop)
    }

    /// A command for one of PostgreSQL's own programs, such as `psql` or `pgbench`, that connects
    /// to this database as the superuser.
    pub fn client(&self, program: &str, database: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(self.version.bin.join(program));
        command
            .current_dir("/")
            .env_clear()
            .envs(self.environment())
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", &self.credentials.user)
            .env("PGPASSWORD", self.credentials.password.expose_secret())
            .env("PGDATABASE", database);
        command
    }

    /// The variables with which another program finds those of this server's version.
    pub fn search_variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![("PATH", self.version.bin.display().to_string())];
        if let Some(libraries) = &self.version.libraries {
            variables.push(("LD_LIBRARY_PATH", libraries.to_string_lossy().into_owned()));
        }
        variables
    }

    fn command(&self, program: &str) -> tokio::process::Command {
        let mut command = self.client(program, "postgres");
        command.args(["--maintenance-db", "postgres"]);
        command
    }

    /// The environment of the server's programs.
    pub(super) fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut variables = tool::clean_environment();
        if let Some(libraries) = &self.version.libraries {
            variables.push(("LD_LIBRARY_PATH".into(), libraries.clone()));
        }
        variables
    }
}
