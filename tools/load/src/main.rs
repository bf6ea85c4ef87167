//! Load generator: places orders (or reads statuses) at a high rate, and looks up every order
//! afterwards.
//!
//! There are two modes. In a closed loop each connection sends its next request as soon as it gets
//! a response; this measures the throughput. Open arrivals come at a fixed rate; this measures the
//! latency. The latency of an open arrival counts from the moment when it was due, even if all
//! connections were busy then, so no delay of the system is excluded ("coordinated omission").
//!
//! A response counts in the second in which it arrives: that is the achieved throughput, and a
//! backlog that is answered after the end does not add to it. In a closed loop a latency counts if
//! the response arrives in the measured time. The latency of an open arrival counts if it was due
//! in the measured time, whenever the response arrives. In both modes the same holds for requests
//! that are never answered. Requests that are unanswered some seconds after the end are given up
//! and reported.

#![expect(clippy::doc_markdown, reason = "the comments of the arguments are the text of --help")]

mod arrivals;
mod follow_up;
mod open_files;
mod orders;
mod progress;
mod recorder;
mod report;
mod response;
mod service;
mod window;
mod workload;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, IsTerminal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use argh::FromArgs;
use domain::timestamp::Timestamp;
use restaurant_load::connection::Connection;
use runtime::exit::failed;
use runtime::signals::StopSignals;
use runtime::{Console, Exit, Shutdown, arguments, clock, console};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::arrivals::Arrivals;
use crate::progress::Progress;
use crate::recorder::{CountedBy, Recorder, Results};
use crate::response::Response;
use crate::service::{Kind, Service};
use crate::window::Window;
use crate::workload::{OrderRange, PAUSE_AFTER_FAILURE, Workload};

const NAME: &str = "restaurant-load";

const MAX_CONNECTIONS: usize = 4_096;
/// Time for responses after the end. It is shorter than the client's own limit, so that a hanging
/// service does not delay the end.
const GRACE: Duration = Duration::from_secs(10);

/// Places orders at a running system, measures how long that takes, and then checks that every
/// acknowledged order exists.
#[derive(FromArgs, Debug)]
struct Arguments {
    /// the order service, by its URL (default: port 3000 of this machine)
    #[argh(option, default = "Kind::Order.default_url()")]
    url: String,
    /// the tracking service, for the check afterwards (default: port 3002 of this machine)
    #[argh(option, default = "Kind::Tracking.default_url()")]
    tracking: String,
    /// connections, 1 to 4096 (default 16)
    #[argh(option, default = "16")]
    connections: usize,
    /// orders a second that arrive, whatever the answers (default: each connection sends its next
    /// request when it is answered)
    #[argh(option)]
    rate: Option<f64>,
    /// seconds that are measured (default 10)
    #[argh(option, default = "10.0")]
    duration: f64,
    /// seconds before that (default 2)
    #[argh(option, default = "2.0")]
    warmup: f64,
    /// seed of the orders' mix (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// order items of the service's menu, by item_id and without prices; each total must be the
    /// one that the service quotes
    #[argh(switch)]
    menu: bool,
    /// do not place orders, but read the status of these orders from the tracking service, such as
    /// ORD_20261121_001..5000
    #[argh(option)]
    statuses: Option<OrderRange>,
    /// do not check afterwards whether the orders exist
    #[argh(switch)]
    no_audit: bool,
    /// print the results as JSON
    #[argh(switch)]
    json: bool,
    /// write a page with plots to this file
    #[argh(option)]
    report: Option<PathBuf>,
}

/// The checked arguments.
struct Plan {
    /// The orders to ask about, instead of placing some.
    statuses: Option<OrderRange>,
    /// Whether orders are from the service's menu.
    menu: bool,
    seed: u64,
    orders: Service,
    tracking: Service,
    /// Whether the orders are looked up afterwards.
    audit: bool,
    connections: usize,
    rate: Option<f64>,
    warmup: Duration,
    duration: Duration,
}

impl Plan {
    fn of(arguments: &Arguments) -> Result<Self, Exit> {
        let within = |name: &str, value: f64, min: f64, max: f64| {
            if (min..=max).contains(&value) {
                return Ok(value);
            }
            Err(Exit::Usage(format!("--{name} is {value} (allowed: {min} to {max})")))
        };
        if !(1..=MAX_CONNECTIONS).contains(&arguments.connections) {
            let given = arguments.connections;
            return Err(Exit::Usage(format!("--connections is {given} (allowed: 1 to {MAX_CONNECTIONS})")));
        }
        if arguments.menu && arguments.statuses.is_some() {
            let why = "--menu is about placing orders, and --statuses places none: leave one of them out";
            return Err(Exit::Usage(why.to_owned()));
        }
        Ok(Self {
            statuses: arguments.statuses,
            menu: arguments.menu,
            seed: arguments.seed,
            orders: Service::at(Kind::Order, &arguments.url)?,
            tracking: Service::at(Kind::Tracking, &arguments.tracking)?,
            audit: arguments.statuses.is_none() && !arguments.no_audit,
            connections: arguments.connections,
            rate: arguments.rate.map(|rate| within("rate", rate, 0.1, 1_000_000.0)).transpose()?,
            warmup: Duration::from_secs_f64(within("warmup", arguments.warmup, 0.0, 3_600.0)?),
            duration: Duration::from_secs_f64(within("duration", arguments.duration, 0.1, 86_400.0)?),
        })
    }

    /// The service that gets the requests.
    fn target(&self) -> Service {
        if self.statuses.is_some() { self.tracking } else { self.orders }
    }

    /// The requests. Those from a menu are prepared with the service.
    async fn workload(&self) -> Result<Workload, Exit> {
        Ok(match self.statuses {
            Some(orders) => Workload::Ask(orders),
            None if self.menu => Workload::Order(orders::from_menu(self.orders, self.seed).await?),
            None => Workload::Order(orders::priced_by_guests(self.seed)),
        })
    }

    /// The load, for a heading.
    fn title(&self) -> String {
        let how = match self.rate {
            Some(rate) => format!("{rate} requests/s on up to {} connections", self.connections),
            None => {
                format!("{} connections, each sending its next request when it is answered", self.connections)
            }
        };
        let (duration, warmup) = (self.duration.as_secs_f64(), self.warmup.as_secs_f64());
        let menu = if self.menu { "; from the menu" } else { "" };
        format!("{how}; {duration} s after {warmup} s of warm-up{menu}")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match console::all_written(run().await) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn run() -> Result<(), Exit> {
    let arguments: Arguments = arguments::parse(NAME)?;
    let signals = StopSignals::handle(None).map_err(|why| failed(&why))?;
    let plan = Plan::of(&arguments)?;
    // Otherwise they would show as failing orders.
    open_files::allow(plan.connections)?;
    // Check it before measuring.
    if let Some(path) = &arguments.report {
        can_be_written(path).map_err(|why| no_report(path, &why))?;
    }
    // A wrong address must not look like lost orders.
    plan.target().probe().await?;
    if plan.audit {
        plan.tracking.probe().await?;
    }
    let workload = plan.workload().await?;
    let shutdown = signals.shutdown();
    let started = Timestamp((UNIX_EPOCH + Duration::from_secs(clock::unix_seconds())).into());
    let mut results = send(&plan, workload, &shutdown).await?;
    if plan.audit {
        let acknowledged = std::mem::take(&mut results.acknowledged);
        if io::stderr().is_terminal() && !shutdown.has_begun() {
            eprintln!("asking the tracking service about {} orders ...", acknowledged.len());
        }
        results.follow_up =
            Some(follow_up::look_up(plan.tracking.address, plan.connections, acknowledged, &shutdown).await);
    }
    // Write the report first: it is wanted even if the output has no reader.
    let reported = match &arguments.report {
        Some(path) => {
            let heading = format!("Load of {}, {started}", plan.target());
            let page = report::page(&heading, &plan.title(), &results);
            std::fs::write(path, page).map_err(|why| no_report(path, &why))
        }
        None => Ok(()),
    };
    let console = Console::new();
    if arguments.json {
        console.print(&report::json(&results).to_string());
    } else {
        console.print(report::text(&plan.title(), &results).trim_end());
    }
    reported?;
    verdict(&plan, &results, &shutdown)
}

/// Whether the figures are those of the requested load, and every order was found.
fn verdict(plan: &Plan, results: &Results, shutdown: &Shutdown) -> Result<(), Exit> {
    if let Some(found) = &results.follow_up {
        found.verdict(plan.tracking.address, shutdown.has_begun())?;
    }
    if let Some(interrupted) = results.interrupted() {
        return Err(Exit::Failed(format!("{interrupted}: the figures are of this shorter time")));
    }
    if let Some(first) = &results.first_mispriced {
        let count = results.mispriced;
        return Err(Exit::Failed(format!(
            "{count} orders cost something else than they should, such as {first}"
        )));
    }
    if results.answered == 0 {
        return Err(Exit::Failed(match results.refused_by_menu() {
            Some(codes) => format!(
                "the menu of {} refused every order ({codes}): the figures prove nothing. --menu orders what it has; \
                 restock what is sold out",
                plan.target()
            ),
            None => plan.target().advice(),
        }));
    }
    Ok(())
}

/// Tries to create the file, and removes it again.
fn can_be_written(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => std::fs::remove_file(path),
        Err(why) if why.kind() == ErrorKind::AlreadyExists => {
            OpenOptions::new().append(true).open(path).map(drop)
        }
        Err(why) => Err(why),
    }
}

fn no_report(path: &Path, why: &io::Error) -> Exit {
    let path = path.display();
    Exit::Failed(format!(
        "cannot write the report '{path}': {why}. Choose a place for --report that can be written to"
    ))
}

/// Sends requests on all connections until the end or an interruption.
async fn send(plan: &Plan, workload: Workload, shutdown: &Shutdown) -> Result<Results, Exit> {
    let start = Instant::now();
    let window = Window { from: start + plan.warmup, duration: plan.duration };
    let counted_by = if plan.rate.is_some() { CountedBy::Due } else { CountedBy::Answered };
    let recorder = Recorder::new(window, counted_by).map_err(|why| failed(&why))?;
    let progress = Progress::start(recorder.clone(), start, window.end());
    let arrivals = Arc::new(Arrivals::new(plan.rate, start));
    let client = Client {
        address: plan.target().address,
        workload: Arc::new(workload),
        arrivals: Arc::clone(&arrivals),
        end: window.end(),
        recorder: recorder.clone(),
        shutdown: shutdown.clone(),
    };
    let clients = std::iter::repeat_n(client, plan.connections);
    let mut connections: JoinSet<()> = clients.map(Client::run_until_the_end).collect();
    let mut everybody = pin!(async { while connections.join_next().await.is_some() {} });
    let mut interrupted = false;
    if shutdown.or(&mut everybody).await.is_none() {
        interrupted = recorder.interrupt();
        everybody.await;
    }
    // After an interruption, do not wait for responses.
    if !interrupted {
        recorder.give_up(start, arrivals.give_up_before(window.from), &given_up());
        recorder.give_up(window.from, arrivals.give_up_before(window.end()), &given_up());
    }
    progress.finish().await;
    Ok(recorder.results())
}

/// The cause for a request that was still unanswered, or waiting for a connection, when the time
/// was up.
fn given_up() -> String {
    format!(
        "not answered, or not even sent as all connections were busy, until {} s after the end",
        GRACE.as_secs()
    )
}

/// One simulated client, with one connection.
#[derive(Clone)]
struct Client {
    address: SocketAddr,
    workload: Arc<Workload>,
    arrivals: Arc<Arrivals>,
    end: Instant,
    recorder: Recorder,
    shutdown: Shutdown,
}

impl Client {
    async fn run_until_the_end(self) {
        let last = self.end + GRACE;
        let mut connection = Connection::to(self.address);
        while Instant::now() < last {
            let (number, due) = self.arrivals.next();
            if due >= self.end || self.shutdown.has_begun() {
                return;
            }
            // Even a sleep of zero takes a millisecond.
            if due > Instant::now() && self.shutdown.or(sleep_until(due)).await.is_none() {
                return;
            }
            let response = timeout_at(last, self.workload.run(number, &mut connection))
                .await
                .unwrap_or_else(|_| Response::Failed(given_up()));
            let failed = matches!(response, Response::Failed(_));
            self.recorder.record(due, response);
            if failed && self.shutdown.or(tokio::time::sleep(PAUSE_AFTER_FAILURE)).await.is_none() {
                return;
            }
        }
    }
}
