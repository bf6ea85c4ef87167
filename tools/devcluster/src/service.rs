//! A service process, started as an operator would start it. Its log goes into a file.

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use runtime::http_client::{Request, send_to};
use runtime::reachable;
use rustix::process::Signal;
use serde::Deserialize;

use crate::log_file::{Log, LogFile};
use crate::process::OwnedProcess;
use crate::{Error, ProcessGuard};

/// A probe that takes longer counts as unanswered.
const PROBE_LIMIT: Duration = Duration::from_secs(3);

/// How the readiness of a service is detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// `/readyz` on its port answers 200.
    OnPort(u16),
    /// Its log has a line of this action whose message contains this text.
    Logged(&'static str, &'static str),
}

impl Ready {
    /// Its port, if it listens on one.
    pub fn port(self) -> Option<u16> {
        match self {
            Self::OnPort(port) => Some(port),
            Self::Logged(..) => None,
        }
    }
}

/// A service process that ends with its owner.
#[derive(Debug)]
pub struct ServiceProcess {
    /// The process. Dropping it kills the service.
    pub process: OwnedProcess,
    /// When it was started.
    pub started: Instant,
    /// Its log.
    pub log: Log,
}

#[derive(Deserialize)]
struct Line {
    action: String,
    message: String,
}

impl ServiceProcess {
    /// Starts the service. Its output is appended to the file `log`.
    ///
    /// # Errors
    /// Its program is missing, or its log cannot be written.
    pub async fn start(command: Command, log: &Path, guard: &ProcessGuard) -> Result<Self, Error> {
        let file = LogFile::claim(log).await?;
        let started = Instant::now();
        let process = OwnedProcess::spawn(command, &file, Some(guard), Signal::TERM)?;
        Ok(Self { process, started, log: file.log })
    }

    /// Whether the process runs and is ready. A service with a port is probed where it listens if
    /// it binds to `bind`.
    pub async fn is_ready(&mut self, ready: Ready, bind: IpAddr) -> bool {
        if self.process.ended().is_some() {
            return false;
        }
        match ready {
            Ready::OnPort(port) => {
                let address = (reachable(bind), port).into();
                let answer = send_to(address, &Request::get("/readyz"), PROBE_LIMIT).await;
                answer.is_ok_and(|answer| answer.status == 200)
            }
            Ready::Logged(action, part) => self.log.text().lines().any(|line| {
                serde_json::from_str::<Line>(line)
                    .is_ok_and(|line| line.action == action && line.message.contains(part))
            }),
        }
    }
}
