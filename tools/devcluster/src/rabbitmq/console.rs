//! Evaluates Erlang in a running server, like `rabbitmqctl eval`, but without starting a second
//! Erlang machine.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::home::Home;
use crate::{Error, tool};

const EVALUATION_LIMIT: Duration = Duration::from_secs(15);

/// Reaches the server with its own cookie. Serialised as JSON, another process of the same user can
/// use it too.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RabbitmqConsole {
    program: PathBuf,
    /// The server's Erlang node.
    node: String,
    environment: Vec<(OsString, OsString)>,
}

impl RabbitmqConsole {
    /// The console of the server with this node and this environment.
    pub(super) fn new(node: &str, environment: Vec<(OsString, OsString)>, home: &Home) -> Self {
        Self { program: home.erlang.join("erl_call"), node: node.to_owned(), environment }
    }

    /// Evaluates an Erlang expression, which ends with a full stop. Returns `{ok, …}` or `{error,
    /// …}`.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn evaluate(&self, expression: &str) -> Result<String, Error> {
        let mut command = self.call();
        command.arg("-e");
        tool::run_on(&format!("{expression}\n"), command, EVALUATION_LIMIT).await
    }

    /// A call into the server, without its expression.
    pub(super) fn call(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        // The server assigns the call a unique name. By default all calls have the same name, and a
        // server accepts one node per name at a time.
        command.env_clear().envs(self.environment.clone()).args(["-R", "-name", &self.node]);
        command
    }
}
