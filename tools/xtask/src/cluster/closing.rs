//! Stops the cluster.

use std::fs;
use std::time::Duration;

use config::Config;
use domain::ServiceName;
use tokio::time::{Instant, sleep};

use crate::cluster::chosen::Origin;
use crate::cluster::record::Phase;
use crate::cluster::signals::Signals;
use crate::cluster::supervisor::Supervisor;

const POLL: Duration = Duration::from_millis(50);
/// Time for requests in progress.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// Time on top of the longest cooking time.
const KITCHEN_MARGIN: Duration = Duration::from_secs(15);
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
        self.end_servers(signals).await;
        let _ = fs::remove_file(self.folder.environment());
        let _ = fs::remove_file(self.folder.record());
        self.console.done("the restaurant is closed");
    }

    async fn end_those(&mut self, services: &[ServiceName], limit: Duration, signals: &Signals) {
        let is_meant = |service: ServiceName| services.contains(&service);
        for service in self.services.iter_mut().filter(|service| is_meant(service.plan.service)) {
            service.ask_to_end();
        }
        let start = Instant::now();
        let mut told = false;
        loop {
            let mut left = Vec::new();
            for service in self.services.iter_mut().filter(|service| is_meant(service.plan.service)) {
                if service.is_running() {
                    left.push(service.plan.name);
                }
            }
            if left.is_empty() {
                return;
            }
            self.keep_record();
            if signals.is_urgent() || start.elapsed() > limit {
                self.console.warn(&format!("ending {} at once", left.join(", ")));
                for service in self.services.iter_mut().filter(|service| is_meant(service.plan.service)) {
                    service.kill();
                }
                return;
            }
            if start.elapsed() > NOTICE_DELAY && !std::mem::replace(&mut told, true) {
                let what = if is_meant(ServiceName::Kitchen) {
                    "finishing what is being cooked"
                } else {
                    "still at work"
                };
                self.console.note(&format!(
                    "{}: {what} (Ctrl-C ends it at once, or 'cargo xtask down --now')",
                    left.join(", ")
                ));
            }
            sleep(POLL).await;
        }
    }

    async fn end_servers(&mut self, signals: &mut Signals) {
        if let Some(servers) = &self.servers {
            let configured = |name: &str, is_configured: bool| is_configured.then(|| name.to_owned());
            let left = [
                configured("PostgreSQL", matches!(servers.postgres.origin, Origin::Configured)),
                configured("RabbitMQ", matches!(servers.rabbitmq.origin, Origin::Configured)),
            ];
            let left: Vec<String> = left.into_iter().flatten().collect();
            if !left.is_empty() {
                let runs = if left.len() > 1 { "run on: they were" } else { "runs on: it was" };
                self.console.note(&format!("{} {runs} there before", left.join(" and ")));
            }
        }
        let (servers, containers) = (&mut self.servers, &self.containers);
        let closing = async {
            if let Some(servers) = servers {
                servers.close().await;
            }
            match containers {
                Some(containers) => containers.stop().await,
                None => Ok(()),
            }
        };
        let closed = tokio::select! {
            closed = closing => Some(closed),
            () = signals.urgent() => None,
        };
        let ended = match closed {
            Some(closed) => closed,
            None => self.kill_servers().await,
        };
        if let Err(why) = ended {
            self.console.warn(&format!("{why}; 'docker ps' shows the containers that still run"));
        }
    }

    async fn kill_servers(&mut self) -> Result<(), String> {
        if let Some(servers) = &mut self.servers {
            servers.kill();
        }
        match &self.containers {
            Some(containers) => containers.kill().await,
            None => Ok(()),
        }
    }
}
