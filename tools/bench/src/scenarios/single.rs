//! A single client: it should wait for one commit and one confirm, and for nothing else.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::figures::{Target, Unit, median};
use crate::isolated::rabbitmq::{Broker, DAY};
use crate::outcome::{Comparison, Outcome, by_round};
use crate::pgbench::Script;
use crate::scenarios::round::{MAX_CONCURRENT, in_turn, place_alone, say, straightforward};

/// The baseline is the sum of both medians: of a statement, and of a confirm without other
/// messages.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let (mut ours, mut statements, mut confirms) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=cluster.effort.rounds {
        let halves = async {
            let statement = straightforward(cluster, Script::OneOrderInOneStatement, 1).await?;
            let confirming = cluster.sandbox(async |sandbox| {
                let broker = Broker::connect(sandbox).await?;
                let latencies = broker.one_by_one(DAY, sandbox.effort.either(2_000, 500)).await?;
                broker.close().await;
                Ok(latencies)
            });
            Ok((statement.latencies, confirming.await?))
        };
        let placing = cluster.sandbox(async |sandbox| place_alone(sandbox, MAX_CONCURRENT, 1).await);
        let ((statement, confirm), measured) = in_turn(number, halves, placing).await?;
        let measured = measured.latencies;
        say(&format!(
            "round {number}: one statement p50 {:.2} ms, one confirm p50 {:.2} ms; ours p50 {:.2}, p99 {:.2} ms",
            statement.p50, confirm.p50, measured.p50, measured.p99
        ));
        statements.push(statement.p50);
        confirms.push(confirm.p50);
        ours.push(measured.p50);
    }
    let both = statements.iter().zip(&confirms).map(|(statement, confirm)| statement + confirm);
    let line = Comparison::new(Unit::Milliseconds, ours.iter().copied().zip(both)).line(
        "a single client, one order at a time: p50, against one statement + one confirm",
        Some(Target::at_most(1.0, 1.0)),
    );
    let [half, statement, confirm] =
        [&ours, &statements, &confirms].map(|values| Unit::Milliseconds.text(median(values)));
    let line = line.detailed(format!("{half} : {statement} + {confirm}"));
    let curves = vec![("ours", ours), ("one statement", statements), ("one confirm", confirms)];
    let plot = by_round("p50 of a single client", "ms", curves);
    Ok(Outcome { lines: vec![line], plots: vec![plot], remarks: Vec::new() })
}
