//! From the command line to the exit code: arguments, configuration, log, shutdown, the service's
//! own work, and its end.

use std::convert::Infallible;
use std::error::Error;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use argh::FromArgs;
use config::Config;
use domain::ServiceName;
use http_service::health;
use logging::{Action, Log, action};
use runtime::{Exit, Shutdown, arguments};
use telemetry::Build;

use crate::admin::{self, Admin, AdminError, Probes};
use crate::certificates;
use crate::traces::Traces;

/// A service: its command line, and what it does then.
pub trait Service: FromArgs {
    /// Which one it is.
    const NAME: ServiceName;
    /// What it needs to run, from a command line that was checked.
    type Settings;
    /// Why it ends before it is asked to.
    type Error: Failure;

    /// The arguments that all services have.
    fn common(&self) -> CommonArguments;

    /// The port on which it answers its own clients, if it does; 0: the system chooses.
    fn port(&self) -> Option<u16> {
        None
    }

    /// What it needs to run.
    ///
    /// # Errors
    /// [`Exit::Usage`]: an argument is missing, or does not fit the others.
    fn settings(self) -> Result<Self::Settings, Exit>;

    /// Whether `--healthcheck` asks the admin listener, where there is one.
    fn is_asked_by_its_admin_port(&self) -> bool {
        true
    }

    /// `--healthcheck` where no admin listener is asked.
    ///
    /// # Errors
    /// It is not well; the text says why.
    fn healthcheck(self, config: &Config) -> impl Future<Output = Result<(), Exit>>;

    /// Works until the shutdown begins, and then stops within its grace.
    ///
    /// # Errors
    /// Why it cannot work, or ended early.
    fn run(settings: Self::Settings, process: Process) -> impl Future<Output = Result<(), Self::Error>>;
}

/// The arguments that all services have.
#[derive(Clone, Debug)]
pub struct CommonArguments {
    /// `--mode`: the service itself, for those who call it like the wrapper.
    pub mode: Option<String>,
    /// `--config`: the configuration file.
    pub config: Option<PathBuf>,
    /// `--healthcheck`: ask a service that runs, instead of running.
    pub healthcheck: bool,
}

/// Why a service ended.
pub trait Failure: Error + 'static {
    /// The action under which the end is logged.
    fn action(&self) -> Action {
        action::SERVICE_FAILED
    }
}

impl Failure for AdminError {}

/// What a service works with.
#[derive(Clone)]
pub struct Process {
    /// The configuration.
    pub config: Config,
    /// The log.
    pub log: Log,
    /// Begins with the first signal that asks to stop.
    pub shutdown: Shutdown,
    /// Whom the admin listener asks.
    pub probes: Probes,
}

/// Runs a service. It is the whole `main` of its binary.
///
/// One thread is enough: a service waits more than it works, and its HTTP server has threads of its
/// own. Several would wake each other, which costs more.
pub fn main<S: Service>() -> ExitCode {
    tls::install_provider();
    Build { version: build_info::VERSION, revision: build_info::REVISION }.note();
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Exit::failed(S::NAME.binary(), &why))
        .and_then(|runtime| {
            let ended = runtime.block_on(run::<S>());
            // The thread that looks up a name would be waited for, as long as no server answers it.
            runtime.shutdown_background();
            ended
        });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn run<S: Service>() -> Result<(), Exit> {
    let name = S::NAME.binary();
    let read: S = arguments::parse(name)?;
    let CommonArguments { mode, config: path, healthcheck } = read.common();
    arguments::check_mode(mode.as_deref(), name)?;
    let load = || Config::load(path).map_err(|why| Exit::Config(format!("{name}: {why}")));
    if healthcheck {
        let config = load()?;
        return match config.admin.port {
            port if port > 0 && read.is_asked_by_its_admin_port() => {
                health::probe_admin(&config.admin).await.map_err(Exit::Failed)
            }
            _ => read.healthcheck(&config).await,
        };
    }
    let port = read.port();
    let settings = read.settings()?;
    let config = load()?;
    let mistaken = |why: String| Exit::Config(format!("{name}: {why}"));
    admin::check_port(&config, port).map_err(mistaken)?;
    certificates::read(S::NAME, port.is_some(), &config).map_err(|why| mistaken(why.to_string()))?;
    let level = config.log.level.parse().map_err(Exit::Config)?;
    let shutdown =
        Shutdown::on_signals(config.shutdown.grace_seconds).map_err(|why| Exit::failed(name, &why))?;
    let (log, _flush) = logging::start(name, level);
    telemetry::note_start();
    certificates::tell_of_invalid(S::NAME, &config, &log);
    let traces = Traces::start(S::NAME, &config, &log);
    let probes = Probes::default();
    let mut admin =
        Admin::start(S::NAME, &config.admin, probes.clone(), &log).map_err(|why| logged(&log, &why))?;
    let process = Process { config, log: log.clone(), shutdown: shutdown.clone(), probes: probes.clone() };
    let outcome = {
        let mut running = pin!(S::run(settings, process));
        let stopping = async {
            shutdown.begun().await;
            probes.forget();
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            never = stopping => match never {},
            never = tls::watch_client_files(&log) => match never {},
            outcome = &mut running => outcome.map_err(|why| logged(&log, &why)),
            why = admin.ended() => {
                let failed = logged(&log, &why);
                shutdown.begin();
                probes.forget();
                running.await.map_err(|why| logged(&log, &why)).and(Err(failed))
            }
        }
    };
    admin.stop().await;
    traces.stop().await;
    outcome
}

fn logged(log: &Log, why: &dyn Failure) -> Exit {
    log.error(why.action(), why.to_string(), why).emit();
    Exit::Logged
}
