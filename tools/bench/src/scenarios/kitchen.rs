//! Cooking: from `received` to `ready` with a cooking time of zero, by one worker process.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit, median};
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::pgbench::Script;
use crate::processor;
use crate::scenarios::round::{CLIENTS, CONNECTIONS, MAX_CONCURRENT, in_turn, place, say, straightforward};

/// The worker's concurrency. With 128 it finishes a seventh fewer orders per second, with 512 no
/// more.
pub const CONCURRENCY: u16 = 256;
const POLL: Duration = Duration::from_millis(500);

/// Orders are placed first, then the worker is started.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let (mut ours, mut baseline, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let straightforward = straightforward(cluster, Script::OneOrder, CLIENTS, effort);
        let (straightforward, (rate, count, used)) =
            in_turn(number, straightforward, cook(cluster, effort)).await?;
        let straightforward = straightforward.per_second;
        say(&format!(
            "round {number}: pgbench {straightforward:.0}/s; cooked {count} at {rate:.0}/s; {used}"
        ));
        baseline.push(straightforward);
        ours.push(rate);
        remarks.push(format!("round {number}: {count} orders; processor time for each: {used}"));
    }
    let line = ResultLine::new(
        "kitchen: from received to ready, cooking time 0, one worker, against one order per transaction",
        Unit::Times,
        ratios(&ours, &baseline),
        Some(Target::at_least(3.0, 1.5)),
    )
    .detailed(format!(
        "{} : {}",
        Unit::PerSecond.text(median(&ours)),
        Unit::PerSecond.text(median(&baseline))
    ));
    let curves = vec![("ours", ours), ("pgbench, one transaction", baseline)];
    let plot = Plot::of_rounds("Orders made ready a second", "orders/s", curves);
    Ok(Outcome { lines: vec![line], plots: vec![plot], remarks })
}

async fn cook(cluster: &Cluster, effort: Effort) -> Result<(f64, u64, String), Error> {
    let sandbox = cluster.sandbox().await?;
    let orders = sandbox.order_service(MAX_CONCURRENT).await?;
    place(&sandbox, &orders, None, CONNECTIONS, effort).await?;
    orders.stop().await;
    sandbox.settle().await?;
    let worker = sandbox.kitchen_worker(CONCURRENCY).await?;
    let before = processor::times(cluster, &[("worker", &worker)]);
    until_ready(&sandbox, effort.duration() * 2).await?;
    let after = processor::times(cluster, &[("worker", &worker)]);
    let (rate, count) = rate(&sandbox).await?;
    worker.stop().await;
    sandbox.end().await?;
    Ok((rate, count, processor::text(&processor::per_thing(&before, &after, count))))
}

/// Waits until every order is ready, or for this time, which is enough for a rate.
pub async fn until_ready(sandbox: &Sandbox<'_>, limit: Duration) -> Result<(), Error> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline && sandbox.sql(include_str!("../../sql/open.sql"), &[]).await? != "f" {
        sleep(POLL).await;
    }
    Ok(())
}

/// Orders that became ready per second, by the times in the status log, and their number.
pub async fn rate(sandbox: &Sandbox<'_>) -> Result<(f64, u64), Error> {
    let answer = sandbox.sql(include_str!("../../sql/kitchen.sql"), &[]).await?;
    let figures = answer.split_once('|').and_then(|(count, seconds)| {
        Some((count.parse::<u32>().ok()?, seconds.parse::<f64>().ok().filter(|seconds| *seconds > 0.0)?))
    });
    let (count, seconds) =
        figures.ok_or_else(|| Error::Invalid(format!("the kitchen made nothing ready: {answer}")))?;
    Ok((f64::from(count) / seconds, u64::from(count)))
}
