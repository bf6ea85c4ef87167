//! Several RabbitMQ servers on this machine that are one cluster, as on several machines.

use std::path::Path;
use std::time::{Duration, Instant};

use runtime::password;
use rustix::process::Signal;
use secrecy::SecretString;
use serde_json::Value;

use super::readiness::{READY_LIMIT, register_streams};
use super::{PrivateRabbitmq, Rabbitmq, RabbitmqOptions};
use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::private_server::ServerKind as _;
use crate::process::OwnedProcess;
use crate::programs::RabbitmqPrograms;
use crate::{Error, ProcessGuard};

const POLL: Duration = Duration::from_millis(100);
/// It has nothing to write.
const EPMD_STOP_LIMIT: Duration = Duration::from_secs(2);

/// The place of a node in its cluster.
#[derive(Clone, Debug)]
pub struct Membership {
    /// From 1.
    number: u8,
    /// How many nodes there are.
    size: u8,
    /// The port of the epmd that all nodes share: they find each other there.
    pub(super) epmd: u16,
    /// What they know each other by.
    pub(super) cookie: SecretString,
}

impl Membership {
    /// The name of the node.
    pub(super) fn node(&self) -> String {
        node(self.number)
    }

    /// The names of all nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = String> {
        (1..=self.size).map(node)
    }
}

/// An address as host name needs no name resolution.
fn node(number: u8) -> String {
    format!("restaurant_{number}@127.0.0.1")
}

/// A running cluster. Dropping it kills it.
#[derive(Debug)]
pub struct RabbitmqCluster {
    /// Each may be killed and restarted. Dropped before their epmd.
    pub nodes: Vec<PrivateRabbitmq>,
    epmd: OwnedProcess,
    /// Of the epmd.
    _claim: PortClaim,
}

impl RabbitmqCluster {
    /// Starts a cluster of `size` nodes, each on its data below `folder`, and waits until all of
    /// them know each other.
    ///
    /// # Errors
    /// A node did not start, or found no other one.
    pub async fn start(
        programs: &RabbitmqPrograms,
        folder: &Path,
        size: u8,
        guard: Option<ProcessGuard>,
    ) -> Result<Self, Error> {
        let claim = PortClaim::of(0).map_err(Error::NoPort)?;
        let epmd = claim.port();
        let (cookie, password) = (password::random(), password::random());
        let options = |number| RabbitmqOptions {
            password: Some(password.clone()),
            guard: guard.clone(),
            membership: Some(Membership { number, size, epmd, cookie: cookie.clone() }),
            ..RabbitmqOptions::default()
        };
        let folder_of = |number| folder.join(format!("rabbitmq_{number}"));

        let first = Rabbitmq::new(programs, &folder_of(1), options(1))?;
        let (ports, _claims) = first.claim_ports(false)?;
        let log = LogFile::claim(&folder.join("epmd.log")).await?;
        let epmd = first.launch_epmd(ports, &log).await?;
        let mut cluster = Self { nodes: Vec::new(), epmd, _claim: claim };
        // In turn: nodes that start at the same time could each stay alone.
        for number in 1..=size {
            let options = options(number);
            cluster.nodes.push(PrivateRabbitmq::start(programs, &folder_of(number), options).await?);
        }
        cluster.until_complete().await?;
        // Its coordinator has a member on every node only if all are there when it starts.
        if let Some(first) = cluster.nodes.first() {
            register_streams(first.admin(), &first.console()).await;
        }
        Ok(cluster)
    }

    /// The settings with which a program reaches a virtual host through any node, as administrator.
    pub fn settings(&self, vhost: &str) -> config::Rabbitmq {
        let hosts: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        let settings = self.nodes.first().map(|node| node.settings(vhost)).unwrap_or_default();
        config::Rabbitmq { host: hosts.join(","), ..settings }
    }

    /// Waits until every node sees all of them running, and may go without taking the last majority
    /// of a quorum queue with it.
    ///
    /// # Errors
    /// They do not find each other.
    pub async fn until_complete(&self) -> Result<(), Error> {
        let deadline = Instant::now() + READY_LIMIT;
        for node in &self.nodes {
            while !self.is_complete_for(node).await {
                if Instant::now() > deadline {
                    let (limit, log) = (READY_LIMIT, node.log());
                    let tail = "it does not see all nodes, or may not go".to_owned();
                    return Err(Error::NotReady { server: Rabbitmq::NAME, limit, log, tail });
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    async fn is_complete_for(&self, node: &PrivateRabbitmq) -> bool {
        let ask = async |path| node.admin().request("GET", path, None).await.ok();
        let Some(nodes) = ask("/api/nodes?columns=name,running").await else { return false };
        let nodes: Vec<Value> = serde_json::from_str(&nodes.body).unwrap_or_default();
        let running = nodes.iter().filter(|node| is_running(node)).count();
        let may_go = "/api/health/checks/node-is-quorum-critical";
        running == self.nodes.len() && ask(may_go).await.is_some_and(|answer| answer.status == 200)
    }

    /// Stops all nodes, the last one first.
    pub async fn stop(&mut self) {
        for node in self.nodes.iter_mut().rev() {
            node.stop().await;
        }
        self.epmd.stop(Signal::TERM, EPMD_STOP_LIMIT).await;
    }
}

fn is_running(node: &Value) -> bool {
    node.get("running").and_then(Value::as_bool).unwrap_or(false)
}
