//! The command line of the tracking service (specification, "Flags").

use std::path::PathBuf;

use argh::FromArgs;
use config::Config;
use domain::ServiceName;
use runtime::Exit;
use service::{CommonArguments, Process, Service};

use crate::service::{ServiceError, TrackingService};

/// Answers over HTTP which status orders have and which workers are online; only reads from
/// PostgreSQL.
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// accepted for the wrapper's sake; must be tracking-service
    #[argh(option)]
    mode: Option<String>,
    /// HTTP port of the API (default 3002; 0 lets the system choose)
    #[argh(option, default = "ServiceName::Tracking.port().unwrap_or_default()")]
    port: u16,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// ask the service that runs here whether it is ready: on admin.port if that is set, else on
    /// --port; exit code 0 if it is
    #[argh(switch)]
    healthcheck: bool,
}

impl Service for Arguments {
    const NAME: ServiceName = ServiceName::Tracking;
    /// The port.
    type Settings = u16;
    type Error = ServiceError;

    fn common(&self) -> CommonArguments {
        let Self { mode, config, healthcheck, .. } = self;
        CommonArguments { mode: mode.clone(), config: config.clone(), healthcheck: *healthcheck }
    }

    fn port(&self) -> Option<u16> {
        Some(self.port)
    }

    fn settings(self) -> Result<u16, Exit> {
        Ok(self.port)
    }

    async fn healthcheck(self, config: &Config) -> Result<(), Exit> {
        http_service::health::probe(&config.http, self.port).await.map_err(Exit::Failed)
    }

    async fn run(port: u16, process: Process) -> Result<(), ServiceError> {
        TrackingService::build(port, process)?.run().await
    }
}
