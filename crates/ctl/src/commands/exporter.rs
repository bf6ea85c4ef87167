//! `exporter`: the metrics of the whole system, for Prometheus.
//!
//! One process is enough. It looks at both servers from time to time, whether anybody asks or not:
//! a scrape costs the system nothing.

mod figures;
mod link;
mod looking;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use config::Config;
use db::{Access, Database};
use http_service::admin;
use http_service::health::{Check, Checks, Health};
use http_service::server;
use logging::{Log, action};
use runtime::exit::failed;
use runtime::signals::StopSignals;
use runtime::{Exit, Shutdown};
use telemetry::Program;
use telemetry::labels::Server;
use tokio::sync::watch;
use tokio::time::timeout;

use self::looking::{keep_audited, keep_database_fresh, keep_queues_fresh};

/// Its name in its log and in the answers of its probes.
const EXPORTER: &str = "restaurant-exporter";
/// Longest time to end the server. Requests that are under way then get no answer.
const STOP_DEADLINE: Duration = Duration::from_millis(500);

/// Shows the metrics of the whole system to Prometheus: orders, outbox, workers, queues, dead
/// letters, and what an audit finds. One of it is enough. It answers `/metrics`, `/livez` and
/// `/readyz` until it is stopped.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "exporter")]
pub struct Arguments {
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// TCP port to listen on, at the address `admin.bind` (default 9091)
    #[argh(option, default = "9091")]
    port: u16,
}

/// Which servers have been asked once. When both have, what is shown is true.
#[derive(Default)]
struct Looked {
    postgresql: AtomicBool,
    rabbitmq: AtomicBool,
}

impl Looked {
    fn note(&self, server: Server) {
        let looked = match server {
            Server::Postgresql => &self.postgresql,
            Server::Rabbitmq => &self.rabbitmq,
        };
        looked.store(true, Ordering::Relaxed);
    }

    fn is_done(&self) -> bool {
        [&self.postgresql, &self.rabbitmq].into_iter().all(|looked| looked.load(Ordering::Relaxed))
    }
}

impl Health for Looked {
    fn checks(&self) -> Checks<'_> {
        Box::pin(async { vec![Check::needed("running", self.is_done())] })
    }
}

/// Runs the command until a signal ends it.
pub async fn run(arguments: Arguments, signals: &StopSignals) -> Result<(), Exit> {
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(why.to_string()))?;
    let level = config.log.level.parse().map_err(Exit::Config)?;
    let db = Database::new(&config.database, EXPORTER, Access::ReadPrimary).map_err(|why| failed(&why))?;
    let listener =
        server::listen_for_exporter(config.admin.bind, arguments.port).map_err(|why| failed(&why))?;
    let address = listener.local_addr().map_err(|why| failed(&why))?;
    let shutdown = signals.shutdown();
    let (log, _flush) = logging::start(EXPORTER, level);
    telemetry::note_start();
    let looked = Arc::new(Looked::default());
    let health: Arc<dyn Health> = Arc::<Looked>::clone(&looked);
    let (handle, serving) = server::start_for_admin(listener, &log, move |app| {
        admin::routes(app, EXPORTER, &health, Program::Exporter);
    })
    .map_err(|why| failed(&why))?;
    log.info(action::ADMIN_STARTED, format!("The exporter answers on {address}"))
        .detail("address", address.ip().to_string())
        .detail("port", address.port())
        .emit();
    let (is_up, database_is_up) = watch::channel(false);
    let looking = async {
        let database = Box::pin(keep_database_fresh(&db, &is_up, &looked, &log));
        let queues = Box::pin(keep_queues_fresh(&config, &looked, &log));
        let audited = Box::pin(keep_audited(&db, database_is_up, &log));
        tokio::join!(database, queues, audited);
    };
    let mut serving = pin!(serving);
    tokio::select! {
        ended = serving.as_mut() => return Err(ended_unasked(ended)),
        () = until_stopped(&shutdown, &log) => {}
        () = looking => {}
        never = tls::watch_client_files(&log) => match never {},
    }
    let stopping = async { tokio::join!(handle.stop(false), serving) };
    let _ = timeout(STOP_DEADLINE, stopping).await;
    Ok(())
}

async fn until_stopped(shutdown: &Shutdown, log: &Log) {
    shutdown.begun().await;
    log.info(action::GRACEFUL_SHUTDOWN, "The exporter stops").emit();
}

fn ended_unasked(ended: std::io::Result<()>) -> Exit {
    match ended {
        Err(why) => failed(&why),
        Ok(()) => Exit::Failed("the HTTP server ended unasked".to_owned()),
    }
}
