//! The command line of the notification subscriber (specification, "Flags").

use std::path::PathBuf;

use argh::FromArgs;
use bus::notifications::StartAt;
use runtime::{Exit, arguments};

use crate::NAME;

/// Shows every status change of every order. Any number of subscribers may run;
/// each sees everything.
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// accepted for the wrapper's sake; must be notification-subscriber
    #[argh(option)]
    pub mode: Option<String>,
    /// where to start: next (only new messages, the default), first (everything that is kept), or a
    /// time back such as 90s, 30m, 1h
    #[argh(option, default = "StartAt::Next")]
    pub from: StartAt,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    pub config: Option<PathBuf>,
    /// ask whether RabbitMQ can be reached with this configuration; exit code 0 if it can
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
