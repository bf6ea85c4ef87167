//! Stops the cluster.

use std::fs;
use std::time::Duration;

use config::Config;
use db::{Access, Database, DbError, workers};
use domain::ServiceName;
use tokio::time::{Instant, sleep, timeout};

use crate::NAME;
use crate::cluster::docker::Compose;
use crate::cluster::folder;
use crate::cluster::record::Phase;
use crate::cluster::servers::Servers;
use crate::cluster::service::Service;
use crate::cluster::signals::Signals;
use crate::cluster::supervisor::Supervisor;
use crate::view::summary;

const POLL: Duration = Duration::from_millis(50);
/// Time for requests in progress.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// Time on top of the longest cooking time.
const KITCHEN_MARGIN: Duration = Duration::from_secs(15);
/// Time for a look at who is at work. Nothing depends on it.
const LOOK_LIMIT: Duration = Duration::from_secs(1);
/// Delay before a progress line is printed.
const NOTICE_DELAY: Duration = Duration::from_millis(700);
/// Time for showing the last log lines.
const STREAM_REST: Duration = Duration::from_millis(250);

impl Supervisor {
    /// Stops everything in sequence: first the order service, then the kitchen after its orders in
    /// progress, then the services that publish and show them, then the servers. After an urgent
    /// signal everything is killed.
    pub async fn close(mut self, config: &Config, signals: &mut Signals) {
        self.enter(Phase::Closing);
        if !signals.is_urgent() {
            self.name_others().await;
        }
        let times = &config.kitchen.cooking_seconds;
        let longest = times.dine_in.max(times.takeout).max(times.delivery);
        self.end_those(&[ServiceName::Order], ANSWER_LIMIT, signals).await;
        self.end_those(&[ServiceName::Kitchen], longest + KITCHEN_MARGIN, signals).await;
        self.end_those(&[ServiceName::Tracking, ServiceName::Notifier], ANSWER_LIMIT, signals).await;
        if let Some(stream) = self.stream.take() {
            if !signals.is_urgent() {
                sleep(STREAM_REST).await;
            }
            stream.abort();
        }
        self.end_observation(signals).await;
        self.end_servers(signals).await;
        let _ = fs::remove_file(folder::ENVIRONMENT);
        let _ = fs::remove_file(folder::RECORD);
        self.console.done("the restaurant is closed");
    }

    /// Says which workers are at work that others started, and whose servers are about to end. Who
    /// runs `down` reads it in the record.
    async fn name_others(&mut self) {
        let Some(servers) = self.servers.as_ref().filter(|servers| servers.configured().len() < 2) else {
            return;
        };
        let Ok(Ok(online)) = timeout(LOOK_LIMIT, online(&servers.postgres.endpoint)).await else { return };
        let is_ours = |name: &String| self.services.iter().any(|service| service.plan.name == name);
        self.others = online.into_iter().filter(|name| !is_ours(name)).collect();
        if !self.others.is_empty() {
            self.console.warn(&summary::of_others(&self.others));
        }
        self.keep_record();
    }

    async fn end_those(&mut self, meant: &[ServiceName], limit: Duration, signals: &Signals) {
        self.those(meant).for_each(Service::ask_to_end);
        let start = Instant::now();
        let mut told = false;
        loop {
            let running =
                self.those(meant).filter_map(|service| service.is_running().then_some(service.plan.name));
            let left = running.collect::<Vec<_>>().join(", ");
            if left.is_empty() {
                return;
            }
            self.keep_record();
            if signals.is_urgent() || start.elapsed() > limit {
                self.console.warn(&format!("ending {left} at once"));
                return self.those(meant).for_each(Service::kill);
            }
            if start.elapsed() > NOTICE_DELAY && !std::mem::replace(&mut told, true) {
                let cooks = meant.contains(&ServiceName::Kitchen);
                let what = if cooks { "finishing what is being cooked" } else { "still at work" };
                self.console
                    .note(&format!("{left}: {what} (Ctrl-C ends it at once, or 'cargo xtask down --now')"));
            }
            sleep(POLL).await;
        }
    }

    fn those(&mut self, meant: &[ServiceName]) -> impl Iterator<Item = &mut Service> {
        self.services.iter_mut().filter(|service| meant.contains(&service.plan.service))
    }

    async fn end_observation(&mut self, signals: &mut Signals) {
        if let Some(observation) = &mut self.observation {
            tokio::select! {
                () = observation.close() => {}
                () = signals.urgent() => observation.kill(),
            }
        }
    }

    async fn end_servers(&mut self, signals: &mut Signals) {
        if let Some(servers) = &self.servers {
            let left: Vec<&str> = servers.configured().into_iter().map(|(name, _)| name).collect();
            if !left.is_empty() {
                let runs = if left.len() > 1 { "run on: they were" } else { "runs on: it was" };
                self.console.note(&format!("{} {runs} there before", left.join(" and ")));
            }
        }
        let ended = tokio::select! {
            ended = close(self.servers.as_mut(), self.containers.as_ref()) => ended,
            () = signals.urgent() => kill(self.servers.as_mut(), self.containers.as_ref()).await,
        };
        if let Err(why) = ended {
            self.console.warn(&format!("{why}; 'docker ps' shows the containers that still run"));
        }
    }
}

/// The names of the workers that are at work on this server.
async fn online(endpoint: &config::Database) -> Result<Vec<String>, DbError> {
    let db = Database::new(endpoint, NAME, Access::ReadPrimary)?;
    let online = workers::all(&db).await?.into_iter().filter(|worker| worker.online);
    Ok(online.map(|worker| worker.name).collect())
}

async fn close(servers: Option<&mut Servers>, containers: Option<&Compose>) -> Result<(), String> {
    if let Some(servers) = servers {
        servers.close().await;
    }
    if let Some(containers) = containers { containers.stop().await } else { Ok(()) }
}

async fn kill(servers: Option<&mut Servers>, containers: Option<&Compose>) -> Result<(), String> {
    if let Some(servers) = servers {
        servers.kill();
    }
    if let Some(containers) = containers { containers.kill().await } else { Ok(()) }
}
