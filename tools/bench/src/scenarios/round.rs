//! What a round of most rows is made of.

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::load::{Measured, Workload};
use crate::pgbench::{self, Baseline, Script};
use crate::service::Service;

/// Clients of the baseline, in all rows of many.
pub const CLIENTS: u32 = 32;
/// Connections of our side, in most rows of many.
pub const CONNECTIONS: usize = 64;
/// Places for orders in work: enough for every connection.
pub const MAX_CONCURRENT: usize = 256;

/// Says on stderr what was seen, for who waits.
pub fn say(text: &str) {
    eprintln!("    {}", text.trim_end());
}

/// Both sides of a round: the baseline first, in every second round ours, so that neither always
/// has the machine as the other left it.
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

/// One run of the baseline, on a database of its own.
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

/// Two loads at once, each of half the connections: at two services, or both at the same one.
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

/// One run of placing orders at an order service.
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
