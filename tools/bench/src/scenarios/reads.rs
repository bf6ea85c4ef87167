//! Reading statuses.

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit, median};
use crate::load::{Measured, Workload};
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::pgbench::{self, Script};
use crate::processor;
use crate::scenarios::round::{CLIENTS, CONNECTIONS, in_turn, say};
use crate::service::Service;

/// The number of orders to read.
pub const ORDERS: u64 = 20_000;

/// Both sides read the same orders.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let sandbox = cluster.sandbox().await?;
    sandbox.fill(ORDERS, "ready").await?;
    let tracking = sandbox.tracking_service().await?;
    let (mut ours, mut baseline, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let selects = pgbench::run(&sandbox, Script::StatusByNumber(ORDERS), CLIENTS, effort);
        let answers = async {
            let before = processor::times(cluster, &[("tracking service", &tracking)]);
            let measured = ask(&sandbox, &tracking, ORDERS, effort).await?;
            Ok((before, measured, processor::times(cluster, &[("tracking service", &tracking)])))
        };
        let (selects, (before, measured, after)) = in_turn(number, selects, answers).await?;
        let selects = selects.per_second;
        let count = measured.per_second * (effort.warmup() + effort.duration()).as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let used = processor::text(&processor::per_thing(&before, &after, count as u64));
        say(&format!(
            "round {number}: pgbench {selects:.0}/s; ours {:.0}/s, p99 {:.1} ms; {used} {}",
            measured.per_second,
            measured.latencies.p99,
            measured.complaints.join(", ")
        ));
        ours.push(measured.per_second);
        baseline.push(selects);
        remarks.push(format!("round {number}: processor time for each answer: about {used}"));
        remarks.extend(measured.complaints);
    }
    tracking.stop().await;
    sandbox.end().await?;
    let line = ResultLine::new(
        "status reads at 64 connections, against select by number (32 clients, prepared)",
        Unit::Times,
        ratios(&ours, &baseline),
        Some(Target::at_least(0.7, 0.35)),
    )
    .detailed(format!(
        "{} : {}",
        Unit::PerSecond.text(median(&ours)),
        Unit::PerSecond.text(median(&baseline))
    ));
    let curves = vec![("ours", ours), ("pgbench, select by number", baseline)];
    let plot = Plot::of_rounds("Statuses read a second", "statuses/s", curves);
    Ok(Outcome { lines: vec![line], plots: vec![plot], remarks })
}

/// Runs a load of reading today's first orders once.
pub async fn ask(
    sandbox: &Sandbox<'_>,
    tracking: &Service,
    orders: u64,
    effort: Effort,
) -> Result<Measured, Error> {
    effort.load(Workload::Ask(tracking, orders), CONNECTIONS).run(sandbox).await
}
