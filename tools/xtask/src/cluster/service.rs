//! Keeps one service running.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use devcluster::{Error, ProcessGuard, ServiceProcess};
use runtime::{Backoff, Console, clock, reachable, with_causes};
use rustix::process::Signal;

use crate::cluster::environment::Environment;
use crate::cluster::folder;
use crate::cluster::limits;
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
    /// The configuration file, if it is not `./config.yaml`.
    pub config: Option<PathBuf>,
    /// The address that services with a port bind to.
    pub bind: IpAddr,
    /// Ends the services if this process is killed.
    pub guard: ProcessGuard,
    /// The console for reports.
    pub console: Console,
}

/// A service and its process.
#[derive(Debug)]
pub struct Service {
    /// Its plan.
    pub plan: Plan,
    context: LaunchContext,
    /// The servers, and the service's users on them.
    environment: Environment,
    /// The cgroup that it runs in, if there is one.
    group: Option<PathBuf>,
    /// Its last process.
    process: Option<ServiceProcess>,
    since: u64,
    /// The time of the next start, while no process runs.
    next_start: Option<Instant>,
    backoff: Backoff,
    /// Whether it was reported that it is ready.
    pub is_announced: bool,
    /// The last end, as it was reported.
    reported: Option<String>,
    /// The reason of the last end, until it has run for a while.
    trouble: Option<String>,
}

impl Service {
    /// A service that is not started yet.
    pub fn new(plan: Plan, environment: Environment, group: Option<PathBuf>, context: LaunchContext) -> Self {
        Self {
            plan,
            context,
            environment,
            group,
            process: None,
            since: 0,
            next_start: Some(Instant::now()),
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            is_announced: false,
            reported: None,
            trouble: None,
        }
    }

    /// Reports that its process has ended, and starts the next one after a pause.
    pub async fn watch(&mut self) {
        let (name, console) = (self.plan.name, self.context.console);
        if let Some(news) = self.note_end() {
            console.warn(&format!("{news}; starting it again until it stays"));
        }
        if self.next_start.is_some_and(|time| time <= Instant::now())
            && let Err(why) = self.start().await
        {
            self.postpone();
            console.warn(&format!("{name} cannot be started: {}", with_causes(&why)));
        }
    }

    async fn start(&mut self) -> Result<(), Error> {
        let context = &self.context;
        let program = context.programs.join(self.plan.service.binary());
        let mut command = limits::command_in(self.group.as_deref(), &program);
        command.args(&self.plan.arguments);
        self.environment.give_to(&mut command);
        // One port cannot be the admin port of all of them. Prometheus asks on this machine.
        command.env("ADMIN_PORT", self.plan.admin_port.to_string()).env("ADMIN_BIND", "127.0.0.1");
        if let Some(config) = &context.config {
            command.arg("--config").arg(config);
        }
        self.process = Some(ServiceProcess::start(command, &self.log(), &context.guard).await?);
        self.since = clock::unix_seconds();
        self.next_start = None;
        Ok(())
    }

    /// If the process has ended, schedules its next start. Returns how it ended, unless it keeps
    /// ending in the same way.
    fn note_end(&mut self) -> Option<String> {
        let status = self.new_end()?;
        if self.has_run_for(GOOD_RUN) {
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

    /// How the process has ended, if that was not noted yet.
    pub fn new_end(&mut self) -> Option<ExitStatus> {
        if self.next_start.is_some() { None } else { self.process.as_mut()?.process.ended() }
    }

    /// Schedules the next attempt.
    fn postpone(&mut self) {
        self.next_start = Some(Instant::now() + self.backoff.next_pause());
    }

    fn has_run_for(&self, span: Duration) -> bool {
        self.process.as_ref().is_some_and(|service| service.started.elapsed() > span)
    }

    /// Whether it has a running process.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|service| service.process.ended().is_none())
    }

    /// Whether it is ready.
    pub async fn is_ready(&mut self) -> bool {
        match &mut self.process {
            Some(process) => process.is_ready(self.plan.ready, self.context.bind).await,
            None => false,
        }
    }

    /// Its URL, if it listens on a port.
    pub fn url(&self) -> Option<String> {
        self.plan.ready.port().map(|port| url(self.context.bind, port))
    }

    /// The path of its log.
    pub fn log(&self) -> PathBuf {
        folder::log(self.plan.name)
    }

    /// The last error or panic in its log since its start.
    pub fn last_error(&self) -> Option<String> {
        let log = self.process.as_ref()?.log.text();
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
        let is_over = self.next_start.is_none() && self.has_run_for(STEADY_RUN);
        self.trouble.as_deref().filter(|_| !is_over)
    }

    /// The member for the record. A service that keeps ending is "restarting", even while it runs
    /// for a moment.
    pub fn member(&mut self) -> Member {
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
            address: self.url(),
            since: shown.then_some(self.since),
            trouble,
        }
    }
}

/// The URL of a service that binds to this address.
pub fn url(bind: IpAddr, port: u16) -> String {
    format!("http://{}", SocketAddr::new(reachable(bind), port))
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
