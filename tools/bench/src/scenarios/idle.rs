//! An idle system: one order at a time, until a subscriber shows `cooking`.

use std::process::Stdio;
use std::time::Duration;

use domain::ServiceName;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout};
use tokio::time::{Instant, timeout};

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Latencies, Target, Unit, median};
use crate::outcome::{Outcome, Plot, ResultLine, ratios};
use crate::pgbench::Script;
use crate::scenarios::round::{MAX_CONCURRENT, in_turn, say, straightforward};

const BODY: &str = r#"{"customer_name":"Ada Lovelace","order_type":"takeout","items":[{"name":"Margherita Pizza","quantity":2,"price":15.99},{"name":"Caesar Salad","quantity":1,"price":8.99}]}"#;
/// Unmeasured orders at the start, for opening connections and preparing statements.
const WARMUP: usize = 20;
const LIMIT: Duration = Duration::from_secs(20);

/// The next order is placed when the previous one is ready.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let statement = straightforward(cluster, Script::OneOrderInOneStatement, 1, effort);
        let notified = async {
            let sandbox = cluster.sandbox().await?;
            let measured = one_by_one(&sandbox, effort.either(500, 100)).await?;
            sandbox.end().await?;
            Ok(measured)
        };
        let (statement, measured) = in_turn(number, statement, notified).await?;
        let statement = statement.latencies;
        say(&format!(
            "round {number}: one statement p50 {:.2}, p99 {:.2} ms; ours p50 {:.2}, p99 {:.2} ms",
            statement.p50, statement.p99, measured.p50, measured.p99
        ));
        ours.push(measured);
        baseline.push(statement);
    }
    let values =
        |list: &[Latencies], value: fn(&Latencies) -> f64| list.iter().map(value).collect::<Vec<_>>();
    let line = |name: &str, value: fn(&Latencies) -> f64, target: Target| {
        let (ours, baseline) = (values(&ours, value), values(&baseline, value));
        ResultLine::new(
            &format!("idle: POST sent → `cooking` at a subscriber, against one order in one statement (1 client): {name}"),
            Unit::Times,
            ratios(&ours, &baseline),
            Some(target),
        )
        .detailed(format!(
            "{} : {}",
            Unit::Milliseconds.text(median(&ours)),
            Unit::Milliseconds.text(median(&baseline))
        ))
    };
    let curves = vec![
        ("ours, p50", values(&ours, |of| of.p50)),
        ("ours, p99", values(&ours, |of| of.p99)),
        ("one statement, p50", values(&baseline, |of| of.p50)),
        ("one statement, p99", values(&baseline, |of| of.p99)),
    ];
    Ok(Outcome {
        lines: vec![
            line("p50", |of| of.p50, Target::at_most(4.0, 6.0)),
            line("p99", |of| of.p99, Target::at_most(10.0, 20.0)),
        ],
        plots: vec![Plot::of_rounds("Until a subscriber shows `cooking`", "ms", curves)],
        remarks: Vec::new(),
    })
}

async fn one_by_one(sandbox: &Sandbox<'_>, count: usize) -> Result<Latencies, Error> {
    let orders = sandbox.order_service(MAX_CONCURRENT).await?;
    let worker = sandbox.kitchen_worker(1).await?;
    let mut subscriber = Subscriber::start(sandbox)?;
    subscriber.until("rabbitmq_connected").await?;
    let address = ("127.0.0.1", orders.port);
    let mut client =
        TcpStream::connect(address).await.map_err(Error::system("connect to the order service"))?;
    client.set_nodelay(true).map_err(Error::system("set up a connection"))?;
    let mut micros = Vec::new();
    for number in 0..WARMUP + count {
        let start = Instant::now();
        let (answered, cooking) = tokio::join!(post(&mut client), subscriber.until("to 'cooking'"));
        answered?;
        if number >= WARMUP {
            micros.push((cooking? - start).as_secs_f64() * 1e6);
        }
        subscriber.until("to 'ready'").await?;
    }
    drop(subscriber);
    worker.stop().await;
    orders.stop().await;
    Ok(Latencies::of_micros(micros))
}

/// Places an order over a persistent connection.
async fn post(client: &mut TcpStream) -> Result<(), Error> {
    let request = format!(
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    client.write_all(request.as_bytes()).await.map_err(Error::system("send an order"))?;
    let mut answer = Vec::new();
    while !is_whole(&answer) {
        let read = timeout(LIMIT, client.read_buf(&mut answer)).await;
        let count = read.unwrap_or(Ok(0)).map_err(Error::system("read an answer"))?;
        if count == 0 {
            break;
        }
    }
    let text = String::from_utf8_lossy(&answer);
    if text.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(Error::Invalid(format!("an order was answered: {text}")))
    }
}

/// Whether a response is complete: it has its whole head, and a body that ends like the order
/// service's JSON objects.
fn is_whole(answer: &[u8]) -> bool {
    answer.windows(4).any(|window| window == b"\r\n\r\n") && answer.last() == Some(&b'}')
}

/// A subscriber whose console is read.
struct Subscriber {
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Subscriber {
    fn start(sandbox: &Sandbox<'_>) -> Result<Self, Error> {
        let mut command = tokio::process::Command::from(sandbox.command(ServiceName::Notifier.binary()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().map_err(Error::system("start a subscriber"))?;
        let output =
            process.stdout.take().ok_or_else(|| Error::Invalid("a subscriber has no output".to_owned()))?;
        Ok(Self { lines: BufReader::new(output).lines(), _process: process })
    }

    /// Reads until a line contains this text. Returns when it arrived.
    async fn until(&mut self, part: &str) -> Result<Instant, Error> {
        let reading = async {
            while let Ok(Some(line)) = self.lines.next_line().await {
                if line.contains(part) {
                    return Some(Instant::now());
                }
            }
            None
        };
        let found = timeout(LIMIT, reading).await.ok().flatten();
        found.ok_or_else(|| Error::Invalid(format!("the subscriber never said: {part}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_body() {
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n}"));
    }
}
