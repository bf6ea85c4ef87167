//! One and two instances of each service in comparison.
//!
//! All share the same cores, so a second process adds only what the first one left idle. It must
//! not reduce the total. A second worker always adds slots for cooking. The load always comes from
//! two processes, so that only the services differ.

use std::time::Duration;

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Unit, median};
use crate::load::{Measured, Workload};
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, place, say, two_loads};
use crate::scenarios::{kitchen, reads};

/// Connections that place orders, at all order services together.
const CLIENTS: usize = 256;
/// Concurrency of a worker with a cooking time.
const CONCURRENCY: u16 = 32;
const COOKING: Duration = Duration::from_secs(1);

/// The work that one or two instances do.
#[derive(Clone, Copy)]
enum Work {
    Place,
    CookInNoTime,
    Cook,
    Ask,
}

impl Work {
    const ALL: [Self; 4] = [Self::Place, Self::CookInNoTime, Self::Cook, Self::Ask];

    fn title(self) -> String {
        match self {
            Self::Place => "two order services against one: placing, 256 connections".to_owned(),
            Self::CookInNoTime => {
                format!("two workers against one: cooking time 0, {} places each", kitchen::CONCURRENCY)
            }
            Self::Cook => format!("two workers against one: cooking time 1 s, {CONCURRENCY} places each"),
            Self::Ask => "two tracking services against one: asking, 64 connections".to_owned(),
        }
    }

    /// The rate per second, with one or two instances.
    async fn rate(self, cluster: &Cluster, two: bool, effort: Effort) -> Result<Rate, Error> {
        let sandbox = cluster.sandbox().await?;
        let rate = match self {
            Self::Place => placed(&sandbox, two, effort).await?,
            Self::CookInNoTime => {
                cooked(&sandbox, two, (kitchen::CONCURRENCY, Duration::ZERO), effort).await?
            }
            Self::Cook => cooked(&sandbox, two, (CONCURRENCY, COOKING), effort).await?,
            Self::Ask => asked(&sandbox, two, effort).await?,
        };
        sandbox.end().await?;
        Ok(rate)
    }
}

/// A rate per second, and the complaints about it.
struct Rate {
    per_second: f64,
    complaints: Vec<String>,
}

impl Rate {
    fn of([first, second]: [Measured; 2]) -> Self {
        Self {
            per_second: first.per_second + second.per_second,
            complaints: first.complaints.into_iter().chain(second.complaints).collect(),
        }
    }
}

/// Each kind of work with one and two instances, in turn.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let mut rates = Work::ALL.map(|_| (Vec::new(), Vec::new()));
    let mut remarks = Vec::new();
    for number in 1..=effort.rounds {
        for (work, (by_one, by_two)) in Work::ALL.into_iter().zip(&mut rates) {
            let (one, two) =
                (work.rate(cluster, false, effort).await?, work.rate(cluster, true, effort).await?);
            let title = work.title();
            say(&format!("round {number}: {title}: {:.0}/s : {:.0}/s", two.per_second, one.per_second));
            by_one.push(one.per_second);
            by_two.push(two.per_second);
            let complaints = one.complaints.into_iter().chain(two.complaints);
            remarks.extend(complaints.map(|complaint| format!("round {number}: {title}: {complaint}")));
        }
    }
    let mut outcome = Outcome { remarks, ..Outcome::default() };
    for (work, (by_one, by_two)) in Work::ALL.into_iter().zip(rates) {
        let line = ResultLine::new(&work.title(), Unit::Times, ratios(&by_two, &by_one), None);
        outcome.lines.push(line.detailed(format!(
            "{} : {}",
            Unit::PerSecond.text(median(&by_two)),
            Unit::PerSecond.text(median(&by_one))
        )));
        let curves = vec![("by two", by_two), ("by one", by_one)];
        outcome.plots.push(Plot::of_rounds(&work.title(), "a second", curves));
    }
    Ok(outcome)
}

async fn placed(sandbox: &Sandbox<'_>, two: bool, effort: Effort) -> Result<Rate, Error> {
    let first = sandbox.order_service(MAX_CONCURRENT).await?;
    let second = if two { Some(sandbox.order_service(MAX_CONCURRENT).await?) } else { None };
    sandbox.settle().await?;
    let workloads = [&first, second.as_ref().unwrap_or(&first)].map(|orders| Workload::Order(orders, None));
    Ok(Rate::of(two_loads(sandbox, workloads, CLIENTS, effort).await?))
}

async fn asked(sandbox: &Sandbox<'_>, two: bool, effort: Effort) -> Result<Rate, Error> {
    sandbox.fill(reads::ORDERS, "ready").await?;
    let first = sandbox.tracking_service().await?;
    let second = if two { Some(sandbox.tracking_service().await?) } else { None };
    let workloads =
        [&first, second.as_ref().unwrap_or(&first)].map(|tracking| Workload::Ask(tracking, reads::ORDERS));
    Ok(Rate::of(two_loads(sandbox, workloads, CONNECTIONS, effort).await?))
}

/// Orders are placed first, then the workers are started.
async fn cooked(
    sandbox: &Sandbox<'_>,
    two: bool,
    (places, cooking): (u16, Duration),
    effort: Effort,
) -> Result<Rate, Error> {
    let orders = sandbox.order_service(MAX_CONCURRENT).await?;
    place(sandbox, &orders, None, CONNECTIONS, effort).await?;
    orders.stop().await;
    sandbox.settle().await?;
    let first = sandbox.worker_named("chef_bench_1", places, cooking).await?;
    let second = if two { Some(sandbox.worker_named("chef_bench_2", places, cooking).await?) } else { None };
    kitchen::until_ready(sandbox, effort.duration()).await?;
    let (per_second, _) = kitchen::rate(sandbox).await?;
    first.stop().await;
    if let Some(second) = second {
        second.stop().await;
    }
    Ok(Rate { per_second, complaints: Vec::new() })
}
