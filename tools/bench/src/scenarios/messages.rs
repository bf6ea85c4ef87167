//! Orders that come by message, against orders that come over HTTP.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Target, Unit};
use crate::load::{self, Workload};
use crate::outcome::{Comparison, Outcome};
use crate::processor;
use crate::scenarios::round::{MAX_CONCURRENT, in_turn, say};
use crate::sender::Sender;

/// After the last message, all must be decided and all events sent within this time.
const REST_LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);

/// One way of ordering.
struct Way {
    /// Orders that got into the kitchen's queues, per second.
    per_second: f64,
    /// Processor time per order.
    used: String,
    /// What went wrong, and what was left behind.
    remarks: Vec<String>,
}

/// Both ways have as many orders in work as the order service allows: over HTTP each of so many
/// clients waits for its answer, and by message the service holds as many.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let (mut rates, mut remarks) = (Vec::new(), Vec::new());
    for number in 1..=cluster.effort.rounds {
        let http = cluster.sandbox(over_http);
        let messages = cluster.sandbox(by_message);
        let (http, messages) = in_turn(number, http, messages).await?;
        say(&format!(
            "round {number}: HTTP {:.0}/s ({}); messages {:.0}/s ({}) {}",
            http.per_second,
            http.used,
            messages.per_second,
            messages.used,
            messages.remarks.join(", ")
        ));
        rates.push((messages.per_second, http.per_second));
        for (name, way) in [("HTTP", http), ("messages", messages)] {
            remarks.push(format!("round {number}: processor time for each order, {name}: {}", way.used));
            remarks.extend(way.remarks);
        }
    }
    let rates = Comparison::new(Unit::PerSecond, rates);
    let what = format!("orders/s by message, against HTTP, {MAX_CONCURRENT} in work");
    let line = rates.line(&what, Some(Target::at_least(0.95, 0.8)));
    let plot = rates.plot("Orders a second", "orders/s", ["messages", "HTTP"]);
    Ok(Outcome { lines: vec![line], plots: vec![plot], remarks })
}

async fn over_http(sandbox: &Sandbox<'_>) -> Result<Way> {
    let orders = sandbox.order_service(MAX_CONCURRENT).await?;
    sandbox.settle().await?;
    let before = processor::times(sandbox.cluster, &[("order service", &orders)]);
    let load = load::run(sandbox, Workload::Order(&orders, None), MAX_CONCURRENT, None);
    let (load, per_second) = tokio::try_join!(load, rate(sandbox))?;
    let after = processor::times(sandbox.cluster, &[("order service", &orders)]);
    let (count, _) = in_the_kitchen(sandbox).await?;
    let used = processor::text(&processor::per_thing(&before, &after, count));
    Ok(Way { per_second, used, remarks: load.complaints })
}

/// Every message is decided afterwards, and is one order.
async fn by_message(sandbox: &Sandbox<'_>) -> Result<Way> {
    let orders = sandbox.order_service_taking_messages(MAX_CONCURRENT).await?;
    let mut sender = Sender::connect(sandbox).await?;
    sandbox.settle().await?;
    let before = processor::times(sandbox.cluster, &[("order service", &orders)]);
    let duration = sandbox.effort.warmup() + sandbox.effort.duration();
    let sending = sender.send_for(duration, u32::try_from(MAX_CONCURRENT)?);
    let ((), per_second) = tokio::try_join!(sending, rate(sandbox))?;
    let after = processor::times(sandbox.cluster, &[("order service", &orders)]);
    let (count, _) = in_the_kitchen(sandbox).await?;
    let used = processor::text(&processor::per_thing(&before, &after, count));
    let sent = sender.sent;
    sender.close().await;
    let behind = rests(sandbox, sent).await?.as_secs_f64();
    let remark = format!("{sent} messages; the last event left {behind:.1} s after the last message");
    Ok(Way { per_second, used, remarks: vec![remark] })
}

/// Waits until every message is decided and every event sent, and says how long that took.
///
/// # Errors
/// A message is not exactly one order: then the figures are invalid.
async fn rests(sandbox: &Sandbox<'_>, sent: u64) -> Result<Duration> {
    let start = Instant::now();
    loop {
        let text = sandbox.sql(include_str!("../../sql/requests.sql"), &[]).await?;
        let counts: Vec<u64> = text.split('|').filter_map(|count| count.parse().ok()).collect();
        let [requests, undecided, orders, events] = counts[..] else {
            bail!("psql wrote something that cannot be read: {text}");
        };
        if (requests, undecided, orders, events) == (sent, 0, sent, 0) {
            return Ok(start.elapsed());
        }
        ensure!(
            start.elapsed() < REST_LIMIT,
            "of {sent} messages {requests} are known, {undecided} without a confirmed order; there are {orders} \
             orders, and {events} events wait. Look into the log of the order service"
        );
        sleep(POLL).await;
    }
}

/// Orders that get into the kitchen's queues per second, after the warm-up.
async fn rate(sandbox: &Sandbox<'_>) -> Result<f64> {
    sleep(sandbox.effort.warmup()).await;
    let (before, start) = in_the_kitchen(sandbox).await?;
    sleep(sandbox.effort.duration()).await;
    let (after, end) = in_the_kitchen(sandbox).await?;
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 orders")]
    let orders = (after - before) as f64;
    Ok(orders / (end - start))
}

/// The number of orders that got into the kitchen's queues so far, and the time of it in seconds.
async fn in_the_kitchen(sandbox: &Sandbox<'_>) -> Result<(u64, f64)> {
    let text = sandbox.sql(include_str!("../../sql/in_the_kitchen.sql"), &[]).await?;
    let figures =
        text.split_once('|').and_then(|(orders, time)| Some((orders.parse().ok()?, time.parse().ok()?)));
    figures.with_context(|| format!("psql wrote something that cannot be read: {text}"))
}
