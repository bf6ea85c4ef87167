//! An idle system: one order at a time, until a subscriber shows `cooking`.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::ServiceName;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout};
use tokio::time::{Instant, timeout};

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Latencies, Target, Unit};
use crate::outcome::{Comparison, Outcome, by_round};
use crate::pgbench::Script;
use crate::scenarios::round::{MAX_CONCURRENT, in_turn, say, straightforward};

const BODY: &str = r#"{"customer_name":"Ada Lovelace","order_type":"takeout","items":[{"name":"Margherita Pizza","quantity":2,"price":15.99},{"name":"Caesar Salad","quantity":1,"price":8.99}]}"#;
/// Unmeasured orders at the start, for opening connections and preparing statements.
const WARMUP: usize = 20;
const LIMIT: Duration = Duration::from_secs(20);

/// The next order is placed when the previous one is ready.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let (mut medians, mut tails) = (Vec::new(), Vec::new());
    for number in 1..=cluster.effort.rounds {
        let statement = straightforward(cluster, Script::OneOrderInOneStatement, 1);
        let notified = cluster.sandbox(one_by_one);
        let (statement, measured) = in_turn(number, statement, notified).await?;
        let statement = statement.latencies;
        say(&format!(
            "round {number}: one statement p50 {:.2}, p99 {:.2} ms; ours p50 {:.2}, p99 {:.2} ms",
            statement.p50, statement.p99, measured.p50, measured.p99
        ));
        medians.push((measured.p50, statement.p50));
        tails.push((measured.p99, statement.p99));
    }
    let [medians, tails] = [medians, tails].map(|latencies| Comparison::new(Unit::Milliseconds, latencies));
    let line = |name: &str, latencies: &Comparison, target: Target| {
        let what =
            "idle: POST sent → `cooking` at a subscriber, against one order in one statement (1 client)";
        latencies.line(&format!("{what}: {name}"), Some(target))
    };
    let lines = vec![
        line("p50", &medians, Target::at_most(4.0, 6.0)),
        line("p99", &tails, Target::at_most(10.0, 20.0)),
    ];
    let curves = vec![
        ("ours, p50", medians.ours),
        ("ours, p99", tails.ours),
        ("one statement, p50", medians.baseline),
        ("one statement, p99", tails.baseline),
    ];
    let plot = by_round("Until a subscriber shows `cooking`", "ms", curves);
    Ok(Outcome { lines, plots: vec![plot], remarks: Vec::new() })
}

async fn one_by_one(sandbox: &Sandbox<'_>) -> Result<Latencies> {
    let orders = sandbox.order_service(MAX_CONCURRENT).await?;
    let _worker = sandbox.kitchen_worker(1).await?;
    let mut subscriber = Subscriber::start(sandbox)?;
    subscriber.until("rabbitmq_connected").await?;
    let mut client = TcpStream::connect(("127.0.0.1", orders.port))
        .await
        .context("cannot connect to the order service")?;
    client.set_nodelay(true)?;
    let mut micros = Vec::new();
    for number in 0..WARMUP + sandbox.effort.either(500, 100) {
        let start = Instant::now();
        let (answered, cooking) = tokio::join!(post(&mut client), subscriber.until("to 'cooking'"));
        answered?;
        if number >= WARMUP {
            micros.push((cooking? - start).as_secs_f64() * 1e6);
        }
        subscriber.until("to 'ready'").await?;
    }
    Ok(Latencies::of_micros(micros))
}

/// Places an order over a persistent connection. A client with a task of its own would add the time
/// in which the system wakes that task.
async fn post(client: &mut TcpStream) -> Result<()> {
    let head = "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len());
    client.write_all(request.as_bytes()).await.context("cannot send an order")?;
    let mut answer = Vec::new();
    // The order service answers with one JSON object. No header ends like it.
    while !answer.ends_with(b"}") {
        let read = timeout(LIMIT, client.read_buf(&mut answer)).await.context("an order has no answer")?;
        ensure!(read.context("cannot read an answer")? > 0, "the order service closed the connection");
    }
    let text = String::from_utf8_lossy(&answer);
    ensure!(text.starts_with("HTTP/1.1 200"), "an order was answered: {text}");
    Ok(())
}

/// A subscriber whose console is read.
struct Subscriber {
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Subscriber {
    fn start(sandbox: &Sandbox<'_>) -> Result<Self> {
        let mut command = tokio::process::Command::from(sandbox.command(ServiceName::Notifier.binary()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("cannot start a subscriber")?;
        let output = process.stdout.take().context("a subscriber has no output")?;
        Ok(Self { lines: BufReader::new(output).lines(), _process: process })
    }

    /// Reads until a line contains this text. Returns when it arrived.
    async fn until(&mut self, part: &str) -> Result<Instant> {
        let reading = async {
            while let Ok(Some(line)) = self.lines.next_line().await {
                if line.contains(part) {
                    return Some(Instant::now());
                }
            }
            None
        };
        let found = timeout(LIMIT, reading).await.ok().flatten();
        found.with_context(|| format!("the subscriber never said: {part}"))
    }
}
