//! Resident memory of each service: idle, and the peak under load.

use std::time::Duration;

use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit};
use crate::outcome::{Outcome, ResultLine};
use crate::scenarios::kitchen;
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, place, say};
use crate::service::Service;

/// Time for settling after the start.
const PAUSE: Duration = Duration::from_secs(3);
/// Goal and least, in megabytes.
const IDLE: Target = Target::at_most(12.0, 20.0);
const LOADED: Target = Target::at_most(40.0, 64.0);

/// All four services run together; orders are placed, cooked, shown, and read.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let mut idle: [Vec<f64>; 4] = Default::default();
    let mut loaded: [Vec<f64>; 4] = Default::default();
    for number in 1..=effort.rounds {
        let sandbox = cluster.sandbox().await?;
        let services = [
            sandbox.order_service(MAX_CONCURRENT).await?,
            sandbox.kitchen_worker(kitchen::CONCURRENCY).await?,
            sandbox.tracking_service().await?,
            sandbox.subscriber().await?,
        ];
        sleep(PAUSE).await;
        note(&services, &mut idle, |memory| memory.now)?;
        let [orders, _, tracking, _] = &services;
        place(&sandbox, orders, Some(tracking), CONNECTIONS, effort).await?;
        note(&services, &mut loaded, |memory| memory.peak)?;
        let last = |list: &[Vec<f64>; 4]| {
            let values: Vec<String> =
                list.iter().filter_map(|values| values.last()).map(|value| format!("{value:.1}")).collect();
            values.join(" · ")
        };
        say(&format!(
            "round {number}: order · kitchen · tracking · notifier: {} MB idle, {} MB at most under load",
            last(&idle),
            last(&loaded)
        ));
        for service in services {
            service.stop().await;
        }
        sandbox.end().await?;
    }
    let names = ["order service", "kitchen worker", "tracking service", "subscriber"];
    let lines = |what: &str, list: [Vec<f64>; 4], target: Target| {
        let lines = names.into_iter().zip(list).map(|(name, values)| {
            ResultLine::new(&format!("memory of the {name}, {what}"), Unit::Megabytes, values, Some(target))
        });
        lines.collect::<Vec<_>>()
    };
    let lines = [lines("idle", idle, IDLE), lines("at most under load", loaded, LOADED)].concat();
    Ok(Outcome { lines, plots: Vec::new(), remarks: Vec::new() })
}

fn note(
    services: &[Service; 4],
    list: &mut [Vec<f64>; 4],
    value: fn(crate::service::Memory) -> f64,
) -> Result<(), Error> {
    for (service, values) in services.iter().zip(list) {
        values.push(value(service.memory()?));
    }
    Ok(())
}
