//! Keeps one service running.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use devcluster::{Error, ProcessGuard, ServiceLog, ServiceProcess};
use domain::ServiceName;
use runtime::{Backoff, clock, reachable};
use rustix::process::Signal;

use crate::cluster::folder::LocalFolder;
use crate::cluster::plan::Plan;
use crate::cluster::record::Member;
use crate::view::entry::{Entry, harmless};

/// A service that has run for this long since its last end counts as steady.
const STEADY_RUN: Duration = Duration::from_secs(5);
/// After a run of this length, the next end is reported again.
const GOOD_RUN: Duration = Duration::from_mins(1);

/// What all services are started with.
#[derive(Clone, Debug)]
pub struct LaunchContext {
    /// The folder of the programs.
    pub programs: PathBuf,
    /// The environments: the servers, and the services' users on them.
    pub environments: [(ServiceName, Vec<(&'static str, String)>); ServiceName::ALL.len()],
    /// The folder of the logs.
    pub folder: LocalFolder,
    /// The configuration file, if it is not `./config.yaml`.
    pub config: Option<PathBuf>,
    /// The address that services with a port bind to.
    pub bind: std::net::IpAddr,
    /// Ends the services if this process is killed.
    pub guard: ProcessGuard,
}

impl LaunchContext {
    fn environment_of(&self, service: ServiceName) -> Vec<(&'static str, String)> {
        let environments = self.environments.iter().filter(|(whose, _)| *whose == service);
        environments.flat_map(|(_, variables)| variables.clone()).collect()
    }
}

/// A service and its process.
#[derive(Debug)]
pub struct Service {
    /// Its plan.
    pub plan: Plan,
    process: Option<ServiceProcess>,
    started: Instant,
    since: u64,
    /// The log of its last process.
    log: Option<ServiceLog>,
    backoff: Backoff,
    next_start: Instant,
    /// The last end, as it was reported.
    reported: Option<String>,
    /// The reason of the last end, until it has run for a while.
    trouble: Option<String>,
}

impl Service {
    /// A service that is not started yet.
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            process: None,
            started: Instant::now(),
            since: 0,
            log: None,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            next_start: Instant::now(),
            reported: None,
            trouble: None,
        }
    }

    /// Starts its process.
    ///
    /// # Errors
    /// Its program is missing, or its log cannot be written.
    pub async fn start(&mut self, launch_context: &LaunchContext) -> Result<(), Error> {
        let mut command = Command::new(launch_context.programs.join(self.plan.service.binary()));
        command.args(&self.plan.arguments).envs(launch_context.environment_of(self.plan.service));
        // One port cannot be the admin port of all of them.
        command.env("ADMIN_PORT", "0");
        if let Some(config) = &launch_context.config {
            command.arg("--config").arg(config);
        }
        let log = launch_context.folder.log(self.plan.name);
        let process = ServiceProcess::start(command, &log, &launch_context.guard).await?;
        self.started = process.started;
        self.log = Some(process.log.clone());
        self.process = Some(process);
        self.since = clock::unix_seconds();
        Ok(())
    }

    /// If the process has ended, schedules its next start. Returns how it ended, unless it keeps
    /// ending in the same way.
    pub fn note_end(&mut self) -> Option<String> {
        let status = self.process.as_mut()?.process.ended()?;
        self.process = None;
        if self.started.elapsed() > GOOD_RUN {
            self.backoff.reset();
            self.reported = None;
        }
        self.postpone();
        let words = self.last_error();
        self.trouble = Some(words.clone().unwrap_or_else(|| status.to_string()));
        let words = words.map(|words| format!(": {words}")).unwrap_or_default();
        let news = Some(format!("{} has ended ({status}){words}", self.plan.name));
        if self.reported == news {
            return None;
        }
        self.reported.clone_from(&news);
        news
    }

    /// The exit code, if the process has ended and that was not reported yet.
    pub fn ended_with(&mut self) -> Option<i32> {
        self.process.as_mut()?.process.ended()?.code()
    }

    /// Schedules the next attempt, after a failed start.
    pub fn postpone(&mut self) {
        self.next_start = Instant::now() + self.backoff.next_pause();
    }

    /// The time until its next start. `None` if it runs.
    pub fn pause(&self) -> Option<Duration> {
        self.process.is_none().then(|| self.next_start.saturating_duration_since(Instant::now()))
    }

    /// Whether it has a running process.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|service| service.process.ended().is_none())
    }

    /// Whether it is ready.
    pub async fn is_ready(&mut self, launch_context: &LaunchContext) -> bool {
        match &mut self.process {
            Some(process) => process.is_ready(self.plan.ready, launch_context.bind).await,
            None => false,
        }
    }

    /// The last error or panic in its log since its start.
    pub fn last_error(&self) -> Option<String> {
        let log = self.log.as_ref()?.text();
        let line = log.lines().rev().find(|line| !line.trim().is_empty())?;
        match Entry::parse(line) {
            Some(entry) => (entry.level == "ERROR").then(|| entry.text()),
            None => Some(line.to_owned()),
        }
    }

    /// Asks it to end.
    pub fn ask_to_end(&mut self) {
        if let Some(service) = &mut self.process {
            service.process.signal(Signal::TERM);
        }
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(service) = &mut self.process {
            service.process.kill();
        }
    }

    /// The reason of its last end, unless it has been running for a while since.
    pub fn trouble(&self) -> Option<&str> {
        let is_over = self.process.is_some() && self.started.elapsed() > STEADY_RUN;
        self.trouble.as_deref().filter(|_| !is_over)
    }

    /// The member for the record. A service that keeps ending is "restarting", even while it runs
    /// for a moment.
    pub fn member(&mut self, launch_context: &LaunchContext) -> Member {
        let trouble = self.trouble().map(harmless);
        let running = self.is_running();
        let shown = running && trouble.is_none();
        let state = match (&trouble, running) {
            (Some(_), _) => "restarting",
            (None, true) => "running",
            (None, false) => "ended",
        };
        Member {
            name: self.plan.name.to_owned(),
            pid: self.process.as_ref().filter(|_| shown).map(|service| service.process.pid()),
            state: state.to_owned(),
            address: self.plan.port().map(|port| url(launch_context.bind, port)),
            since: shown.then_some(self.since),
            trouble,
        }
    }
}

/// The URL of a service that binds to this address.
pub fn url(bind: std::net::IpAddr, port: u16) -> String {
    format!("http://{}", std::net::SocketAddr::new(reachable(bind), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_can_be_opened() {
        assert_eq!(url("0.0.0.0".parse().unwrap(), 3000), "http://127.0.0.1:3000");
        assert_eq!(url("::".parse().unwrap(), 3000), "http://[::1]:3000");
        assert_eq!(url("192.168.1.5".parse().unwrap(), 80), "http://192.168.1.5:80");
    }
}
