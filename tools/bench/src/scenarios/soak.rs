//! The orders of hours, in minutes: nothing may grow that should not.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Error, Result};
use restaurant_load::plot::Plot;
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Target, Unit, median};
use crate::load::{self, Workload};
use crate::outcome::{Outcome, ResultLine};
use crate::scenarios::round::{CONNECTIONS, Services, all_services, say};

/// The order rate of a busy restaurant chain, and the number of hours.
const REAL_RATE: f64 = 10.0;
const HOURS: f64 = 8.0;
/// The order rate here. It is below the system's capacity, because the queues must stay empty.
const RATE: f64 = 400.0;
const EVERY: Duration = Duration::from_secs(5);
/// Tables and an index whose rows are removed or changed all the time: they must not grow. All
/// others hold history.
const TRANSIENT: [&str; 8] = [
    "open_orders_by_type",
    "order_claims",
    "order_counters",
    "order_outbox",
    "rescue_attempts",
    "status_outbox",
    "worker_sessions",
    "workers",
];

/// One observation.
#[derive(Clone, Debug, Default)]
struct Sample {
    seconds: f64,
    /// Megabytes of each service.
    memory: Vec<f64>,
    /// Waiting messages.
    waiting: f64,
    /// Bytes by table and by index.
    tables: BTreeMap<String, f64>,
}

/// Orders arrive at a fixed rate, and all four services run.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    cluster.sandbox(measure_in).await
}

async fn measure_in(sandbox: &Sandbox<'_>) -> Result<Outcome> {
    let seconds = sandbox.effort.either(REAL_RATE * HOURS * 3_600.0 / RATE, 60.0);
    let services = all_services(sandbox).await?;
    let [(_, orders), _, (_, tracking), _] = &services;
    let workload = Workload::Order(orders, Some(tracking));
    let load = load::run(sandbox, workload, CONNECTIONS, Some((RATE, Duration::from_secs_f64(seconds))));
    let mut samples = Vec::new();
    let measured = tokio::select! {
        measured = load => measured?,
        failed = watch(sandbox, &services, &mut samples) => return Err(failed),
    };
    let mut outcome = outcome(&services, &samples);
    outcome.remarks.push(format!(
        "{} orders at {RATE}/s, as {HOURS} hours at {REAL_RATE}/s bring in a full run; p99 {:.1} ms.",
        measured.acknowledged, measured.latencies.p99
    ));
    outcome.remarks.extend(measured.complaints);
    Ok(outcome)
}

/// Samples repeatedly. It ends only with an error.
async fn watch(sandbox: &Sandbox<'_>, services: &Services, samples: &mut Vec<Sample>) -> Error {
    let start = Instant::now();
    loop {
        sleep(EVERY).await;
        match sample(sandbox, services, start.elapsed().as_secs_f64()).await {
            Ok(sample) => {
                say(&format!(
                    "{:.0} s: memory {:.0?} MB, {:.0} waiting",
                    sample.seconds, sample.memory, sample.waiting
                ));
                samples.push(sample);
            }
            Err(why) => return why,
        }
    }
}

async fn sample(sandbox: &Sandbox<'_>, services: &Services, seconds: f64) -> Result<Sample> {
    let memory =
        services.iter().map(|(_, service)| Ok(service.memory()?.now)).collect::<Result<Vec<f64>>>()?;
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 messages")]
    let waiting = sandbox.messages_ready().await? as f64;
    let sizes = sandbox.sql(include_str!("../../sql/sizes.sql"), &[]).await?;
    let tables = sizes.lines().filter_map(|line| {
        let (table, bytes) = line.split_once('|')?;
        Some((table.to_owned(), bytes.parse().ok()?))
    });
    Ok(Sample { seconds, memory, waiting, tables: tables.collect() })
}

fn outcome(services: &Services, samples: &[Sample]) -> Outcome {
    // The first fifth includes the start: caches, connections, first pages.
    let (early, late) = (part(samples, 1), part(samples, 4));
    let growth = |what: &str, value: &dyn Fn(&Sample) -> f64, text: fn(f64) -> String| {
        let of = |part: &[Sample]| median(&part.iter().map(value).collect::<Vec<_>>());
        let (from, to) = (of(early), of(late));
        let what = format!("soak: {what}, last fifth against the second");
        let (ratio, flat) = (to / from.max(f64::MIN_POSITIVE), Target::at_most(1.1, 1.25));
        let detail = format!("{} : {}", text(to), text(from));
        ResultLine::new(&what, Unit::Times, vec![ratio], Some(flat)).detailed(detail)
    };
    let memory = |place: usize| move |sample: &Sample| sample.memory.get(place).copied().unwrap_or(0.0);
    let of_services = services.iter().enumerate().map(|(place, (name, _))| {
        growth(&format!("memory of the {name}"), &memory(place), |megabytes| format!("{megabytes:.1} MB"))
    });
    let mut lines: Vec<_> = of_services.collect();
    let transient =
        |sample: &Sample| TRANSIENT.iter().filter_map(|table| sample.tables.get(*table)).sum::<f64>();
    lines.push(growth("tables of what is under way", &transient, |bytes| format!("{:.0} kB", bytes / 1e3)));
    let waiting: Vec<f64> = late.iter().map(|sample| sample.waiting).collect();
    // The orders of one second do not count as a queue.
    let short = Some(Target::at_most(RATE, 2.0 * RATE));
    lines.push(ResultLine::new("soak: messages waiting in the last fifth", Unit::Messages, waiting, short));
    let points = |value: &dyn Fn(&Sample) -> f64| {
        samples.iter().map(|sample| (sample.seconds, value(sample))).collect::<Vec<_>>()
    };
    let services = services.iter().enumerate().map(|(place, (name, _))| (*name, points(&memory(place))));
    let tables = TRANSIENT
        .iter()
        .map(|table| (*table, points(&|sample| sample.tables.get(*table).copied().unwrap_or(0.0) / 1e3)));
    let plots = vec![
        Plot::new("Memory", "seconds", "MB", services),
        Plot::new("Messages that wait", "seconds", "messages", [("waiting", points(&|of| of.waiting))]),
        Plot::new("Tables of what is under way", "seconds", "kB", tables),
    ];
    Outcome { lines, plots, remarks: Vec::new() }
}

/// The fifth of this number, from 0.
fn part(samples: &[Sample], number: usize) -> &[Sample] {
    let size = (samples.len() / 5).max(1);
    samples.chunks(size).nth(number.min(samples.len().div_ceil(size).saturating_sub(1))).unwrap_or_default()
}
