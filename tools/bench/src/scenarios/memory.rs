//! Resident memory of each service: idle, and the peak under load.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::figures::{Target, Unit};
use crate::outcome::{Outcome, ResultLine};
use crate::scenarios::round::{CONNECTIONS, Services, all_services, place, say};
use crate::service::Memory;

/// Time for settling after the start.
const PAUSE: Duration = Duration::from_secs(3);
/// Goal and least, in megabytes.
const IDLE: Target = Target::at_most(12.0, 20.0);
const LOADED: Target = Target::at_most(40.0, 64.0);
const NAMES: [&str; 4] = ["order service", "kitchen worker", "tracking service", "subscriber"];

/// All four services run together; orders are placed, cooked, shown, and read.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let mut idle: [Vec<f64>; 4] = Default::default();
    let mut loaded: [Vec<f64>; 4] = Default::default();
    for number in 1..=cluster.effort.rounds {
        let running = cluster.sandbox(async |sandbox| {
            let services = all_services(sandbox).await?;
            sleep(PAUSE).await;
            let idle = note(&services, &mut idle, |memory| memory.now)?;
            let [(_, orders), _, (_, tracking), _] = &services;
            place(sandbox, orders, Some(tracking), CONNECTIONS).await?;
            Ok((idle, note(&services, &mut loaded, |memory| memory.peak)?))
        });
        let (idle, loaded) = running.await?;
        say(&format!(
            "round {number}: order · kitchen · tracking · notifier: {idle} MB idle, {loaded} MB at most under load"
        ));
    }
    let mut outcome = Outcome::default();
    for (what, list, target) in [("idle", idle, IDLE), ("at most under load", loaded, LOADED)] {
        outcome.lines.extend(NAMES.into_iter().zip(list).map(|(name, values)| {
            ResultLine::new(&format!("memory of the {name}, {what}"), Unit::Megabytes, values, Some(target))
        }));
    }
    Ok(outcome)
}

/// Adds a value of each service to its list. Returns all these values as a text.
fn note(services: &Services, list: &mut [Vec<f64>; 4], value: fn(Memory) -> f64) -> Result<String> {
    let mut texts = Vec::new();
    for ((_, service), values) in services.iter().zip(list) {
        let value = value(service.memory()?);
        values.push(value);
        texts.push(format!("{value:.1}"));
    }
    Ok(texts.join(" · "))
}
