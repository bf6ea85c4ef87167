//! A standby: a copy of a primary's data, which follows it until it is promoted.

use std::fs;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Identity, PostgresAdmin};
use crate::{Credentials, Error, tool};

/// The data of a test is small, but the disk may be slow.
const COPY_LIMIT: Duration = Duration::from_mins(2);
/// What the primary calls it.
const NAME: &str = "standby";

/// The primary that a standby follows.
#[derive(Clone, Debug)]
pub struct Followed {
    pub(super) port: u16,
    pub(super) credentials: Credentials,
}

impl Followed {
    /// The lines of `postgresql.conf`. Nothing needs quotes: a private server's superuser has a
    /// random password of letters and digits.
    pub(super) fn settings(&self) -> String {
        let Self { port, credentials: Credentials { user, password } } = self;
        let password = password.expose_secret();
        format!(
            "primary_conninfo = 'host=127.0.0.1 port={port} user={user} password={password} \
             application_name={NAME}'\n\
             # A promotion is seen, and a killed primary is noticed, within moments.\n\
             wal_retrieve_retry_interval = 500ms\n\
             wal_receiver_status_interval = 1s\n"
        )
    }
}

/// Copies the primary's data under a temporary name first, so that an interrupted attempt is not
/// taken for data.
pub(super) async fn copy_data(
    followed: &Followed,
    folder: &Path,
    data: &Path,
    identity: &Identity,
    admin: &PostgresAdmin,
) -> Result<(), Error> {
    let unfinished = folder.join("data.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::file("remove", &unfinished))?;
    }
    identity.give(folder)?;
    let mut command =
        tokio::process::Command::from(identity.command(&admin.version.bin.join("pg_basebackup")));
    command
        .arg("--pgdata")
        .arg(&unfinished)
        .args(["--host", "127.0.0.1", "--port", &followed.port.to_string()])
        .args(["--username", &followed.credentials.user, "--no-password"])
        .args(["--checkpoint", "fast", "--wal-method", "stream", "--no-sync"])
        .env_clear()
        .envs(admin.environment())
        .env("PGPASSWORD", followed.credentials.password.expose_secret());
    tool::run(command, COPY_LIMIT).await?;
    let signal = unfinished.join("standby.signal");
    fs::write(&signal, "").map_err(Error::file("write", &signal))?;
    fs::rename(&unfinished, data).map_err(Error::file("create", data))
}
