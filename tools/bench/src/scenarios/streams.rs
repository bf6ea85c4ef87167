//! Streams of changes: how late an event arrives, and what open streams cost the tracking service.
//!
//! A delay is from the time in the event's row to the event's arrival. The row has the time at
//! which PostgreSQL began the statement that wrote it, or its transaction. So the delay also has
//! the time until the commit, before which nobody can know of the change: it is the longer one of
//! the two that could be measured, and the one that a guest would see. PostgreSQL does not keep
//! the moment of a commit unless it is told to at its start (`track_commit_timestamp`), and that
//! would slow down what is measured here. The event's text has whole milliseconds, so up to one is
//! added.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use restaurant_load::plot::Plot;
use runtime::http_client::{Request, send};
use runtime::open_files;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Latencies, Target, Unit, median};
use crate::followers::{Arrival, Followers};
use crate::load::{self, Workload};
use crate::outcome::{Outcome, ResultLine};
use crate::processor::{self, Times};
use crate::scenarios::kitchen::until_ready;
use crate::scenarios::round::{CONCURRENCY, CONNECTIONS, MAX_CONCURRENT, say};
use crate::service::Service;
use crate::statements::CountedRole;

/// Open streams of one order each: none, some, and as many as the goal is about.
const TRACKERS: [u32; 3] = [0, 200, MANY];
const MANY: u32 = 2_000;
/// Open streams of all orders.
const DISPLAYS: usize = 20;
/// Orders a second that are placed and cooked.
const RATE: f64 = 500.0;
/// Ready orders that are stored before. Trackers follow some of them, spread over the table.
const ORDERS: u32 = 40_000;
/// The distance between two orders of which one is handed over after the other, and between two
/// that are followed if many are.
const STEP: u32 = ORDERS / MANY;
/// Orders a second that the staff hands over. Those that are followed are among them, so that
/// trackers have events too. They are the same, whether they are followed or not.
const HANDED_OVER: u32 = 100;
/// Of the connections of one address three quarters may be streams. All clients are on this
/// machine. The defaults follow the machine's memory, and might allow fewer.
const HTTP: [(&str, &str); 2] =
    [("HTTP_MAX_CONNECTIONS", "3000"), ("HTTP_MAX_CONNECTIONS_PER_ADDRESS", "3000")];
/// Open files of this process: all clients, and what else it has.
const OPEN_FILES: usize = MANY as usize + DISPLAYS + 500;
const STAFF_KEY: &str = "the-bench-works-as-the-staff";
/// Longest time for the last events after the last change, and for one order to be handed over.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// What the HTTP server reserves for a connection in its own memory, in kilobytes: 48 KiB.
const RESERVED: f64 = 49.152;

/// The figures of one number of trackers.
struct Run {
    trackers: u32,
    at_trackers: Latencies,
    at_displays: Latencies,
    /// Statements of the tracking service per second.
    statements: f64,
    /// Its resident memory in megabytes.
    megabytes: f64,
    /// Its processor time in microseconds per second.
    micros: f64,
}

/// What was measured between the warm-up and the end of the load.
struct Window {
    begin: Instant,
    end: Instant,
    before: Times,
    after: Times,
    statements: usize,
    megabytes: f64,
}

/// Each round measures every number of trackers, and every second round the largest first.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let files = open_files::raise_to(OPEN_FILES);
    ensure!(files >= OPEN_FILES, "{OPEN_FILES} open files are needed, and a process may have {files} here");
    let (mut runs, mut remarks) = (Vec::new(), Vec::new());
    for number in 1..=cluster.effort.rounds {
        let mut turns = TRACKERS;
        if number % 2 == 0 {
            turns.reverse();
        }
        for trackers in turns {
            let (run, remark) = cluster.sandbox(async |sandbox| run(sandbox, trackers).await).await?;
            let remark = format!("round {number}, {trackers} trackers: {remark}");
            say(&remark);
            remarks.push(remark);
            runs.push(run);
        }
    }
    Ok(Outcome { remarks, ..outcome(&runs) })
}

async fn run(sandbox: &Sandbox<'_>, trackers: u32) -> Result<(Run, String)> {
    sandbox.fill(ORDERS.into(), "ready").await?;
    let role = CountedRole::create(sandbox).await?;
    let orders = sandbox.order_service_of_staff(MAX_CONCURRENT, STAFF_KEY).await?;
    let worker = sandbox.kitchen_worker(CONCURRENCY).await?;
    let variables = [&HTTP[..], &role.variables(), &[("ORDER_STAFF_KEY", STAFF_KEY)]].concat();
    let tracking = sandbox.tracking_service_under(&variables).await?;
    let today = sandbox.today().await?;
    let staff = format!("Authorization: Bearer {STAFF_KEY}\r\n");
    let everything: Vec<String> = (0..DISPLAYS).map(|_| "/events".to_owned()).collect();
    let displays = Followers::open(tracking.port, &everything, &staff).await?;
    let followed: Vec<String> =
        followed(trackers).map(|order| format!("/orders/{}/events", number(&today, order))).collect();
    let of_orders = Followers::open(tracking.port, &followed, "").await?;
    sandbox.settle().await?;

    let stored = log_rows(sandbox).await?;
    let duration = sandbox.effort.duration();
    let placing = load::run(sandbox, Workload::Order(&orders, None), CONNECTIONS, Some((RATE, duration)));
    let handing_over = hand_over(&orders, &today, sandbox.effort.warmup() + duration);
    let services = [("tracking service", &tracking), ("order service", &orders), ("kitchen worker", &worker)];
    let watching = watch(sandbox, &services, &role);
    let (placed, handed_over, window) = tokio::try_join!(placing, handing_over, watching)?;
    ensure!(
        placed.per_second >= 0.98 * RATE && placed.complaints.is_empty(),
        "of {RATE} orders a second {:.0} were placed, with {:?}: other delays than those that are measured here",
        placed.per_second,
        placed.complaints
    );
    ensure!(until_ready(sandbox, LIMIT).await?, "orders are still open {LIMIT:?} after the load");

    let wanted = log_rows(sandbox).await? - stored;
    let wanted_of_orders = followed_among(trackers, handed_over);
    let start = Instant::now();
    let have_all = || {
        displays.counts().iter().all(|count| *count == wanted)
            && of_orders.counts().iter().sum::<u64>() == wanted_of_orders
    };
    while !have_all() && start.elapsed() < LIMIT {
        sleep(POLL).await;
    }
    let (counts, count_of_orders) = (displays.counts(), of_orders.counts().iter().sum::<u64>());
    let (at_displays, at_trackers) = (displays.close().await?, of_orders.close().await?);
    ensure!(
        counts.iter().all(|count| *count == wanted) && count_of_orders == wanted_of_orders,
        "of {wanted} changes displays have got {counts:?}, and trackers {count_of_orders} of {wanted_of_orders}"
    );

    let seconds = (window.end - window.begin).as_secs_f64();
    let in_each = processor::per_thing(&window.before, &window.after, duration.as_secs());
    let of_tracking = in_each.iter().find(|(name, _)| *name == "tracking service");
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 statements")]
    let statements = window.statements as f64 / seconds;
    let run = Run {
        trackers,
        at_trackers: window.latencies(&at_trackers),
        at_displays: window.latencies(&at_displays),
        statements,
        megabytes: window.megabytes,
        micros: of_tracking.map_or(0.0, |(_, micros)| *micros),
    };
    let remark = format!(
        "{:.0} orders/s; p99 {:.0} ms at trackers, {:.0} ms at displays; {:.1} MB; {statements:.1} \
         statements/s; processor time in each second: {}",
        placed.per_second,
        run.at_trackers.p99,
        run.at_displays.p99,
        run.megabytes,
        processor::text(&in_each)
    );
    Ok((run, remark))
}

/// The places in the day of the orders that so many trackers follow.
fn followed(trackers: u32) -> impl Iterator<Item = u32> {
    let step = ORDERS / trackers.max(1);
    (1..=trackers).map(move |place| place * step)
}

/// How many of so many orders that are handed over are followed.
fn followed_among(trackers: u32, handed_over: u32) -> u64 {
    let last = handed_over * STEP;
    followed(trackers).filter(|order| *order <= last).map(|_| 1).sum()
}

fn number(today: &str, order: u32) -> String {
    format!("ORD_{today}_{order:03}")
}

/// The staff hands over one order after the other, at a steady rate for this long. Returns how
/// many.
async fn hand_over(orders: &Service, today: &str, duration: Duration) -> Result<u32> {
    let count = u32::try_from(duration.as_secs())? * HANDED_OVER;
    ensure!(count <= MANY, "{count} orders are handed over, and {MANY} are there");
    let mut pace = interval(Duration::from_secs(1) / HANDED_OVER);
    let mut handing_over = JoinSet::new();
    for place in 1..=count {
        pace.tick().await;
        let (port, path) = (orders.port, format!("/orders/{}/complete", number(today, place * STEP)));
        handing_over.spawn(async move {
            let key = format!("Bearer {STAFF_KEY}");
            let request =
                Request { method: "POST", path: &path, headers: &[("Authorization", &key)], body: None };
            let answer = send(port, &request, LIMIT).await.with_context(|| path.clone())?;
            ensure!(answer.status == 200, "{path} was answered {}: {}", answer.status, answer.body);
            anyhow::Ok(())
        });
    }
    while let Some(handed_over) = handing_over.join_next().await {
        handed_over??;
    }
    Ok(count)
}

/// Looks at the services after the warm-up, and at the end of the load.
async fn watch(
    sandbox: &Sandbox<'_>,
    services: &[(&'static str, &Service); 3],
    role: &CountedRole,
) -> Result<Window> {
    sleep(sandbox.effort.warmup()).await;
    let (begin, before, from) = (Instant::now(), processor::times(sandbox.cluster, services), role.place()?);
    sleep(sandbox.effort.duration()).await;
    let (end, after, to) = (Instant::now(), processor::times(sandbox.cluster, services), role.place()?);
    let [(_, tracking), ..] = services;
    let (megabytes, statements) = (tracking.memory()?.now, role.count(from, to)?);
    Ok(Window { begin, end, before, after, statements, megabytes })
}

impl Window {
    /// Of what arrived in it.
    fn latencies(&self, arrivals: &[Arrival]) -> Latencies {
        let within = arrivals.iter().filter(|arrival| arrival.at > self.begin && arrival.at <= self.end);
        Latencies::of_micros(within.map(|arrival| arrival.micros).collect())
    }
}

/// How many changes of status are stored.
async fn log_rows(sandbox: &Sandbox<'_>) -> Result<u64> {
    let text = sandbox.sql(include_str!("../../sql/log_rows.sql"), &[]).await?;
    text.parse().with_context(|| format!("psql wrote something that cannot be read: {text}"))
}

fn outcome(runs: &[Run]) -> Outcome {
    let of = |trackers: u32, value: &dyn Fn(&Run) -> f64| -> Vec<f64> {
        runs.iter().filter(|run| run.trackers == trackers).map(value).collect()
    };
    let each = |value: &dyn Fn(&Run) -> f64, text: &dyn Fn(f64) -> String| {
        let texts = TRACKERS.map(|trackers| text(median(&of(trackers, value))));
        texts.join(" : ")
    };
    let places = TRACKERS.map(|trackers| trackers.to_string()).join(" : ");
    let delay = |who: &str, name: &str, value: fn(&Run) -> f64, goal: f64| {
        let what =
            format!("an event at {who} ({MANY} trackers, {DISPLAYS} displays, {RATE} orders/s): {name}");
        let target = Target::at_most(goal, 2.0 * goal);
        ResultLine::new(&what, Unit::Milliseconds, of(MANY, &value), Some(target)).detailed(format!(
            "with {places} trackers {}",
            each(&value, &|value| Unit::Milliseconds.text(value))
        ))
    };
    // What the trackers add to the displays.
    let of_each = |value: fn(&Run) -> f64, unit: f64| -> Vec<f64> {
        let pairs = of(MANY, &value).into_iter().zip(of(0, &value));
        pairs.map(|(many, none)| (many - none) * unit / f64::from(MANY)).collect()
    };
    let memory = ResultLine::new(
        "memory of the tracking service for each tracker",
        Unit::Kilobytes,
        of_each(|run| run.megabytes, 1_000.0),
        Some(Target::at_most(RESERVED, RESERVED)),
    )
    .detailed(format!(
        "with {places} trackers {}",
        each(&|run| run.megabytes, &|value| Unit::Megabytes.text(value))
    ));
    let processor = ResultLine::new(
        "processor time of the tracking service for each tracker, in a second",
        Unit::Microseconds,
        of_each(|run| run.micros, 1.0),
        None,
    )
    .detailed(format!(
        "with {places} trackers {} of a core",
        each(&|run| run.micros, &|value| format!("{:.1} %", value / 1e4))
    ));
    let ratios = of(MANY, &|run| run.statements).into_iter().zip(of(0, &|run| run.statements));
    let statements = ResultLine::new(
        &format!("statements/s of the tracking service with {MANY} trackers, against none"),
        Unit::Times,
        ratios.map(|(many, none)| many / none.max(f64::MIN_POSITIVE)).collect(),
        Some(Target::at_most(1.1, 1.25)),
    )
    .detailed(format!(
        "with {places} trackers {}",
        each(&|run| run.statements, &|value| Unit::PerSecond.text(value))
    ));
    let lines = vec![
        delay("a tracker", "p50", |run| run.at_trackers.p50, 100.0),
        delay("a tracker", "p99", |run| run.at_trackers.p99, 250.0),
        delay("a display", "p50", |run| run.at_displays.p50, 100.0),
        delay("a display", "p99", |run| run.at_displays.p99, 250.0),
        memory,
        processor,
        statements,
    ];
    let points = |value: fn(&Run) -> f64| {
        TRACKERS.map(|trackers| (f64::from(trackers), median(&of(trackers, &value)))).to_vec()
    };
    let x = "trackers";
    let plots = vec![
        Plot::new(
            "From a change to its event",
            x,
            "ms",
            [
                ("a tracker, p50", points(|run| run.at_trackers.p50)),
                ("a tracker, p99", points(|run| run.at_trackers.p99)),
                ("a display, p50", points(|run| run.at_displays.p50)),
                ("a display, p99", points(|run| run.at_displays.p99)),
            ],
        ),
        Plot::new("Memory of the tracking service", x, "MB", [("resident", points(|run| run.megabytes))]),
        Plot::new(
            "Statements a second",
            x,
            "statements/s",
            [("tracking service", points(|run| run.statements))],
        ),
    ];
    Outcome { lines, plots, remarks: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followed_orders_are_spread_and_some_of_them_are_handed_over() {
        assert_eq!(followed(0).count(), 0);
        assert_eq!(followed(200).collect::<Vec<_>>()[..2], [200, 400]);
        assert_eq!(followed(MANY).last(), Some(ORDERS));
        assert_eq!(followed_among(0, 1_300), 0);
        assert_eq!(followed_among(200, 1_300), 130);
        assert_eq!(followed_among(MANY, 1_300), 1_300);
        assert_eq!(number("20261201", 20), "ORD_20261201_020");
    }

    #[test]
    fn what_trackers_add_is_shared_among_them() {
        let run = |trackers, megabytes, statements| Run {
            trackers,
            at_trackers: Latencies { p50: 60.0, p99: 300.0 },
            at_displays: Latencies { p50: 70.0, p99: 120.0 },
            statements,
            megabytes,
            micros: f64::from(trackers) + 5_000.0,
        };
        let runs = [run(0, 10.0, 10.0), run(200, 14.0, 10.0), run(MANY, 50.0, 10.5)];
        let lines = outcome(&runs).lines;
        let measured: Vec<String> = lines.iter().map(|line| line.unit.text(line.measured)).collect();
        let expected = ["60.00 ms", "300.00 ms", "70.00 ms", "120.00 ms", "20.0 kB", "1 µs", "1.05 ×"];
        assert_eq!(measured, expected);
        assert!(lines[4].detail.ends_with("10.0 MB : 14.0 MB : 50.0 MB"), "{}", lines[4].detail);
    }
}
