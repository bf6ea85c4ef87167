//! The parts that most scenarios share.

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::load::{Measured, Workload};
use crate::pgbench::{self, Baseline, Script};
use crate::service::Service;

/// The baseline's number of clients, in every scenario with many.
pub const CLIENTS: u32 = 32;
/// Our number of connections, in most scenarios with many.
pub const CONNECTIONS: usize = 64;
/// The order service's limit of orders in progress: enough for every connection.
pub const MAX_CONCURRENT: usize = 256;

/// Prints progress to stderr.
pub fn say(text: &str) {
    eprintln!("    {}", text.trim_end());
}

/// Measures both sides of a round. The baseline comes first, and in every second round ours, so
/// that neither always benefits from the state that the other leaves.
pub async fn in_turn<Baseline, Ours>(
    round: usize,
    baseline: impl Future<Output = Result<Baseline, Error>>,
    ours: impl Future<Output = Result<Ours, Error>>,
) -> Result<(Baseline, Ours), Error> {
    if round % 2 == 1 {
        let baseline = baseline.await?;
        Ok((baseline, ours.await?))
    } else {
        let ours = ours.await?;
        Ok((baseline.await?, ours))
    }
}

/// Runs the baseline once, on a new database.
pub async fn straightforward(
    cluster: &Cluster,
    script: Script,
    clients: u32,
    effort: Effort,
) -> Result<Baseline, Error> {
    let sandbox = cluster.sandbox().await?;
    sandbox.settle().await?;
    let measured = pgbench::run(&sandbox, script, clients, effort).await?;
    sandbox.end().await?;
    Ok(measured)
}

/// Runs two loads in parallel, each with half of the connections: at two services, or both at the
/// same one.
pub async fn two_loads(
    sandbox: &Sandbox<'_>,
    workloads: [Workload<'_>; 2],
    connections: usize,
    effort: Effort,
) -> Result<[Measured; 2], Error> {
    let [first, second] = workloads.map(|workload| effort.load(workload, connections / 2));
    let (first, second) = tokio::try_join!(first.run(sandbox), second.run(sandbox))?;
    Ok([first, second])
}

/// Runs a load of placing orders once.
pub async fn place(
    sandbox: &Sandbox<'_>,
    orders: &Service,
    tracking: Option<&Service>,
    connections: usize,
    effort: Effort,
) -> Result<Measured, Error> {
    sandbox.settle().await?;
    effort.load(Workload::Order(orders, tracking), connections).run(sandbox).await
}
