//! Placing orders: throughput and latency.

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit, median};
use crate::load::Measured;
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::pgbench::{Baseline, Script};
use crate::scenarios::round::{CLIENTS, CONNECTIONS, MAX_CONCURRENT, in_turn, place, say, straightforward};

/// Every acknowledged order is looked up afterwards.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let mut rounds = Vec::new();
    for number in 1..=effort.rounds {
        let baselines = async {
            let transaction = straightforward(cluster, Script::OneOrder, CLIENTS, effort).await?;
            let statement = straightforward(cluster, Script::OneOrderInOneStatement, CLIENTS, effort).await?;
            Ok((transaction, statement))
        };
        let ((transaction, statement), ours) = in_turn(number, baselines, ours(cluster, effort)).await?;
        say(&format!(
            "round {number}: pgbench {:.0}/s, p99 {:.1} ms (in one statement {:.0}/s, {:.1} ms); ours {:.0}/s, p99 {:.1} ms {}",
            transaction.per_second,
            transaction.latencies.p99,
            statement.per_second,
            statement.latencies.p99,
            ours.per_second,
            ours.latencies.p99,
            ours.complaints.join(", ")
        ));
        rounds.push(Round { transaction, statement, ours });
    }
    Ok(outcome(&rounds))
}

struct Round {
    transaction: Baseline,
    statement: Baseline,
    ours: Measured,
}

async fn ours(cluster: &Cluster, effort: Effort) -> Result<Measured, Error> {
    let sandbox = cluster.sandbox().await?;
    let orders = sandbox.order_service(MAX_CONCURRENT).await?;
    let tracking = sandbox.tracking_service().await?;
    let measured = place(&sandbox, &orders, Some(&tracking), CONNECTIONS, effort).await?;
    orders.stop().await;
    tracking.stop().await;
    sandbox.end().await?;
    Ok(measured)
}

fn outcome(rounds: &[Round]) -> Outcome {
    let values = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<f64>>();
    let rates = [
        values(|round| round.ours.per_second),
        values(|round| round.transaction.per_second),
        values(|round| round.statement.per_second),
    ];
    let tails = [
        values(|round| round.ours.latencies.p99),
        values(|round| round.transaction.latencies.p99),
        values(|round| round.statement.latencies.p99),
    ];
    let line = |what: &str, [ours, transaction, statement]: &[Vec<f64>; 3], unit: Unit, target: Target| {
        ResultLine::new(what, Unit::Times, ratios(ours, transaction), Some(target)).detailed(format!(
            "{} : {}; one order in one statement: {}",
            unit.text(median(ours)),
            unit.text(median(transaction)),
            unit.text(median(statement))
        ))
    };
    let plot = |title: &str, [ours, transaction, statement]: [Vec<f64>; 3], unit: &str| {
        let curves = vec![
            ("ours", ours),
            ("pgbench, one transaction", transaction),
            ("pgbench, one statement", statement),
        ];
        Plot::of_rounds(title, unit, curves)
    };
    Outcome {
        lines: vec![
            line(
                "orders/s at 64 connections, against one order per transaction (32 clients)",
                &rates,
                Unit::PerSecond,
                Target::at_least(10.0, 6.0),
            ),
            line(
                "p99 of placing at 64 connections, against that of one order per transaction",
                &tails,
                Unit::Milliseconds,
                Target::at_most(0.5, 1.0),
            ),
        ],
        plots: vec![plot("Orders a second", rates, "orders/s"), plot("p99 of placing", tails, "ms")],
        remarks: rounds.iter().flat_map(|round| round.ours.complaints.clone()).collect(),
    }
}
