//! PostgreSQL, RabbitMQ, and HTTP in isolation: they explain the limits in the other scenarios.

use anyhow::Result;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::figures::{Latencies, Unit, median};
use crate::isolated::http::HttpServer;
use crate::isolated::postgres::Store;
use crate::isolated::rabbitmq::{Broker, DAY};
use crate::load::{self, Workload};
use crate::outcome::{Outcome, ResultLine, by_round};
use crate::scenarios::round::{CONNECTIONS, say};

/// Orders per transaction. The last value is the order service's own maximum.
const TOGETHER: [usize; 3] = [1, 32, 128];
/// The steps of an order through an idle system. Each begins when the one before it is durable or
/// confirmed.
const STEPS: [&str; 4] = ["stored", "its message confirmed", "claimed", "its announcement confirmed"];

/// The figures of one round: rates per second, times in milliseconds.
struct Round {
    /// Orders stored per second, and the latency of a transaction, for each of [`TOGETHER`].
    stored: [(f64, Latencies); 3],
    confirmed: f64,
    answered: f64,
    answer: Latencies,
    /// The time of each of [`STEPS`].
    steps: [f64; 4],
    /// The time of all steps together.
    way: f64,
}

/// One after the other, each with the whole machine for itself.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let mut rounds = Vec::new();
    for number in 1..=cluster.effort.rounds {
        let round = round(cluster).await?;
        let stored: Vec<String> = TOGETHER
            .iter()
            .zip(&round.stored)
            .map(|(together, (rate, took))| format!("{rate:.0}/s by {together} ({:.2} ms)", took.p50))
            .collect();
        say(&format!(
            "round {number}: PostgreSQL stores {}; RabbitMQ confirms {:.0}/s; HTTP answers {:.0}/s, one at a time in {:.2} ms; step by step {:.2} ms ({:.2?})",
            stored.join(", "),
            round.confirmed,
            round.answered,
            round.answer.p50,
            round.way,
            round.steps
        ));
        rounds.push(round);
    }
    Ok(outcome(&rounds))
}

async fn round(cluster: &Cluster) -> Result<Round> {
    let mut stored = TOGETHER.map(|_| (0.0, Latencies::default()));
    for (together, stored) in TOGETHER.into_iter().zip(&mut stored) {
        let storing = cluster.sandbox(async |sandbox| {
            let mut store = Store::connect(sandbox).await?;
            sandbox.settle().await?;
            store.place_for(sandbox.effort.warmup(), together).await?;
            store.place_for(sandbox.effort.duration(), together).await
        });
        *stored = storing.await?;
    }
    let confirming = cluster.sandbox(async |sandbox| {
        let broker = Broker::connect(sandbox).await?;
        broker.publish(DAY, sandbox.effort.either(10_000, 2_000)).await?;
        let confirmed = broker.publish(DAY, sandbox.effort.either(50_000, 10_000)).await?;
        broker.close().await;
        Ok(confirmed)
    });
    let confirmed = confirming.await?;
    let answering = cluster.sandbox(async |sandbox| {
        let front = HttpServer::open()?;
        let load = |connections| load::run(sandbox, Workload::OrderUnstored(front.port), connections, None);
        let answered = load(CONNECTIONS).await?.per_second;
        let answer = load(1).await?.latencies;
        front.close().await;
        Ok((answered, answer))
    });
    let (answered, answer) = answering.await?;
    let walking = cluster.sandbox(async |sandbox| {
        let mut store = Store::connect(sandbox).await?;
        let broker = Broker::connect(sandbox).await?;
        sandbox.settle().await?;
        step_by_step(&mut store, &broker, sandbox.effort.either(500, 100)).await?;
        let steps = step_by_step(&mut store, &broker, sandbox.effort.either(2_000, 500)).await?;
        broker.close().await;
        Ok(steps)
    });
    let (steps, way) = walking.await?;
    Ok(Round { stored, confirmed, answered, answer, steps, way })
}

/// Takes orders through all steps, one order after the other. Returns the medians of each step and
/// of the sum.
async fn step_by_step(store: &mut Store, broker: &Broker, count: usize) -> Result<([f64; 4], f64)> {
    let mut micros = STEPS.map(|_| Vec::with_capacity(count));
    let mut ways = Vec::with_capacity(count);
    for _ in 0..count {
        let mut times = vec![Instant::now()];
        for order in store.place(1).await? {
            times.push(Instant::now());
            broker.send_order(order.number).await?;
            times.push(Instant::now());
            let announcement = store.claim(&order).await?;
            times.push(Instant::now());
            broker.publish_update(&announcement.update).await?;
            times.push(Instant::now());
        }
        for (step, (from, to)) in micros.iter_mut().zip(times.iter().zip(times.iter().skip(1))) {
            step.push((*to - *from).as_secs_f64() * 1e6);
        }
        if let (Some(start), Some(end)) = (times.first(), times.last()) {
            ways.push((*end - *start).as_secs_f64() * 1e6);
        }
    }
    Ok((micros.map(|step| Latencies::of_micros(step).p50), Latencies::of_micros(ways).p50))
}

fn outcome(rounds: &[Round]) -> Outcome {
    let values = |value: &dyn Fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<f64>>();
    let ms = |value: &dyn Fn(&Round) -> f64| Unit::Milliseconds.text(median(&values(value)));
    let rate = |what: &str, rates: &[f64]| ResultLine::new(what, Unit::PerSecond, rates.to_vec(), None);
    let mut lines = Vec::new();
    let mut curves = Vec::new();
    let names = TOGETHER.map(|together| format!("PostgreSQL, {together} to a transaction"));
    for (place, (together, name)) in TOGETHER.into_iter().zip(&names).enumerate() {
        let of = |round: &Round| round.stored.get(place).copied().unwrap_or_default();
        let rates = values(&|round| of(round).0);
        let what = format!(
            "PostgreSQL alone: orders stored, {together} to a transaction, one transaction after the other"
        );
        let detail = format!("a transaction: p50 {}", ms(&|round| of(round).1.p50));
        lines.push(rate(&what, &rates).detailed(detail));
        curves.push((name.as_str(), rates));
    }
    let confirmed = values(&|round| round.confirmed);
    lines.push(rate("RabbitMQ alone: orders' messages confirmed, 256 unconfirmed at a time", &confirmed));
    curves.push(("RabbitMQ", confirmed));
    let answered = values(&|round| round.answered);
    let what = "HTTP alone: orders read, validated, answered, and neither stored nor logged, 64 connections";
    let detail = format!("one connection: p50 {}", ms(&|round| round.answer.p50));
    lines.push(rate(what, &answered).detailed(detail));
    curves.push(("HTTP", answered));
    let steps = STEPS.iter().enumerate().map(|(place, step)| {
        format!("{step} {}", ms(&|round| round.steps.get(place).copied().unwrap_or_default()))
    });
    let what = "an order's way as far as its announcement, without HTTP and services: p50";
    lines.push(
        ResultLine::new(what, Unit::Milliseconds, values(&|round| round.way), None)
            .detailed(steps.collect::<Vec<_>>().join(", ")),
    );
    Outcome { lines, plots: vec![by_round("Each part alone", "orders/s", curves)], remarks: Vec::new() }
}
