//! A long history: no operation may get slower because of past orders.

use anyhow::Result;

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Target, Unit};
use crate::load::{self, Workload};
use crate::outcome::{Comparison, Outcome};
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, place_alone, say};

/// Orders that exist in either case, to be read.
const FEW: u64 = 20_000;
/// The largest number of "today's first orders" that are read.
const ASKED: u64 = 1_000_000;

/// The tables are filled once. Each round then measures few and many orders in turn.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    cluster.sandbox(measure_in).await
}

async fn measure_in(long: &Sandbox<'_>) -> Result<Outcome> {
    let many = long.effort.either(10_000_000, 500_000);
    say(&format!("storing {many} orders ..."));
    long.fill(many, "ready").await?;
    let (mut placed, mut told) = (Vec::new(), Vec::new());
    for number in 1..=long.effort.rounds {
        let short = long.cluster.sandbox(async |short| {
            short.fill(FEW, "ready").await?;
            rates(short, FEW).await
        });
        let (few_placed, few_told) = short.await?;
        let (many_placed, many_told) = rates(long, many.min(ASKED)).await?;
        say(&format!(
            "round {number}: placed {few_placed:.0}/s with few, {many_placed:.0}/s with many; read {few_told:.0}/s with few, {many_told:.0}/s with many"
        ));
        placed.push((many_placed, few_placed));
        told.push((many_told, few_told));
    }
    let mut outcome = Outcome::default();
    for (what, title, rates) in [("intake", "Orders placed", placed), ("status reads", "Statuses read", told)]
    {
        let rates = Comparison::new(Unit::PerSecond, rates);
        let what = format!("{what} with {many} orders in the tables, against {FEW}");
        outcome.lines.push(rates.line(&what, Some(Target::at_least(0.9, 0.8))));
        outcome.plots.push(rates.plot(title, "a second", ["long history", "short history"]));
    }
    Ok(outcome)
}

/// The rates of placing and reading.
async fn rates(sandbox: &Sandbox<'_>, orders: u64) -> Result<(f64, f64)> {
    let tracking = sandbox.tracking_service().await?;
    let told = load::run(sandbox, Workload::Ask(&tracking, orders), CONNECTIONS, None).await?.per_second;
    tracking.stop().await;
    let placed = place_alone(sandbox, MAX_CONCURRENT, CONNECTIONS).await?.per_second;
    Ok((placed, told))
}
