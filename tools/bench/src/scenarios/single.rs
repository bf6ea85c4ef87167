//! A single client: it should wait for one commit and one confirm, and for nothing else.

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Latencies, Target, Unit, median};
use crate::isolated::rabbitmq::{Broker, DAY, quiet_log};
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::pgbench::Script;
use crate::scenarios::round::{MAX_CONCURRENT, in_turn, place, say, straightforward};

/// The baseline is the sum of both medians.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let (mut ours, mut statements, mut confirms) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let halves = async {
            let statement = straightforward(cluster, Script::OneOrderInOneStatement, 1, effort).await?;
            Ok((statement.latencies, confirm(cluster, effort).await?))
        };
        let ((statement, confirm), measured) =
            in_turn(number, halves, placed_singly(cluster, effort)).await?;
        say(&format!(
            "round {number}: one statement p50 {:.2} ms, one confirm p50 {:.2} ms; ours p50 {:.2}, p99 {:.2} ms",
            statement.p50, confirm.p50, measured.p50, measured.p99
        ));
        statements.push(statement.p50);
        confirms.push(confirm.p50);
        ours.push(measured);
    }
    Ok(outcome(&ours, statements, confirms))
}

/// The latency of a confirm, without other messages.
async fn confirm(cluster: &Cluster, effort: Effort) -> Result<Latencies, Error> {
    let (log, _flush) = quiet_log();
    let sandbox = cluster.sandbox().await?;
    let broker = Broker::connect(&sandbox, &log).await?;
    let latencies = broker.one_by_one(DAY, effort.either(2_000, 500)).await?;
    broker.close().await;
    sandbox.end().await?;
    Ok(latencies)
}

/// The latency of placing an order, without other orders.
async fn placed_singly(cluster: &Cluster, effort: Effort) -> Result<Latencies, Error> {
    let sandbox = cluster.sandbox().await?;
    let orders = sandbox.order_service(MAX_CONCURRENT).await?;
    let latencies = place(&sandbox, &orders, None, 1, effort).await?.latencies;
    orders.stop().await;
    sandbox.end().await?;
    Ok(latencies)
}

fn outcome(ours: &[Latencies], statements: Vec<f64>, confirms: Vec<f64>) -> Outcome {
    let half: Vec<f64> = ours.iter().map(|of| of.p50).collect();
    let both: Vec<f64> =
        statements.iter().zip(&confirms).map(|(statement, confirm)| statement + confirm).collect();
    let line = ResultLine::new(
        "a single client, one order at a time: p50, against one statement + one confirm",
        Unit::Times,
        ratios(&half, &both),
        Some(Target::at_most(1.0, 1.0)),
    )
    .detailed(format!(
        "{} : {} + {}",
        Unit::Milliseconds.text(median(&half)),
        Unit::Milliseconds.text(median(&statements)),
        Unit::Milliseconds.text(median(&confirms))
    ));
    let curves = vec![("ours", half), ("one statement", statements), ("one confirm", confirms)];
    Outcome {
        lines: vec![line],
        plots: vec![Plot::of_rounds("p50 of a single client", "ms", curves)],
        remarks: Vec::new(),
    }
}
