//! Placing orders at two order services on one database.

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit, median};
use crate::load::{Errand, Measured};
use crate::outcome::{Line, Outcome, Plot, ratios};
use crate::pgbench::Script;
use crate::rows::round::{CLIENTS, MAX_CONCURRENT, in_turn, say, straightforward, two_loads};

/// At both together.
const CONNECTIONS: usize = 256;

/// Two loads at once, one at each service.
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
    let line = Line::new(
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
    let stage = cluster.stage().await?;
    let (first, second) =
        (stage.order_service(MAX_CONCURRENT).await?, stage.order_service(MAX_CONCURRENT).await?);
    stage.settle().await?;
    let errands = [&first, &second].map(|orders| Errand::Order(orders, None));
    let measured = two_loads(&stage, errands, CONNECTIONS, effort).await?;
    first.stop().await;
    second.stop().await;
    stage.end().await?;
    Ok(measured)
}
