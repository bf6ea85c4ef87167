//! A long history: no operation may get slower because of past orders.

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit, median};
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::scenarios::reads;
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, place, say};

/// Orders that exist in either case, to be read.
const FEW: u64 = 20_000;
/// The largest number of "today's first orders" that are read.
const ASKED: u64 = 1_000_000;

/// The rates of placing and reading.
struct Rates {
    placed: f64,
    told: f64,
}

/// The tables are filled once. Each round then measures few and many orders in turn.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let many = effort.either(10_000_000, 500_000);
    let long = cluster.sandbox().await?;
    say(&format!("storing {many} orders ..."));
    long.fill(many, "ready").await?;
    let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let short = cluster.sandbox().await?;
        short.fill(FEW, "ready").await?;
        let few = rates(&short, FEW, effort).await?;
        short.end().await?;
        let much = rates(&long, many.min(ASKED), effort).await?;
        say(&format!(
            "round {number}: placed {:.0}/s with few, {:.0}/s with many; read {:.0}/s with few, {:.0}/s with many",
            few.placed, much.placed, few.told, much.told
        ));
        with_few.push(few);
        with_many.push(much);
    }
    long.end().await?;
    let values = |list: &[Rates], value: fn(&Rates) -> f64| list.iter().map(value).collect::<Vec<_>>();
    let line = |what: &str, value: fn(&Rates) -> f64| {
        let (few, many_orders) = (values(&with_few, value), values(&with_many, value));
        ResultLine::new(
            &format!("{what} with {many} orders in the tables, against {FEW}"),
            Unit::Times,
            ratios(&many_orders, &few),
            Some(Target::at_least(0.9, 0.8)),
        )
        .detailed(format!(
            "{} : {}",
            Unit::PerSecond.text(median(&many_orders)),
            Unit::PerSecond.text(median(&few))
        ))
    };
    let plot = |title: &str, value: fn(&Rates) -> f64| {
        let curves =
            vec![("long history", values(&with_many, value)), ("short history", values(&with_few, value))];
        Plot::of_rounds(title, "a second", curves)
    };
    Ok(Outcome {
        lines: vec![line("intake", |rates| rates.placed), line("status reads", |rates| rates.told)],
        plots: vec![plot("Orders placed", |rates| rates.placed), plot("Statuses read", |rates| rates.told)],
        remarks: Vec::new(),
    })
}

async fn rates(sandbox: &Sandbox<'_>, orders: u64, effort: Effort) -> Result<Rates, Error> {
    let tracking = sandbox.tracking_service().await?;
    let told = reads::ask(sandbox, &tracking, orders, effort).await?.per_second;
    tracking.stop().await;
    let service = sandbox.order_service(MAX_CONCURRENT).await?;
    let placed = place(sandbox, &service, None, CONNECTIONS, effort).await?.per_second;
    service.stop().await;
    Ok(Rates { placed, told })
}
