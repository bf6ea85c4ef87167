//! The command line of the notification subscriber (specification, "Flags").

use std::path::PathBuf;

use argh::FromArgs;
use bus::notifications::StartAt;
use config::Config;
use domain::ServiceName;
use runtime::Exit;
use service::{CommonArguments, Process, Service};

use crate::NAME;
use crate::service::Unread;

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
    /// ask the subscriber that runs here, on admin.port; if that is not set, ask whether RabbitMQ
    /// can be reached with this configuration; exit code 0 if so
    #[argh(switch)]
    pub healthcheck: bool,
}

impl Service for Arguments {
    const NAME: ServiceName = ServiceName::Notifier;
    type Settings = StartAt;
    type Error = Unread;

    fn common(&self) -> CommonArguments {
        let Self { mode, config, healthcheck, .. } = self;
        CommonArguments { mode: mode.clone(), config: config.clone(), healthcheck: *healthcheck }
    }

    fn settings(self) -> Result<StartAt, Exit> {
        Ok(self.from)
    }

    async fn healthcheck(self, config: &Config) -> Result<(), Exit> {
        let name = "notification-subscriber: health check";
        bus::check(&config.rabbitmq, name).await.map_err(|why| Exit::failed(NAME, &why))
    }

    async fn run(from: StartAt, process: Process) -> Result<(), Unread> {
        crate::service::run(from, process).await
    }
}
