//! A long queue: many orders wait, and neither placing nor claiming may get slower.

use time::Date;
use time::macros::format_description;
use tokio::time::sleep;

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit, median};
use crate::isolated::rabbitmq::{Broker, quiet_log};
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::processor;
use crate::scenarios::kitchen;
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, place, say};

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
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let (few, many) = (effort.either(FEW, FEW_IF_QUICK), effort.either(1_000_000, 200_000));
    let (mut with_few, mut with_many, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let short = rates(cluster, few, effort).await?;
        let long = rates(cluster, many, effort).await?;
        say(&format!(
            "round {number}: placed {:.0}/s behind {few}, {:.0}/s behind {many}; cooked {:.0}/s ({}) and {:.0}/s ({})",
            short.placed, long.placed, short.taken, short.used, long.taken, long.used
        ));
        remarks.push(format!(
            "round {number}: processor time for each order taken: {}; with {many} waiting: {}",
            short.used, long.used
        ));
        with_few.push(short);
        with_many.push(long);
    }
    let values = |list: &[Rates], value: fn(&Rates) -> f64| list.iter().map(value).collect::<Vec<_>>();
    let line = |what: &str, value: fn(&Rates) -> f64| {
        let (short, long) = (values(&with_few, value), values(&with_many, value));
        ResultLine::new(
            &format!("{what} with {many} orders waiting, against {few}"),
            Unit::Times,
            ratios(&long, &short),
            Some(Target::at_least(0.9, 0.8)),
        )
        .detailed(format!(
            "{} : {}",
            Unit::PerSecond.text(median(&long)),
            Unit::PerSecond.text(median(&short))
        ))
    };
    let plot = |title: &str, value: fn(&Rates) -> f64| {
        let curves =
            vec![("long queue", values(&with_many, value)), ("short queue", values(&with_few, value))];
        Plot::of_rounds(title, "a second", curves)
    };
    Ok(Outcome {
        lines: vec![line("placing", |rates| rates.placed), line("taking", |rates| rates.taken)],
        plots: vec![plot("Orders placed", |rates| rates.placed), plot("Orders taken", |rates| rates.taken)],
        remarks,
    })
}

async fn rates(cluster: &Cluster, waiting: u32, effort: Effort) -> Result<Rates, Error> {
    let sandbox = cluster.sandbox().await?;
    sandbox.fill(u64::from(waiting), "received").await?;
    publish(&sandbox, waiting).await?;
    sandbox.settle().await?;
    // Claiming comes first, so that only the stored orders are claimed.
    let worker = sandbox.kitchen_worker(kitchen::CONCURRENCY).await?;
    let before = processor::times(cluster, &[("worker", &worker)]);
    sleep(effort.duration()).await;
    let after = processor::times(cluster, &[("worker", &worker)]);
    let (taken, count) = kitchen::rate(&sandbox).await?;
    let used = processor::text(&processor::per_thing(&before, &after, count));
    worker.stop().await;
    let service = sandbox.order_service(MAX_CONCURRENT).await?;
    let placed = place(&sandbox, &service, None, CONNECTIONS, effort).await?.per_second;
    service.stop().await;
    sandbox.end().await?;
    Ok(Rates { placed, taken, used })
}

/// Publishes the messages of all stored orders.
async fn publish(sandbox: &Sandbox<'_>, count: u32) -> Result<(), Error> {
    let today = sandbox.today().await?;
    let day = Date::parse(&today, format_description!("[year][month][day]"))
        .map_err(|_| Error::Unreadable { program: "psql", output: today })?;
    let (log, _flush) = quiet_log();
    let broker = Broker::connect(sandbox, &log).await?;
    broker.publish(day, count).await?;
    broker.close().await;
    Ok(())
}
