//! A service under test: an optimised program in its own process, as an operator would start it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use devcluster::{ProcessGuard, Ready, ServiceProcess};
use rustix::process::Signal;
use tokio::time::sleep;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);

/// A running service. Dropping it kills the process.
pub struct Service {
    running: ServiceProcess,
    /// The port of its HTTP interface on 127.0.0.1; 0 without one.
    pub port: u16,
    /// The time from the start of the process until it was ready.
    pub start_time: Duration,
}

/// Resident memory in megabytes (10^6 bytes).
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The current value.
    pub now: f64,
    /// The peak.
    pub peak: f64,
}

impl Service {
    /// Starts a program, and waits until it is ready. Its log goes to a file, like a container's.
    pub async fn start(
        name: &str,
        command: Command,
        log: &Path,
        guard: &ProcessGuard,
        ready: Ready,
    ) -> Result<Self> {
        let mut running = ServiceProcess::start(command, log, guard).await?;
        while !running.is_ready(ready, Ipv4Addr::LOCALHOST.into()).await {
            ensure!(
                running.started.elapsed() < START_LIMIT && running.process.ended().is_none(),
                "{name} was not ready within {} s; its log is '{}'",
                START_LIMIT.as_secs(),
                log.display()
            );
            sleep(POLL).await;
        }
        let start_time = running.started.elapsed();
        Ok(Self { running, port: ready.port().unwrap_or(0), start_time })
    }

    /// The base of its URLs.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its current and its peak resident memory.
    pub fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/status", self.pid());
        let text = fs_err::read_to_string(&path)?;
        let megabytes = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(rest.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1_024.0 / 1e6)
        };
        let both = megabytes("VmRSS:").zip(megabytes("VmHWM:"));
        both.map(|(now, peak)| Memory { now, peak }).with_context(|| format!("{path} has no memory: {text}"))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.process.pid()
    }

    /// Stops it as an operator would.
    pub async fn stop(mut self) {
        self.running.process.stop(Signal::TERM, STOP_LIMIT).await;
    }
}
