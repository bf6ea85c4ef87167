//! Placing orders: how many, and how long one waits.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::figures::{Target, Unit, median};
use crate::load::{Load, Measured};
use crate::outcome::{Line, Outcome, Plot, ratios};
use crate::pgbench::{self, Baseline, Script};
use crate::rows::{Effort, say};

/// Clients of the baseline, in all rows of many.
pub const CLIENTS: u32 = 32;
const CONNECTIONS: usize = 64;
/// Places for orders in work: enough for every connection.
const MAX_CONCURRENT: usize = 256;

/// Measures it.
///
/// # Errors
/// As [`crate::rows::Row::measure`].
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let (mut baseline, mut one_statement, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=effort.rounds {
        let before = straightforward(cluster, Script::OneOrder, CLIENTS, effort).await?;
        let single = straightforward(cluster, Script::OneOrderInOneStatement, CLIENTS, effort).await?;
        let measured = place(cluster, effort).await?;
        say(&format!(
            "round {round}: pgbench {:.0}/s, p99 {:.1} ms (in one statement {:.0}/s, {:.1} ms); ours {:.0}/s, p99 {:.1} ms {}",
            before.per_second,
            before.latencies.p99,
            single.per_second,
            single.latencies.p99,
            measured.per_second,
            measured.latencies.p99,
            measured.complaints.join(", ")
        ));
        baseline.push(before);
        one_statement.push(single);
        ours.push(measured);
    }
    Ok(outcome(&baseline, &one_statement, &ours))
}

/// One run of the baseline on a database of its own.
///
/// # Errors
/// PostgreSQL or pgbench failed.
pub async fn straightforward(
    cluster: &Cluster,
    script: Script,
    clients: u32,
    effort: Effort,
) -> Result<Baseline, Error> {
    let stage = cluster.stage().await?;
    stage.settle().await?;
    let measured = pgbench::run(&stage, script, clients, effort.duration()).await?;
    stage.end().await?;
    Ok(measured)
}

async fn place(cluster: &Cluster, effort: Effort) -> Result<Measured, Error> {
    let stage = cluster.stage().await?;
    let orders = stage.order_service(MAX_CONCURRENT).await?;
    let tracking = stage.tracking_service().await?;
    stage.settle().await?;
    let load = Load {
        orders: &orders,
        tracking: Some(&tracking),
        connections: CONNECTIONS,
        rate: None,
        warmup: effort.warmup(),
        duration: effort.duration(),
    };
    let measured = load.run(&stage).await?;
    orders.stop().await;
    tracking.stop().await;
    stage.end().await?;
    Ok(measured)
}

fn outcome(baseline: &[Baseline], one_statement: &[Baseline], ours: &[Measured]) -> Outcome {
    let rates = |runs: &[Baseline]| runs.iter().map(|run| run.per_second).collect::<Vec<_>>();
    let tails = |runs: &[Baseline]| runs.iter().map(|run| run.latencies.p99).collect::<Vec<_>>();
    let our_rates: Vec<f64> = ours.iter().map(|run| run.per_second).collect();
    let our_tails: Vec<f64> = ours.iter().map(|run| run.latencies.p99).collect();
    let (rate, tail) = (rates(baseline), tails(baseline));
    let complaints = ours.iter().flat_map(|run| run.complaints.clone());
    Outcome {
        lines: vec![
            Line::new(
                "orders/s at 64 connections, against one order per transaction (32 clients)",
                Unit::Times,
                ratios(&our_rates, &rate),
                Some(Target::at_least(10.0, 6.0)),
            )
            .detailed(format!(
                "{} : {}; one order in one statement: {}",
                Unit::PerSecond.text(median(&our_rates)),
                Unit::PerSecond.text(median(&rate)),
                Unit::PerSecond.text(median(&rates(one_statement)))
            )),
            Line::new(
                "p99 of placing at 64 connections, against that of one order per transaction",
                Unit::Times,
                ratios(&our_tails, &tail),
                Some(Target::at_most(0.5, 1.0)),
            )
            .detailed(format!(
                "{} : {}; one order in one statement: {}",
                Unit::Milliseconds.text(median(&our_tails)),
                Unit::Milliseconds.text(median(&tail)),
                Unit::Milliseconds.text(median(&tails(one_statement)))
            )),
        ],
        plots: vec![
            Plot::of_rounds(
                "Orders a second",
                "orders/s",
                vec![
                    ("ours", our_rates.clone()),
                    ("pgbench, one transaction", rate.clone()),
                    ("pgbench, one statement", rates(one_statement)),
                ],
            ),
            Plot::of_rounds(
                "p99 of placing",
                "ms",
                vec![
                    ("ours", our_tails.clone()),
                    ("pgbench, one transaction", tail.clone()),
                    ("pgbench, one statement", tails(one_statement)),
                ],
            ),
        ],
        remarks: complaints.collect(),
    }
}
