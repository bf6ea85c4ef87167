//! The parts that most scenarios share.

use anyhow::Result;

use crate::cluster::{Cluster, Sandbox};
use crate::load::{self, Measured, Workload};
use crate::pgbench::{self, Script};
use crate::service::Service;

/// The baseline's number of clients, in every scenario with many.
pub const CLIENTS: u32 = 32;
/// Our number of connections, in most scenarios with many.
pub const CONNECTIONS: usize = 64;
/// The order service's limit of orders in progress: enough for every connection.
pub const MAX_CONCURRENT: usize = 256;

/// A worker's concurrency. With 128 it finishes a seventh fewer orders per second, with 512 no
/// more.
pub const CONCURRENCY: u16 = 256;

/// Services with their names.
pub type Services = [(&'static str, Service); 4];

/// Prints progress to stderr.
pub fn say(text: &str) {
    eprintln!("    {}", text.trim_end());
}

/// Starts one of each service.
pub async fn all_services(sandbox: &Sandbox<'_>) -> Result<Services> {
    Ok([
        ("order service", sandbox.order_service(MAX_CONCURRENT).await?),
        ("kitchen worker", sandbox.kitchen_worker(CONCURRENCY).await?),
        ("tracking service", sandbox.tracking_service().await?),
        ("subscriber", sandbox.subscriber().await?),
    ])
}

/// Measures both sides of a round. The baseline comes first, and in every second round ours, so
/// that neither always benefits from the state that the other leaves.
pub async fn in_turn<Baseline, Ours>(
    round: usize,
    baseline: impl Future<Output = Result<Baseline>>,
    ours: impl Future<Output = Result<Ours>>,
) -> Result<(Baseline, Ours)> {
    if round % 2 == 1 {
        let baseline = baseline.await?;
        Ok((baseline, ours.await?))
    } else {
        let ours = ours.await?;
        Ok((baseline.await?, ours))
    }
}

/// Runs the baseline once, on a new database.
pub async fn straightforward(cluster: &Cluster, script: Script, clients: u32) -> Result<Measured> {
    let measurement = async |sandbox: &Sandbox<'_>| {
        sandbox.settle().await?;
        pgbench::run(sandbox, script, clients).await
    };
    cluster.sandbox(measurement).await
}

/// Runs two loads in parallel, each with half of the connections: at two services, or both at the
/// same one. Returns their sum, with the larger of their latencies.
pub async fn two_loads(
    sandbox: &Sandbox<'_>,
    workloads: [Workload<'_>; 2],
    connections: usize,
) -> Result<Measured> {
    let [first, second] = workloads.map(|workload| load::run(sandbox, workload, connections / 2, None));
    let (first, second) = tokio::try_join!(first, second)?;
    Ok(Measured {
        per_second: first.per_second + second.per_second,
        acknowledged: first.acknowledged + second.acknowledged,
        latencies: first.latencies.max(second.latencies),
        complaints: [first.complaints, second.complaints].concat(),
    })
}

/// Runs a load of placing orders once. Afterwards it asks the tracking service, if there is one,
/// for each of them.
pub async fn place(
    sandbox: &Sandbox<'_>,
    orders: &Service,
    tracking: Option<&Service>,
    connections: usize,
) -> Result<Measured> {
    sandbox.settle().await?;
    load::run(sandbox, Workload::Order(orders, tracking), connections, None).await
}

/// Runs a load of placing orders once, at a new order service with this limit. Then the service is
/// stopped.
pub async fn place_alone(
    sandbox: &Sandbox<'_>,
    max_concurrent: usize,
    connections: usize,
) -> Result<Measured> {
    let orders = sandbox.order_service(max_concurrent).await?;
    let measured = place(sandbox, &orders, None, connections).await?;
    orders.stop().await;
    Ok(measured)
}
