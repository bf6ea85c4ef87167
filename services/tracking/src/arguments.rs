//! The command line of the tracking service (specification, "Flags").

use std::path::PathBuf;

use argh::FromArgs;
use domain::ServiceName;
use runtime::{Exit, arguments};

use crate::NAME;

/// Answers over HTTP which status orders have and which workers are online; only reads from
/// PostgreSQL.
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// accepted for the wrapper's sake; must be tracking-service
    #[argh(option)]
    pub mode: Option<String>,
    /// HTTP port of the API (default 3002; 0 lets the system choose)
    #[argh(option, default = "ServiceName::Tracking.port().unwrap_or_default()")]
    pub port: u16,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    pub config: Option<PathBuf>,
    /// ask the service that runs on --port whether it is ready; exit code 0 if it is
    #[argh(switch)]
    pub healthcheck: bool,
}

impl Arguments {
    /// Parses and checks the arguments of this process.
    ///
    /// # Errors
    /// The output of `--help`, or a usage error.
    pub fn read() -> Result<Self, Exit> {
        let read: Self = arguments::parse(NAME)?;
        arguments::check_mode(read.mode.as_deref(), NAME)?;
        Ok(read)
    }
}
