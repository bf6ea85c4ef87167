//! A service under test: an optimised program in a process of its own, as an operator starts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use devcluster::{Leash, LogFile, OwnedProcess};
use runtime::http_client::{Request, send};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use crate::error::Error;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const PROBE_LIMIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

/// A running service. Dropped, it is killed.
pub struct Service {
    name: String,
    process: OwnedProcess,
    log: PathBuf,
    /// Port of its HTTP interface on 127.0.0.1; 0 if it has none.
    pub port: u16,
    /// From the start of the process until it was ready.
    pub start_time: Duration,
}

/// Resident memory in megabytes (10^6 bytes).
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Now.
    pub now: f64,
    /// The most that it had so far.
    pub peak: f64,
}

/// When a service counts as started.
#[derive(Clone, Copy, Debug)]
pub enum Ready {
    /// `/readyz` on this port says 200.
    Probed(u16),
    /// Its log has a line with both of these.
    Logged(&'static str, &'static str),
}

impl Service {
    /// Starts a program and waits until it is ready. Its log is written into a file, as a
    /// container's would be.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time.
    pub async fn start(
        name: &str,
        mut command: Command,
        log: &Path,
        leash: &Leash,
        ready: Ready,
    ) -> Result<Self, Error> {
        let file = LogFile::claim(log).await?;
        command.current_dir("/");
        let start = Instant::now();
        let process = OwnedProcess::spawn(command, &file, Some(leash), Signal::TERM)?;
        let port = match ready {
            Ready::Probed(port) => port,
            Ready::Logged(..) => 0,
        };
        let mut service =
            Self { name: name.to_owned(), process, log: log.to_owned(), port, start_time: Duration::ZERO };
        while !service.is_ready(ready).await {
            if start.elapsed() > START_LIMIT || service.process.ended().is_some() {
                return Err(service.too_late("ready", START_LIMIT));
            }
            sleep(POLL).await;
        }
        service.start_time = start.elapsed();
        Ok(service)
    }

    async fn is_ready(&self, ready: Ready) -> bool {
        match ready {
            Ready::Probed(port) => {
                let answer = send(port, &Request::get("/readyz"), PROBE_LIMIT).await;
                answer.is_ok_and(|answer| answer.status == 200)
            }
            Ready::Logged(action, part) => fs::read_to_string(&self.log)
                .is_ok_and(|text| text.lines().any(|line| line.contains(action) && line.contains(part))),
        }
    }

    /// The error for something that it did not do in time.
    pub fn too_late(&self, wanted: &'static str, limit: Duration) -> Error {
        Error::TooLate { service: self.name.clone(), wanted, seconds: limit.as_secs(), log: self.log.clone() }
    }

    /// The base of its URLs.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Resident memory in bytes, now and at most so far.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> Result<Memory, Error> {
        let path = PathBuf::from(format!("/proc/{}/status", self.process.pid()));
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let megabytes = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(rest.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1_024.0 / 1e6)
        };
        let both = megabytes("VmRSS:").zip(megabytes("VmHWM:"));
        both.map(|(now, peak)| Memory { now, peak })
            .ok_or(Error::Unreadable { program: "/proc", output: text })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends it as an operator would.
    pub async fn stop(mut self) {
        self.process.stop(Signal::TERM, STOP_LIMIT).await;
    }
}
