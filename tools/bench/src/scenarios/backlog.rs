//! A long queue: many orders wait, and neither placing nor claiming may get slower.

use anyhow::{Context, Result};
use time::Date;
use time::macros::format_description;
use tokio::time::sleep;

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Target, Unit};
use crate::isolated::rabbitmq::Broker;
use crate::outcome::{Comparison, Outcome};
use crate::processor;
use crate::scenarios::kitchen;
use crate::scenarios::round::{CONCURRENCY, CONNECTIONS, MAX_CONCURRENT, place_alone, say};

/// The smaller number of waiting orders: more than the worker can claim in the measured time.
const FEW: u32 = 150_000;
const FEW_IF_QUICK: u32 = 50_000;

/// The rates of placing and claiming.
struct Rates {
    placed: f64,
    taken: f64,
    /// Processor time per claimed order.
    used: String,
}

/// Orders are stored by SQL, and their messages published. Then some are claimed, and further ones
/// are placed.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let effort = cluster.effort;
    let (few, many) = (effort.either(FEW, FEW_IF_QUICK), effort.either(1_000_000, 200_000));
    let mut outcome = Outcome::default();
    let (mut placed, mut taken) = (Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let short = cluster.sandbox(async |sandbox| rates(sandbox, few).await).await?;
        let long = cluster.sandbox(async |sandbox| rates(sandbox, many).await).await?;
        say(&format!(
            "round {number}: placed {:.0}/s behind {few}, {:.0}/s behind {many}; cooked {:.0}/s ({}) and {:.0}/s ({})",
            short.placed, long.placed, short.taken, short.used, long.taken, long.used
        ));
        outcome.remarks.push(format!(
            "round {number}: processor time for each order taken: {}; with {many} waiting: {}",
            short.used, long.used
        ));
        placed.push((long.placed, short.placed));
        taken.push((long.taken, short.taken));
    }
    for (what, title, rates) in [("placing", "Orders placed", placed), ("taking", "Orders taken", taken)] {
        let rates = Comparison::new(Unit::PerSecond, rates);
        let what = format!("{what} with {many} orders waiting, against {few}");
        outcome.lines.push(rates.line(&what, Some(Target::at_least(0.9, 0.8))));
        outcome.plots.push(rates.plot(title, "a second", ["long queue", "short queue"]));
    }
    Ok(outcome)
}

async fn rates(sandbox: &Sandbox<'_>, waiting: u32) -> Result<Rates> {
    sandbox.fill(u64::from(waiting), "received").await?;
    publish(sandbox, waiting).await?;
    sandbox.settle().await?;
    // Claiming comes first, so that only the stored orders are claimed.
    let worker = sandbox.kitchen_worker(CONCURRENCY).await?;
    let before = processor::times(sandbox.cluster, &[("worker", &worker)]);
    sleep(sandbox.effort.duration()).await;
    let after = processor::times(sandbox.cluster, &[("worker", &worker)]);
    let (taken, count) = kitchen::rate(sandbox).await?;
    worker.stop().await;
    let placed = place_alone(sandbox, MAX_CONCURRENT, CONNECTIONS).await?.per_second;
    Ok(Rates { placed, taken, used: processor::text(&processor::per_thing(&before, &after, count)) })
}

/// Publishes the messages of all stored orders.
async fn publish(sandbox: &Sandbox<'_>, count: u32) -> Result<()> {
    let today = sandbox.today().await?;
    let day = Date::parse(&today, format_description!("[year][month][day]"))
        .with_context(|| format!("psql wrote something that cannot be read: {today}"))?;
    let broker = Broker::connect(sandbox).await?;
    broker.publish(day, count).await?;
    broker.close().await;
    Ok(())
}
