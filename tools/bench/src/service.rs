//! A service under test: an optimised program in its own process, as an operator would start it.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use devcluster::{ProcessGuard, Ready, ServiceProcess};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::error::Error;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);

/// A running service. Dropping it kills the process.
pub struct Service {
    name: String,
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
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time.
    pub async fn start(
        name: &str,
        mut command: Command,
        log: &Path,
        guard: &ProcessGuard,
        ready: Ready,
    ) -> Result<Self, Error> {
        command.current_dir("/");
        let running = ServiceProcess::start(command, log, guard).await?;
        let port = ready.port().unwrap_or(0);
        let mut service = Self { name: name.to_owned(), running, port, start_time: Duration::ZERO };
        while !service.running.is_ready(ready, Ipv4Addr::LOCALHOST.into()).await {
            if service.running.started.elapsed() > START_LIMIT || service.running.process.ended().is_some() {
                return Err(service.too_late("ready", START_LIMIT));
            }
            sleep(POLL).await;
        }
        service.start_time = service.running.started.elapsed();
        Ok(service)
    }

    /// The error for something that it did not do in time.
    pub fn too_late(&self, wanted: &'static str, limit: Duration) -> Error {
        let (service, log) = (self.name.clone(), self.running.log.path().to_owned());
        Error::TimedOut { service, wanted, seconds: limit.as_secs(), log }
    }

    /// The base of its URLs.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its current and its peak resident memory, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> Result<Memory, Error> {
        let path = PathBuf::from(format!("/proc/{}/status", self.pid()));
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let megabytes = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(rest.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1_024.0 / 1e6)
        };
        let both = megabytes("VmRSS:").zip(megabytes("VmHWM:"));
        both.map(|(now, peak)| Memory { now, peak })
            .ok_or(Error::Unreadable { program: "/proc", output: text })
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
