//! One and two instances of each service in comparison.
//!
//! All share the same cores, so a second process adds only what the first one left idle. It must
//! not reduce the total. A second worker always adds slots for cooking. The load always comes from
//! two processes, so that only the services differ.

use std::time::Duration;

use anyhow::Result;

use crate::cluster::{Cluster, Sandbox};
use crate::figures::Unit;
use crate::load::{Measured, Workload};
use crate::outcome::{Comparison, Outcome};
use crate::scenarios::round::{CONCURRENCY, CONNECTIONS, MAX_CONCURRENT, place_alone, say, two_loads};
use crate::scenarios::{kitchen, reads};

/// Connections that place orders, at all order services together.
const CLIENTS: usize = 256;
/// Concurrency of a worker with a cooking time.
const PLACES: u16 = 32;
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
                format!("two workers against one: cooking time 0, {CONCURRENCY} places each")
            }
            Self::Cook => format!("two workers against one: cooking time 1 s, {PLACES} places each"),
            Self::Ask => "two tracking services against one: asking, 64 connections".to_owned(),
        }
    }

    /// The rate of one or two instances.
    async fn measure(self, cluster: &Cluster, two: bool) -> Result<Measured> {
        let working = cluster.sandbox(async |sandbox| match self {
            Self::Place => placed(sandbox, two).await,
            Self::CookInNoTime => cooked(sandbox, two, (CONCURRENCY, Duration::ZERO)).await,
            Self::Cook => cooked(sandbox, two, (PLACES, COOKING)).await,
            Self::Ask => asked(sandbox, two).await,
        });
        working.await
    }
}

/// Each kind of work with one and two instances, in turn.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut rates = Work::ALL.map(|_| Vec::new());
    for number in 1..=cluster.effort.rounds {
        for (work, rates) in Work::ALL.into_iter().zip(&mut rates) {
            let (one, two) = (work.measure(cluster, false).await?, work.measure(cluster, true).await?);
            let title = format!("round {number}: {}", work.title());
            say(&format!("{title}: {:.0}/s : {:.0}/s", two.per_second, one.per_second));
            rates.push((two.per_second, one.per_second));
            let complaints = one.complaints.into_iter().chain(two.complaints);
            outcome.remarks.extend(complaints.map(|complaint| format!("{title}: {complaint}")));
        }
    }
    for (work, rates) in Work::ALL.into_iter().zip(rates) {
        let rates = Comparison::new(Unit::PerSecond, rates);
        outcome.lines.push(rates.line(&work.title(), None));
        outcome.plots.push(rates.plot(&work.title(), "a second", ["by two", "by one"]));
    }
    Ok(outcome)
}

/// Places orders at one or two order services, without looking them up.
pub async fn placed(sandbox: &Sandbox<'_>, two: bool) -> Result<Measured> {
    let first = sandbox.order_service(MAX_CONCURRENT).await?;
    let second = if two { Some(sandbox.order_service(MAX_CONCURRENT).await?) } else { None };
    sandbox.settle().await?;
    let workloads = [&first, second.as_ref().unwrap_or(&first)].map(|orders| Workload::Order(orders, None));
    two_loads(sandbox, workloads, CLIENTS).await
}

async fn asked(sandbox: &Sandbox<'_>, two: bool) -> Result<Measured> {
    sandbox.fill(reads::ORDERS, "ready").await?;
    let first = sandbox.tracking_service().await?;
    let second = if two { Some(sandbox.tracking_service().await?) } else { None };
    let workloads =
        [&first, second.as_ref().unwrap_or(&first)].map(|tracking| Workload::Ask(tracking, reads::ORDERS));
    two_loads(sandbox, workloads, CONNECTIONS).await
}

/// Orders are placed first, then the workers are started.
async fn cooked(sandbox: &Sandbox<'_>, two: bool, (places, cooking): (u16, Duration)) -> Result<Measured> {
    place_alone(sandbox, MAX_CONCURRENT, CONNECTIONS).await?;
    sandbox.settle().await?;
    let _first = sandbox.worker_named("chef_bench_1", places, cooking).await?;
    let _second = if two { Some(sandbox.worker_named("chef_bench_2", places, cooking).await?) } else { None };
    kitchen::until_ready(sandbox, sandbox.effort.duration()).await?;
    Ok(Measured { per_second: kitchen::rate(sandbox).await?.0, ..Measured::default() })
}
