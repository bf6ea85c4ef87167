//! Placing orders from a menu, with counted stock and price rules, against placing them without.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::figures::{Target, Unit};
use crate::load::{self, Workload};
use crate::outcome::{Comparison, Outcome};
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, in_turn, place, say};

/// Items of a menu, as many as a restaurant has.
const MANY: u32 = 25;

/// Each order has some of many items.
pub async fn of_many_items(cluster: &Cluster) -> Result<Outcome> {
    let what = "orders/s from a menu with stock and two price rules, against the menu off";
    measure(cluster, MANY, what, Target::at_least(0.95, 0.85)).await
}

/// Every order takes from the same row of the stock.
pub async fn of_one_item(cluster: &Cluster) -> Result<Outcome> {
    let what = "the same if all orders want one item";
    measure(cluster, 1, what, Target::at_least(0.95, 0.8)).await
}

/// Every acknowledged order is looked up afterwards, and has the total that was quoted.
async fn measure(cluster: &Cluster, items: u32, what: &str, target: Target) -> Result<Outcome> {
    let (mut rates, mut remarks) = (Vec::new(), Vec::new());
    for number in 1..=cluster.effort.rounds {
        let without = cluster.sandbox(async |sandbox| {
            let orders = sandbox.order_service(MAX_CONCURRENT).await?;
            let tracking = sandbox.tracking_service().await?;
            place(sandbox, &orders, Some(&tracking), CONNECTIONS).await
        });
        let with = cluster.sandbox(async |sandbox| {
            let orders = sandbox.order_service_with_menu(MAX_CONCURRENT, items).await?;
            let tracking = sandbox.tracking_service().await?;
            sandbox.settle().await?;
            let workload = Workload::OrderFromMenu(&orders, &tracking);
            load::run(sandbox, workload, CONNECTIONS, None).await
        });
        let (without, with) = in_turn(number, without, with).await?;
        say(&format!(
            "round {number}: off {:.0}/s, p99 {:.1} ms; on {:.0}/s, p99 {:.1} ms {}",
            without.per_second,
            without.latencies.p99,
            with.per_second,
            with.latencies.p99,
            with.complaints.join(", ")
        ));
        rates.push((with.per_second, without.per_second));
        remarks.extend(without.complaints.into_iter().chain(with.complaints));
    }
    let rates = Comparison::new(Unit::PerSecond, rates);
    let line = rates.line(what, Some(target));
    let plot = rates.plot("Orders a second", "orders/s", ["menu on", "menu off"]);
    Ok(Outcome { lines: vec![line], plots: vec![plot], remarks })
}
