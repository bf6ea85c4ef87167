//! The command line of the order service (specification, "Flags").

use std::path::PathBuf;

use argh::FromArgs;
use config::Config;
use domain::ServiceName;
use runtime::Exit;
use service::{CommonArguments, Process, Service};

use crate::NAME;
use crate::service::{OrderService, ServiceError, Settings};

/// Takes orders over HTTP (POST /orders), stores them in PostgreSQL and sends them to the
/// kitchen through RabbitMQ.
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// accepted for the wrapper's sake; must be order-service
    #[argh(option)]
    mode: Option<String>,
    /// HTTP port of the API (default 3000; 0 lets the system choose)
    #[argh(option, default = "ServiceName::Order.port().unwrap_or_default()")]
    port: u16,
    /// most orders in work at once, 1 to 10000 (default 50); further ones wait up
    /// to 2 s, then get 503
    #[argh(option, default = "50")]
    max_concurrent: usize,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// ask the service that runs here whether it is ready: on admin.port if that is set, else on
    /// --port; exit code 0 if it is
    #[argh(switch)]
    healthcheck: bool,
}

impl Service for Arguments {
    const NAME: ServiceName = ServiceName::Order;
    type Settings = Settings;
    type Error = ServiceError;

    fn common(&self) -> CommonArguments {
        let Self { mode, config, healthcheck, .. } = self;
        CommonArguments { mode: mode.clone(), config: config.clone(), healthcheck: *healthcheck }
    }

    fn port(&self) -> Option<u16> {
        Some(self.port)
    }

    fn settings(self) -> Result<Settings, Exit> {
        if !(1..=10_000).contains(&self.max_concurrent) {
            let given = self.max_concurrent;
            return Err(Exit::Usage(format!("{NAME}: --max-concurrent is {given} (allowed: 1 to 10000)")));
        }
        Ok(Settings { port: self.port, max_concurrent: self.max_concurrent })
    }

    async fn healthcheck(self, config: &Config) -> Result<(), Exit> {
        let Settings { port, .. } = self.settings()?;
        http_service::health::probe(&config.http, port).await.map_err(Exit::Failed)
    }

    async fn run(settings: Settings, process: Process) -> Result<(), ServiceError> {
        Box::pin(OrderService::build(settings, process)?.run()).await
    }
}
