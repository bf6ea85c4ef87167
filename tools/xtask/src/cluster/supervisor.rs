//! Keeps the cluster running.

use std::time::Duration;

use devcluster::{PortClaim, ProcessGuard};
use runtime::Console;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::cluster::docker::Compose;
use crate::cluster::folder;
use crate::cluster::menu;
use crate::cluster::observation::Observation;
use crate::cluster::production::Production;
use crate::cluster::record::{Phase, Record};
use crate::cluster::servers::Servers;
use crate::cluster::service::Service;
use crate::cluster::signals::Signals;
use crate::view::summary;

pub(super) const TICK: Duration = Duration::from_millis(100);

/// How a cluster is to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether the services' logs are shown.
    pub shows_logs: bool,
    /// Whether a Prometheus watches the services.
    pub observe: bool,
    /// Whether everything is as in containers.
    pub like_production: bool,
}

/// Owns everything that runs. Dropping it ends all of it.
#[derive(Debug)]
pub struct Supervisor {
    pub(super) console: Console,
    /// The services. They are dropped before the servers.
    pub(super) services: Vec<Service>,
    /// What watches them, if something does.
    pub(super) observation: Option<Observation>,
    pub(super) servers: Option<Servers>,
    /// What is set for the services, unless the user has.
    pub(super) variables: Vec<(&'static str, String)>,
    /// The servers' containers, if Docker runs any for us.
    pub(super) containers: Option<Compose>,
    pub(super) guard: ProcessGuard,
    /// The claims on our services' ports.
    pub(super) ports: Vec<PortClaim>,
    pub(super) options: Options,
    /// What everything is started with, if it shall be as in containers. It is dropped after the
    /// services.
    pub(super) production: Option<Production>,
    pub(super) stream: Option<JoinHandle<()>>,
    /// Workers that others started, once the end has begun.
    pub(super) others: Vec<String>,
    phase: Phase,
    written: Option<Record>,
    is_unwritable: bool,
}

impl Supervisor {
    /// A supervisor without running processes.
    ///
    /// # Errors
    /// The process guard cannot be started.
    pub fn new(console: Console, options: Options) -> std::io::Result<Self> {
        Ok(Self {
            console,
            services: Vec::new(),
            observation: None,
            servers: None,
            variables: Vec::new(),
            containers: None,
            guard: ProcessGuard::new()?,
            ports: Vec::new(),
            options,
            production: None,
            stream: None,
            others: Vec::new(),
            phase: Phase::Opening,
            written: None,
            is_unwritable: false,
        })
    }

    /// Prints the addresses and an order to copy, once the cluster is up.
    pub async fn show_summary(&mut self, took: Duration) {
        let Some(record) = self.record() else { return };
        let order = menu::sample_order(&record.order_url).await;
        if let Some(servers) = &self.servers {
            summary::show(self.console, &record, &servers.rabbitmq.endpoint.user, order.as_deref(), took);
        }
    }

    /// Restarts every process that ends, until a signal asks for the end or the terminal is gone.
    pub async fn supervise(&mut self, signals: &mut Signals) {
        let console = self.console;
        tokio::select! {
            () = signals.first() => {}
            () = console.until_unseen() => {}
            () = async { loop { self.watch_once().await } } => {}
        }
    }

    async fn watch_once(&mut self) {
        sleep(TICK).await;
        if let Some(servers) = &mut self.servers {
            servers.revive(self.console).await;
        }
        self.watch_services().await;
        if let Some(observation) = &mut self.observation {
            observation.revive(self.console).await;
        }
        self.keep_record();
    }

    /// Reports services that have ended, and restarts those whose pause is over.
    pub(super) async fn watch_services(&mut self) {
        for service in &mut self.services {
            service.watch().await;
        }
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.keep_record();
    }

    fn record(&mut self) -> Option<Record> {
        let servers = self.servers.as_mut()?;
        let urls: Vec<String> = self.services.iter().filter_map(Service::url).collect();
        let mut urls = urls.into_iter();
        let members = self.services.iter_mut().map(Service::member);
        let prometheus_url = self.observation.as_ref().and_then(Observation::url);
        let watching = self.observation.as_mut().map(Observation::members);
        Some(Record {
            supervisor: std::process::id(),
            phase: self.phase,
            members: servers
                .members()
                .into_iter()
                .chain(members)
                .chain(watching.into_iter().flatten())
                .collect(),
            order_url: urls.next().unwrap_or_default(),
            tracking_url: urls.next().unwrap_or_default(),
            management_url: servers.rabbitmq.management_url.clone(),
            others: self.others.clone(),
            prometheus_url,
            like_production: self.options.like_production,
        })
    }

    /// Writes the record, if it has changed.
    pub(super) fn keep_record(&mut self) {
        let record = self.record();
        if record == self.written {
            return;
        }
        let Some(outcome) = record.as_ref().map(|record| record.write(folder::RECORD)) else { return };
        let was_unwritable = std::mem::replace(&mut self.is_unwritable, outcome.is_err());
        match outcome {
            Ok(()) => self.written = record,
            Err(why) if !was_unwritable => {
                let path = folder::PATH;
                self.console.warn(&format!("cannot write in '{path}' ({why}): free some space"));
            }
            Err(_) => {}
        }
    }
}
