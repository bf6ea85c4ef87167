//! One and two of each service, side by side.
//!
//! Where all share the same cores, a second process that needs them can add nothing; it must not take anything away either. What a
//! second worker adds everywhere is places to cook at.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cluster::{Cluster, Stage};
use crate::error::Error;
use crate::figures::{Unit, median};
use crate::load::Errand;
use crate::outcome::{Line, Outcome, Plot, ratios};
use crate::rows::{CONNECTIONS, Effort, MAX_CONCURRENT, kitchen, place, reads, say};
use crate::service::Service;

/// Guests who order, at all order services together.
const GUESTS: usize = 256;
/// Of a worker whose orders take time.
const PLACES: u16 = 32;
const COOKING: Duration = Duration::from_secs(1);

/// What is done by one and by two.
#[derive(Clone, Copy)]
enum Work {
    Place,
    CookInNoTime,
    Cook,
    Ask,
}

impl Work {
    const ALL: [Self; 4] = [Self::Place, Self::CookInNoTime, Self::Cook, Self::Ask];

    fn title(self) -> &'static str {
        match self {
            Self::Place => "two order services against one: placing, 256 connections",
            Self::CookInNoTime => "two workers against one: cooking time 0, 128 places each",
            Self::Cook => "two workers against one: cooking time 1 s, 32 places each",
            Self::Ask => "two tracking services against one: asking, 64 connections",
        }
    }

    /// How many a second, by one service or by two.
    async fn rate(self, cluster: &Cluster, two: bool, effort: Effort) -> Result<f64, Error> {
        let stage = cluster.stage().await?;
        let rate = match self {
            Self::Place => placed(&stage, two, effort).await?,
            Self::CookInNoTime => cooked(&stage, two, (kitchen::CONCURRENCY, Duration::ZERO), effort).await?,
            Self::Cook => cooked(&stage, two, (PLACES, COOKING), effort).await?,
            Self::Ask => asked(&stage, two, effort).await?,
        };
        stage.end().await?;
        Ok(rate)
    }
}

/// Each kind of work by one and by two, in turn.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let mut rates = Work::ALL.map(|_| (Vec::new(), Vec::new()));
    for number in 1..=effort.rounds {
        let mut seen = format!("round {number}");
        for (work, (by_one, by_two)) in Work::ALL.into_iter().zip(&mut rates) {
            let (one, two) =
                (work.rate(cluster, false, effort).await?, work.rate(cluster, true, effort).await?);
            let _ = write!(seen, "; {}: {two:.0}/s, {one:.0}/s", work.title());
            by_one.push(one);
            by_two.push(two);
        }
        say(&seen);
    }
    let mut outcome = Outcome::default();
    for (work, (by_one, by_two)) in Work::ALL.into_iter().zip(rates) {
        let line = Line::new(work.title(), Unit::Times, ratios(&by_two, &by_one), None);
        outcome.lines.push(line.detailed(format!(
            "{} : {}",
            Unit::PerSecond.text(median(&by_two)),
            Unit::PerSecond.text(median(&by_one))
        )));
        let curves = vec![("by two", by_two), ("by one", by_one)];
        outcome.plots.push(Plot::of_rounds(work.title(), "a second", curves));
    }
    Ok(outcome)
}

async fn placed(stage: &Stage<'_>, two: bool, effort: Effort) -> Result<f64, Error> {
    let first = stage.order_service(MAX_CONCURRENT).await?;
    let second = if two { Some(stage.order_service(MAX_CONCURRENT).await?) } else { None };
    stage.settle().await?;
    at_each(stage, &first, second.as_ref(), GUESTS, effort, |orders| Errand::Order(orders, None)).await
}

async fn asked(stage: &Stage<'_>, two: bool, effort: Effort) -> Result<f64, Error> {
    stage.fill(reads::ORDERS, "ready").await?;
    let first = stage.tracking_service().await?;
    let second = if two { Some(stage.tracking_service().await?) } else { None };
    let errand = |tracking| Errand::Ask(tracking, reads::ORDERS);
    at_each(stage, &first, second.as_ref(), CONNECTIONS, effort, errand).await
}

/// A load at each of the services at once; all connections together are so many.
async fn at_each<'a>(
    stage: &Stage<'_>,
    first: &'a Service,
    second: Option<&'a Service>,
    connections: usize,
    effort: Effort,
    errand: impl Fn(&'a Service) -> Errand<'a>,
) -> Result<f64, Error> {
    let Some(second) = second else {
        return Ok(effort.load(errand(first), connections).run(stage).await?.per_second);
    };
    let [first, second] = [first, second].map(|service| effort.load(errand(service), connections / 2));
    let (first, second) = tokio::try_join!(first.run(stage), second.run(stage))?;
    Ok(first.per_second + second.per_second)
}

/// Orders are placed first, then the workers come.
async fn cooked(
    stage: &Stage<'_>,
    two: bool,
    (places, cooking): (u16, Duration),
    effort: Effort,
) -> Result<f64, Error> {
    let orders = stage.order_service(MAX_CONCURRENT).await?;
    place(stage, &orders, None, CONNECTIONS, effort).await?;
    orders.stop().await;
    stage.settle().await?;
    let first = stage.worker_named("chef_bench_1", places, cooking).await?;
    let second = if two { Some(stage.worker_named("chef_bench_2", places, cooking).await?) } else { None };
    kitchen::until_ready(stage, effort.duration()).await?;
    let (rate, _) = kitchen::rate(stage).await?;
    first.stop().await;
    if let Some(second) = second {
        second.stop().await;
    }
    Ok(rate)
}
