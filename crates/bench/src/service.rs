//! A service under test: an optimised program in a process of its own, as an operator starts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use servers::http_client::{Request, send};
use servers::{Leash, LogFile, OwnedProcess};
use tokio::time::{Instant, sleep};

use crate::error::Error;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const PROBE_LIMIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);
/// Clock ticks of /proc, which are hundredths of a second on Linux.
const TICK: Duration = Duration::from_millis(10);

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

/// When a service counts as started.
#[derive(Clone, Copy, Debug)]
pub enum Ready {
    /// `/readyz` on this port says 200.
    Probed(u16),
    /// Its log has a line with both of these.
    Logged(&'static str, &'static str),
}

impl Service {
    /// Starts a program and waits until it is ready. Its log is written into a file, as a container's would be.
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
        Error::TooLate {
            service: self.name.clone(),
            wanted,
            seconds: limit.as_secs(),
            log: self.log.clone(),
        }
    }

    /// The base of its URLs.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it writes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> Result<u64, Error> {
        let path = PathBuf::from(format!("/proc/{}/status", self.process.pid()));
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let kibibytes = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = kibibytes.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kibibytes.unwrap_or(0) * 1_024)
    }

    /// Processor time used so far, of all its threads, in user and kernel mode.
    ///
    /// # Errors
    /// It has ended.
    pub fn processor_time(&self) -> Result<Duration, Error> {
        let path = PathBuf::from(format!("/proc/{}/stat", self.process.pid()));
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let ticks = ticks(&text).ok_or(Error::Unreadable { program: "/proc", output: text })?;
        Ok(TICK * ticks)
    }

    /// Ends it as an operator would.
    pub async fn stop(mut self) {
        self.process.stop(Signal::TERM, STOP_LIMIT).await;
    }
}

/// utime and stime of proc(5); the program's name before them may contain spaces and parentheses.
fn ticks(stat: &str) -> Option<u32> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_hostile_name() {
        let stat = "12 (a) R 9) S 7 12 12 0 -1 4194304 1 2 3 4 150 25 8 9 20 0";
        assert_eq!(ticks(stat), Some(175));
        assert_eq!(ticks("nonsense"), None);
    }
}
