//! Placing orders at two order services on one database.

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit, median};
use crate::load::{Measured, Workload};
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::pgbench::Script;
use crate::scenarios::round::{CLIENTS, MAX_CONCURRENT, in_turn, say, straightforward, two_loads};

/// Connections to both services together.
const CONNECTIONS: usize = 256;

/// Two loads in parallel, one per service.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let (mut ours, mut baseline, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let straightforward = straightforward(cluster, Script::OneOrder, CLIENTS, effort);
        let (straightforward, [first, second]) =
            in_turn(number, straightforward, Box::pin(both(cluster, effort))).await?;
        let rate = first.per_second + second.per_second;
        let tail = first.latencies.p99.max(second.latencies.p99);
        say(&format!(
            "round {number}: pgbench {:.0}/s; ours {rate:.0}/s, p99 {tail:.1} ms",
            straightforward.per_second
        ));
        baseline.push(straightforward.per_second);
        ours.push(rate);
        remarks.extend(first.complaints.into_iter().chain(second.complaints));
    }
    let line = ResultLine::new(
        "the same at 256 connections, 2 order services",
        Unit::Times,
        ratios(&ours, &baseline),
        Some(Target::at_least(12.0, 7.0)),
    )
    .detailed(format!(
        "{} : {}",
        Unit::PerSecond.text(median(&ours)),
        Unit::PerSecond.text(median(&baseline))
    ));
    let curves = vec![("ours, two services", ours), ("pgbench, one transaction", baseline)];
    let plot = Plot::of_rounds("Orders a second", "orders/s", curves);
    Ok(Outcome { lines: vec![line], plots: vec![plot], remarks })
}

async fn both(cluster: &Cluster, effort: Effort) -> Result<[Measured; 2], Error> {
    let sandbox = cluster.sandbox().await?;
    let (first, second) =
        (sandbox.order_service(MAX_CONCURRENT).await?, sandbox.order_service(MAX_CONCURRENT).await?);
    sandbox.settle().await?;
    let workloads = [&first, &second].map(|orders| Workload::Order(orders, None));
    let measured = two_loads(&sandbox, workloads, CONNECTIONS, effort).await?;
    first.stop().await;
    second.stop().await;
    sandbox.end().await?;
    Ok(measured)
}
