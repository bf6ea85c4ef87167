//! The command line of the order service (specification, "Flags").

use std::path::PathBuf;

use argh::FromArgs;
use domain::ServiceName;
use runtime::{Exit, arguments};

use crate::NAME;

/// Takes orders over HTTP (POST /orders), stores them in PostgreSQL and sends them to the
/// kitchen through RabbitMQ.
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// accepted for the wrapper's sake; must be order-service
    #[argh(option)]
    pub mode: Option<String>,
    /// HTTP port of the API (default 3000; 0 lets the system choose)
    #[argh(option, default = "ServiceName::Order.port().unwrap_or_default()")]
    pub port: u16,
    /// most orders in work at once, 1 to 10000 (default 50); further ones wait up
    /// to 2 s, then get 503
    #[argh(option, default = "50")]
    pub max_concurrent: usize,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    pub config: Option<PathBuf>,
    /// ask the service that runs on --port whether it is ready; exit code 0 if it is
    #[argh(switch)]
    pub healthcheck: bool,
}

impl Arguments {
    /// Reads and checks the arguments of this process.
    ///
    /// # Errors
    /// An answer to `--help`, or what is wrong.
    pub fn read() -> Result<Self, Exit> {
        let read: Self = arguments::parse(NAME)?;
        arguments::check_mode(read.mode.as_deref(), NAME)?;
        if !(1..=10_000).contains(&read.max_concurrent) {
            let given = read.max_concurrent;
            return Err(Exit::Usage(format!("{NAME}: --max-concurrent is {given} (allowed: 1 to 10000)")));
        }
        Ok(read)
    }
}
