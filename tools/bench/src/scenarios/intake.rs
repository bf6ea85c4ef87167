//! Placing orders, at one and at two order services: throughput and latency.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::figures::{Target, Unit, median};
use crate::load::Measured;
use crate::outcome::{Comparison, Outcome, by_round};
use crate::pgbench::Script;
use crate::scenarios::instances;
use crate::scenarios::round::{CLIENTS, CONNECTIONS, MAX_CONCURRENT, in_turn, place, say, straightforward};

struct Round {
    transaction: Measured,
    statement: Measured,
    ours: Measured,
}

/// Every acknowledged order is looked up afterwards.
pub async fn at_one_service(cluster: &Cluster) -> Result<Outcome> {
    let mut rounds = Vec::new();
    for number in 1..=cluster.effort.rounds {
        let baselines = async {
            let transaction = straightforward(cluster, Script::OneOrder, CLIENTS).await?;
            let statement = straightforward(cluster, Script::OneOrderInOneStatement, CLIENTS).await?;
            Ok((transaction, statement))
        };
        let ours = cluster.sandbox(async |sandbox| {
            let orders = sandbox.order_service(MAX_CONCURRENT).await?;
            let tracking = sandbox.tracking_service().await?;
            place(sandbox, &orders, Some(&tracking), CONNECTIONS).await
        });
        let ((transaction, statement), ours) = in_turn(number, baselines, ours).await?;
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
    let compared =
        |value: fn(&Measured) -> f64, unit: Unit, what: &str, target: Target, [title, y]: [&str; 2]| {
            let pairs = rounds.iter().map(|round| (value(&round.ours), value(&round.transaction)));
            let both = Comparison::new(unit, pairs);
            let statement: Vec<f64> = rounds.iter().map(|round| value(&round.statement)).collect();
            let line = both.line(what, Some(target));
            let statements = unit.text(median(&statement));
            let detail = format!("{}; one order in one statement: {statements}", line.detail);
            let curves = vec![
                ("ours", both.ours),
                ("pgbench, one transaction", both.baseline),
                ("pgbench, one statement", statement),
            ];
            (line.detailed(detail), by_round(title, y, curves))
        };
    let (rate, rates) = compared(
        |measured| measured.per_second,
        Unit::PerSecond,
        "orders/s at 64 connections, against one order per transaction (32 clients)",
        Target::at_least(10.0, 6.0),
        ["Orders a second", "orders/s"],
    );
    let (tail, tails) = compared(
        |measured| measured.latencies.p99,
        Unit::Milliseconds,
        "p99 of placing at 64 connections, against that of one order per transaction",
        Target::at_most(0.5, 1.0),
        ["p99 of placing", "ms"],
    );
    let remarks = rounds.into_iter().flat_map(|round| round.ours.complaints).collect();
    Ok(Outcome { lines: vec![rate, tail], plots: vec![rates, tails], remarks })
}

/// Two loads in parallel, one per service.
pub async fn at_two_services(cluster: &Cluster) -> Result<Outcome> {
    let (mut rates, mut remarks) = (Vec::new(), Vec::new());
    for number in 1..=cluster.effort.rounds {
        let straightforward = straightforward(cluster, Script::OneOrder, CLIENTS);
        let both = cluster.sandbox(async |sandbox| instances::placed(sandbox, true).await);
        let (straightforward, ours) = in_turn(number, straightforward, both).await?;
        say(&format!(
            "round {number}: pgbench {:.0}/s; ours {:.0}/s, p99 {:.1} ms",
            straightforward.per_second, ours.per_second, ours.latencies.p99
        ));
        rates.push((ours.per_second, straightforward.per_second));
        remarks.extend(ours.complaints);
    }
    let rates = Comparison::new(Unit::PerSecond, rates);
    let target = Target::at_least(12.0, 7.0);
    let line = rates.line("the same at 256 connections, 2 order services", Some(target));
    let names = ["ours, two services", "pgbench, one transaction"];
    Ok(Outcome { lines: vec![line], plots: vec![rates.plot("Orders a second", "orders/s", names)], remarks })
}
