//! One service, kept running.

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

/// One that has run this long since its last end does not flicker.
const STEADY_RUN: Duration = Duration::from_secs(5);
/// A service that ran this long was all right: its next end is a new story.
const GOOD_RUN: Duration = Duration::from_mins(1);

/// What all services are started with.
#[derive(Clone, Debug)]
pub struct LaunchContext {
    /// Where their programs are.
    pub programs: PathBuf,
    /// Where they find the servers, and who they are there.
    pub environments: [(ServiceName, Vec<(&'static str, String)>); ServiceName::ALL.len()],
    /// Where they log.
    pub folder: LocalFolder,
    /// Which configuration they read, if it is not `./config.yaml`.
    pub config: Option<PathBuf>,
    /// Where those with a port listen.
    pub bind: std::net::IpAddr,
    /// Ends them if we are killed.
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
    /// What it is.
    pub plan: Plan,
    process: Option<ServiceProcess>,
    started: Instant,
    since: u64,
    /// Of its last process.
    log: Option<ServiceLog>,
    backoff: Backoff,
    next_start: Instant,
    /// How it ended last, as it was told.
    reported: Option<String>,
    /// Why it ended last, until it has run for a while.
    trouble: Option<String>,
}

impl Service {
    /// Not started yet.
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

    /// If it has ended: waits for its next start. Returns how it ended, unless it ends like
    /// this again and again.
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

    /// The exit code of its process, if it has ended and that was not told yet.
    pub fn ended_with(&mut self) -> Option<i32> {
        self.process.as_mut()?.process.ended()?.code()
    }

    /// It could not be started: the next attempt comes later.
    pub fn postpone(&mut self) {
        self.next_start = Instant::now() + self.backoff.next_pause();
    }

    /// How long until it should be started again; None if it runs.
    pub fn pause(&self) -> Option<Duration> {
        self.process.is_none().then(|| self.next_start.saturating_duration_since(Instant::now()))
    }

    /// Whether it has a process that lives.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|service| service.process.ended().is_none())
    }

    /// Whether it does its work.
    pub async fn is_ready(&mut self, launch_context: &LaunchContext) -> bool {
        match &mut self.process {
            Some(process) => process.is_ready(self.plan.ready, launch_context.bind).await,
            None => false,
        }
    }

    /// What it complained about last since its start: an error, or a panic.
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

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(service) = &mut self.process {
            service.process.kill();
        }
    }

    /// Why it ended last, unless it has been running for a while since.
    pub fn trouble(&self) -> Option<&str> {
        let is_over = self.process.is_some() && self.started.elapsed() > STEADY_RUN;
        self.trouble.as_deref().filter(|_| !is_over)
    }

    /// For the record. One that ends again and again is "restarting", also while
    /// it runs for a moment.
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

/// Where a service listens that binds to this address.
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
