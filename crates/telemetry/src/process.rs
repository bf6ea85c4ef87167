//! What the system says of the process, under the names that all Prometheus clients use.

use std::fmt;
use std::fs;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::instrument::Instrument;

/// Seconds since 1970.
static STARTED: LazyLock<f64> = LazyLock::new(unix_time);

#[expect(clippy::disallowed_methods, reason = "tells when the process started, on its machine")]
fn unix_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The process has started.
pub fn note_start() {
    LazyLock::force(&STARTED);
}

/// A figure that the system knows.
pub trait Sample: Send + Sync + 'static {
    /// The type of the series.
    const KIND: MetricType = MetricType::Gauge;

    /// The figure now. `None`: this system does not say.
    fn now() -> Option<f64>;
}

/// Asks the system when somebody asks.
#[derive(Debug, Default)]
pub struct Sampled<S>(std::marker::PhantomData<fn() -> S>);

impl<S: Sample> Instrument for Sampled<S> {
    fn kind(&self) -> MetricType {
        S::KIND
    }

    fn labels(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        Vec::new()
    }

    fn is_known(&self) -> bool {
        S::now().is_some()
    }

    fn show(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Some(now) = S::now() else { return Ok(()) };
        if matches!(S::KIND, MetricType::Counter) {
            encoder.encode_counter::<NoLabelSet, f64, f64>(&now, None)
        } else {
            encoder.encode_gauge(&now)
        }
    }
}

/// Processor time.
#[derive(Debug, Default)]
pub struct CpuSeconds;

impl Sample for CpuSeconds {
    const KIND: MetricType = MetricType::Counter;

    fn now() -> Option<f64> {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let (seconds, nanoseconds) = (u32::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
        Some(f64::from(seconds) + f64::from(nanoseconds) / 1e9)
    }
}

/// Memory that is in use.
#[derive(Debug, Default)]
pub struct ResidentBytes;

impl Sample for ResidentBytes {
    fn now() -> Option<f64> {
        Some(status("VmRSS:")? * 1024.0)
    }
}

/// Address space.
#[derive(Debug, Default)]
pub struct VirtualBytes;

impl Sample for VirtualBytes {
    fn now() -> Option<f64> {
        Some(status("VmSize:")? * 1024.0)
    }
}

/// Threads.
#[derive(Debug, Default)]
pub struct Threads;

impl Sample for Threads {
    fn now() -> Option<f64> {
        status("Threads:")
    }
}

/// File descriptors.
#[derive(Debug, Default)]
pub struct OpenFiles;

impl Sample for OpenFiles {
    fn now() -> Option<f64> {
        let open = fs::read_dir("/proc/self/fd").ok()?.count();
        // One is that of the folder itself.
        Some(f64::from(u32::try_from(open.saturating_sub(1)).ok()?))
    }
}

/// The limit of file descriptors.
#[derive(Debug, Default)]
pub struct MostFiles;

impl Sample for MostFiles {
    fn now() -> Option<f64> {
        let limit = getrlimit(Resource::Nofile).current?;
        Some(f64::from(u32::try_from(limit).unwrap_or(u32::MAX)))
    }
}

/// The start of the process.
#[derive(Debug, Default)]
pub struct StartSeconds;

impl Sample for StartSeconds {
    fn now() -> Option<f64> {
        Some(*STARTED)
    }
}

/// The number in a line of `/proc/self/status` (`proc_pid_status(5)`). Sizes are in KiB.
fn status(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
