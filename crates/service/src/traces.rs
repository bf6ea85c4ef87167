//! Sends the spans that have ended to a collector. It is one task, which the process ends.

mod collector;

use std::time::Duration;

use config::{Config, TracesSampler};
use domain::ServiceName;
use logging::{Log, action};
use runtime::{Backoff, Shutdown};
use telemetry::traces::{self, Batch, Finished, Root, Sampling};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use self::collector::Collector;

/// Longest time to send a batch. Spans end meanwhile, and wait in their queue or are dropped.
const EXPORT_DEADLINE: Duration = Duration::from_secs(10);
/// Longest time to send what is left when the process ends.
const STOP_DEADLINE: Duration = Duration::from_millis(500);
/// Longest pause after a batch that could not be sent.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The task of a process that records traces, if it does.
pub(crate) struct Traces {
    stop: Shutdown,
    task: Option<JoinHandle<()>>,
}

impl Traces {
    /// Begins to record as the settings say, and to send.
    pub(crate) fn start(service: ServiceName, config: &Config, log: &Log) -> Self {
        let settings = &config.telemetry;
        let collector = Collector::of(settings);
        let finished = traces::start(traces::Settings {
            service: service.binary(),
            sampling: collector.as_ref().map(|_| sampling(settings)),
            trusts_callers: settings.trust_incoming,
            database: config.database.database.clone(),
        });
        let stop = Shutdown::new();
        let task = collector.zip(finished).map(|(collector, finished)| {
            log.info(action::TRACES_STARTED, format!("Traces are sent to {collector}"))
                .detail("sampler", settings.traces_sampler.to_string())
                .detail("sampler_arg", settings.traces_sampler_arg)
                .emit();
            let exporter = Exporter { collector, log: log.clone(), outage: None, backoff: backoff() };
            tokio::spawn(exporter.run(finished, stop.clone()))
        });
        Self { stop, task }
    }

    /// Sends what has ended by now, if that is quickly done, and ends the task.
    pub(crate) async fn stop(self) {
        let Self { stop, task } = self;
        let Some(mut task) = task else { return };
        stop.begin();
        if timeout(STOP_DEADLINE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(500), MAX_PAUSE)
}

fn sampling(settings: &config::Telemetry) -> Sampling {
    use TracesSampler::{AlwaysOff, AlwaysOn, ParentOrOff, ParentOrOn, ParentOrRatio, Ratio};
    Sampling {
        follows_parent: matches!(settings.traces_sampler, ParentOrOn | ParentOrOff | ParentOrRatio),
        root: match settings.traces_sampler {
            AlwaysOn | ParentOrOn => Root::All,
            AlwaysOff | ParentOrOff => Root::None,
            Ratio | ParentOrRatio => Root::Ratio(settings.traces_sampler_arg),
        },
    }
}

struct Exporter {
    collector: Collector,
    log: Log,
    /// Since when nothing was sent, and how many spans were lost by that.
    outage: Option<(Instant, u64)>,
    backoff: Backoff,
}

impl Exporter {
    async fn run(mut self, mut finished: Finished, stop: Shutdown) {
        while let Some(batch) = stop.or(finished.next()).await {
            if let Some(pause) = self.export(batch).await {
                // Meanwhile spans wait in their queue, and those that do not fit in are dropped.
                stop.or(sleep(pause)).await;
            }
        }
        while let Some(batch) = finished.rest() {
            if self.export(batch).await.is_some() {
                return;
            }
        }
    }

    /// Sends a batch. It is not sent again: what a collector that is away misses is not worth the
    /// memory. Returns how long to leave it in peace after a failure.
    async fn export(&mut self, batch: Batch) -> Option<Duration> {
        let sent = timeout(EXPORT_DEADLINE, self.collector.send(&batch.body)).await;
        match sent.unwrap_or(Err(collector::SendError::Timeout(EXPORT_DEADLINE))) {
            Ok(rejected) => {
                batch.exported(rejected);
                self.backoff.reset();
                if let Some((since, lost)) = self.outage.take() {
                    let message = format!("The collector takes traces again; {lost} spans were lost");
                    self.log.info(action::TRACES_RESUMED, message).took(since.elapsed()).emit();
                }
                None
            }
            Err(why) => {
                let failed = self.backoff.failed();
                if self.outage.is_none() {
                    let collector = &self.collector;
                    let message = format!(
                        "Traces could not be sent to {collector}, and are dropped until it takes them. Look at that \
                         collector, and at telemetry.otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT)"
                    );
                    failed.describe(self.log.error(action::TRACES_NOT_SENT, message, &why)).emit();
                }
                let (_, lost) = self.outage.get_or_insert((Instant::now(), 0));
                *lost += batch.spans();
                Some(failed.pause())
            }
        }
    }
}
