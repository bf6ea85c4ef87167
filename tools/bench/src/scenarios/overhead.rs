//! What metrics and traces cost: placing orders while somebody watches, against placing them
//! unwatched.

use std::net::Ipv4Addr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result, ensure};
use devcluster::free_port;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Target, Unit};
use crate::outcome::{Comparison, Outcome};
use crate::processor;
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, place, say};

const ORDER_SERVICE: &str = "order service";
/// Five times as often as the monitors of `deploy/` ask.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(3);
const SCRAPE_LIMIT: Duration = Duration::from_secs(2);
/// The largest batch of spans that is taken.
const LARGEST_BATCH: usize = 16 * 1_024 * 1_024;

/// How the order service is watched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    Nobody,
    Metrics,
    /// Traces, with the sampler's variables.
    Traces(&'static [(&'static str, &'static str)]),
}

/// With their names and the share of throughput and of processor time that each may cost.
const WATCHES: [(&str, Watch, f64); 3] = [
    ("metrics, read each 3 s", Watch::Metrics, 0.03),
    ("traces of 1 %", Watch::Traces(&[]), 0.03),
    ("traces of 100 %", Watch::Traces(&[("OTEL_TRACES_SAMPLER", "parentbased_always_on")]), 0.15),
];

/// Orders a second, and the order service's microseconds of processor time for each order.
#[derive(Clone, Copy)]
struct Cost {
    per_second: f64,
    micros: f64,
}

/// Every round places orders unwatched and in each watched way, one after the other. Every second
/// round goes backwards.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let collector = Collector::open()?;
    let mut rounds = [const { Vec::new() }; WATCHES.len()];
    for number in 1..=cluster.effort.rounds {
        let mut ways = vec![("nobody", Watch::Nobody)];
        ways.extend(WATCHES.map(|(name, watch, _)| (name, watch)));
        if number % 2 == 0 {
            ways.reverse();
        }
        let mut costs = Vec::new();
        for (name, watch) in ways {
            let cost = place_watched(cluster, watch, &collector).await?;
            say(&format!(
                "round {number}: {name}: {:.0}/s, {:.0} µs of CPU an order",
                cost.per_second, cost.micros
            ));
            costs.push((watch, cost));
        }
        let of = |wanted| costs.iter().find(|(watch, _)| *watch == wanted).map(|(_, cost)| *cost);
        let unwatched = of(Watch::Nobody).context("nobody watched")?;
        for ((_, watch, _), rounds) in WATCHES.into_iter().zip(&mut rounds) {
            rounds.push((of(watch).context("a way was left out")?, unwatched));
        }
    }
    collector.close().await;
    let mut outcome = Outcome::default();
    for ((name, _, share), rounds) in WATCHES.into_iter().zip(rounds) {
        let rates = rounds.iter().map(|(with, without)| (with.per_second, without.per_second));
        let target = Target::at_least(1.0 - share, 1.0 - share);
        let what = format!("orders/s with {name}, against unwatched");
        outcome.lines.push(Comparison::new(Unit::PerSecond, rates).line(&what, Some(target)));
        let times = rounds.iter().map(|(with, without)| (with.micros, without.micros));
        let target = Target::at_most(1.0 + share, 1.0 + share);
        let what = format!("CPU of the order service per order with {name}, against unwatched");
        outcome.lines.push(Comparison::new(Unit::Microseconds, times).line(&what, Some(target)));
    }
    Ok(outcome)
}

async fn place_watched(cluster: &Cluster, watch: Watch, collector: &Collector) -> Result<Cost> {
    cluster
        .sandbox(async |sandbox: &Sandbox<'_>| {
            let admin = free_port(0).context("cannot find a free port")?.to_string();
            let endpoint = format!("http://127.0.0.1:{}", collector.port);
            let variables = match watch {
                Watch::Nobody => Vec::new(),
                Watch::Metrics => vec![("ADMIN_PORT", admin.as_str())],
                Watch::Traces(sampler) => {
                    [&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())], sampler].concat()
                }
            };
            let orders = sandbox.order_service_under(MAX_CONCURRENT, &variables).await?;
            let port = admin.parse().context("a port is a number")?;
            let scraper = (watch == Watch::Metrics).then(|| tokio::spawn(scrape(port)));
            let before = processor::times(cluster, &[(ORDER_SERVICE, &orders)]);
            let measured = place(sandbox, &orders, None, CONNECTIONS).await?;
            let after = processor::times(cluster, &[(ORDER_SERVICE, &orders)]);
            if let Some(scraper) = scraper {
                ensure!(!scraper.is_finished(), "the metrics could not be read: {:?}", scraper.await);
                scraper.abort();
            }
            let count = sandbox.sql(include_str!("../../sql/orders.sql"), &[]).await?;
            let count = count.parse().with_context(|| format!("psql wrote no number: {count}"))?;
            let used = processor::per_thing(&before, &after, count);
            let own = used.iter().find(|(name, _)| *name == ORDER_SERVICE);
            let micros = own.map(|(_, micros)| *micros).context("the order service has no time")?;
            Ok(Cost { per_second: measured.per_second, micros })
        })
        .await
}

/// Reads the metrics until it is stopped, or they cannot be read.
async fn scrape(port: u16) -> Result<()> {
    loop {
        let asking = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
            Ok(())
        };
        timeout(SCRAPE_LIMIT, asking).await.context("no answer")??;
        sleep(SCRAPE_INTERVAL).await;
    }
}

/// Takes all spans, and drops them.
struct Collector {
    port: u16,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl Collector {
    fn open() -> Result<Self> {
        let taking = || {
            App::new()
                .app_data(web::PayloadConfig::new(LARGEST_BATCH))
                .route("/v1/traces", web::post().to(async |_spans: web::Bytes| HttpResponse::Ok()))
        };
        let server = HttpServer::new(taking)
            .workers(1)
            .disable_signals()
            .bind((Ipv4Addr::LOCALHOST, 0))
            .context("cannot listen")?;
        let port = server.addrs().first().context("no address")?.port();
        let server = server.run();
        Ok(Self { port, handle: server.handle(), task: tokio::spawn(server) })
    }

    async fn close(self) {
        self.handle.stop(false).await;
        // The measurement counts, however the server ends.
        let _ = self.task.await;
    }
}
