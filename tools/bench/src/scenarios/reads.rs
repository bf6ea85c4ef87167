//! Reading statuses.

use anyhow::Result;

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Target, Unit};
use crate::load::{self, Workload};
use crate::outcome::{Comparison, Outcome};
use crate::pgbench::{self, Script};
use crate::processor;
use crate::scenarios::round::{CLIENTS, CONNECTIONS, in_turn, say};

/// The number of orders to read.
pub const ORDERS: u64 = 20_000;

/// Both sides read the same orders.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    cluster.sandbox(measure_in).await
}

async fn measure_in(sandbox: &Sandbox<'_>) -> Result<Outcome> {
    sandbox.fill(ORDERS, "ready").await?;
    let tracking = sandbox.tracking_service().await?;
    let times = || processor::times(sandbox.cluster, &[("tracking service", &tracking)]);
    let (mut rates, mut remarks) = (Vec::new(), Vec::new());
    for number in 1..=sandbox.effort.rounds {
        let selects = pgbench::run(sandbox, Script::StatusByNumber(ORDERS), CLIENTS);
        let answers = async {
            let before = times();
            let measured = load::run(sandbox, Workload::Ask(&tracking, ORDERS), CONNECTIONS, None).await?;
            Ok((before, measured, times()))
        };
        let (selects, (before, measured, after)) = in_turn(number, selects, answers).await?;
        let selects = selects.per_second;
        let count = measured.per_second * (sandbox.effort.warmup() + sandbox.effort.duration()).as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let used = processor::text(&processor::per_thing(&before, &after, count as u64));
        say(&format!(
            "round {number}: pgbench {selects:.0}/s; ours {:.0}/s, p99 {:.1} ms; {used} {}",
            measured.per_second,
            measured.latencies.p99,
            measured.complaints.join(", ")
        ));
        rates.push((measured.per_second, selects));
        remarks.push(format!("round {number}: processor time for each answer: about {used}"));
        remarks.extend(measured.complaints);
    }
    let rates = Comparison::new(Unit::PerSecond, rates);
    let line = rates.line(
        "status reads at 64 connections, against select by number (32 clients, prepared)",
        Some(Target::at_least(0.7, 0.35)),
    );
    let plot = rates.plot("Statuses read a second", "statuses/s", ["ours", "pgbench, select by number"]);
    Ok(Outcome { lines: vec![line], plots: vec![plot], remarks })
}
