//! Evaluates Erlang in a running server, like `rabbitmqctl eval`, but without starting a second
//! Erlang machine.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::home::Home;
use super::{NODE, Ports, settings};
use crate::{Error, tool};

const EVALUATION_LIMIT: Duration = Duration::from_secs(15);

/// Reaches the server with its own cookie. Serialised as JSON, another process of the same user can
/// use it too.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RabbitmqConsole {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    /// The folder of the expressions, which `erl_call` reads from files.
    folder: PathBuf,
}

impl RabbitmqConsole {
    /// The console of the server in `folder`, which RabbitMQ knows as `plain`.
    pub(super) fn new(folder: &Path, plain: &Path, home: &Home, ports: Ports) -> Self {
        Self {
            program: home.erlang.join("erl_call"),
            environment: settings::environment(plain, home, ports),
            folder: folder.to_owned(),
        }
    }

    /// Evaluates an Erlang expression, which ends with a full stop. Returns `{ok, …}` or `{error,
    /// …}`.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn evaluate(&self, expression: &str) -> Result<String, Error> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("expression-{}-{number}.erl", std::process::id()));
        fs::write(&path, format!("{expression}\n")).map_err(Error::file("write", &path))?;
        let script = fs::File::open(&path).map_err(Error::file("open", &path))?;
        // The open file can still be read.
        fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        let mut command = self.call();
        command.arg("-e");
        tool::run_on(script, command, EVALUATION_LIMIT).await
    }

    /// A call into the server, without its expression.
    pub(super) fn call(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        // The server assigns the call a unique name. By default all calls have the same name, and a
        // server accepts one node per name at a time.
        command.env_clear().envs(self.environment.clone()).args(["-R", "-name", NODE]);
        command
    }
}
