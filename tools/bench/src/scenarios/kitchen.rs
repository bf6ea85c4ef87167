//! Cooking: from `received` to `ready` with a cooking time of zero, by one worker process.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Target, Unit};
use crate::outcome::{Comparison, Outcome};
use crate::pgbench::Script;
use crate::processor;
use crate::scenarios::round::{
    CLIENTS, CONCURRENCY, CONNECTIONS, MAX_CONCURRENT, in_turn, place_alone, say, straightforward,
};

const POLL: Duration = Duration::from_millis(500);

/// Orders are placed first, then the worker is started.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let (mut rates, mut remarks) = (Vec::new(), Vec::new());
    for number in 1..=cluster.effort.rounds {
        let straightforward = straightforward(cluster, Script::OneOrder, CLIENTS);
        let cooking = cluster.sandbox(async |sandbox| {
            place_alone(sandbox, MAX_CONCURRENT, CONNECTIONS).await?;
            sandbox.settle().await?;
            let worker = sandbox.kitchen_worker(CONCURRENCY).await?;
            let before = processor::times(cluster, &[("worker", &worker)]);
            until_ready(sandbox, sandbox.effort.duration() * 2).await?;
            let after = processor::times(cluster, &[("worker", &worker)]);
            let (rate, count) = rate(sandbox).await?;
            Ok((rate, count, processor::text(&processor::per_thing(&before, &after, count))))
        });
        let (straightforward, (rate, count, used)) = in_turn(number, straightforward, cooking).await?;
        let straightforward = straightforward.per_second;
        say(&format!(
            "round {number}: pgbench {straightforward:.0}/s; cooked {count} at {rate:.0}/s; {used}"
        ));
        rates.push((rate, straightforward));
        remarks.push(format!("round {number}: {count} orders; processor time for each: {used}"));
    }
    let rates = Comparison::new(Unit::PerSecond, rates);
    let line = rates.line(
        "kitchen: from received to ready, cooking time 0, one worker, against one order per transaction",
        Some(Target::at_least(3.0, 1.5)),
    );
    let plot = rates.plot("Orders made ready a second", "orders/s", ["ours", "pgbench, one transaction"]);
    Ok(Outcome { lines: vec![line], plots: vec![plot], remarks })
}

/// Waits until every order is ready, or for this time, which is enough for a rate. Returns whether
/// they are.
pub async fn until_ready(sandbox: &Sandbox<'_>, limit: Duration) -> Result<bool> {
    let deadline = Instant::now() + limit;
    while sandbox.sql(include_str!("../../sql/open.sql"), &[]).await? != "f" {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(POLL).await;
    }
    Ok(true)
}

/// Orders that became ready per second, by the times in the status log, and their number.
pub async fn rate(sandbox: &Sandbox<'_>) -> Result<(f64, u64)> {
    let answer = sandbox.sql(include_str!("../../sql/kitchen.sql"), &[]).await?;
    let figures = answer.split_once('|').and_then(|(count, seconds)| {
        Some((count.parse::<u32>().ok()?, seconds.parse::<f64>().ok().filter(|seconds| *seconds > 0.0)?))
    });
    let (count, seconds) = figures.with_context(|| format!("the kitchen made nothing ready: {answer}"))?;
    Ok((f64::from(count) / seconds, u64::from(count)))
}
