//! Clients of event streams: each notes when an event arrives, and how late that is.
//!
//! `testkit` reads streams for tests, event by event. Here thousands are read, and the time of each
//! read counts. So nothing is decoded that is not measured.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::timestamp::Timestamp;
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Streams that are asked for at the same time. Each waits for the next look at the log, so one
/// after the other would take minutes.
const AT_ONCE: usize = 100;
/// Longest time until a stream has begun.
const LIMIT: Duration = Duration::from_secs(20);
/// Bytes that are read at once from a stream.
const READ_AT_ONCE: usize = 16_384;
/// How the data of an event of status begin. Those of a heartbeat do not.
const STATUS: &str = r#"data: {"order_number":"#;
const HEARTBEAT: &str = "event: heartbeat";

/// An event that has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When it was read.
    pub at: Instant,
    /// Microseconds since the change, by the time in its row.
    pub micros: f64,
}

/// Open streams, each read by a task.
pub struct Followers {
    tasks: JoinSet<Result<Vec<Arrival>>>,
    /// How many events have arrived at each.
    counts: Vec<Arc<AtomicU64>>,
    stop: watch::Sender<bool>,
}

impl Followers {
    /// Opens streams at these paths, and waits until each has begun: what arrives from then on is
    /// new. `headers` are whole lines.
    ///
    /// # Errors
    /// The service refuses one of them.
    pub async fn open(port: u16, paths: &[String], headers: &str) -> Result<Self> {
        let stop = watch::Sender::new(false);
        let mut followers = Self { tasks: JoinSet::new(), counts: Vec::new(), stop };
        for paths in paths.chunks(AT_ONCE) {
            let mut opening = JoinSet::new();
            for path in paths {
                let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n");
                opening.spawn(async move {
                    timeout(LIMIT, Stream::open(port, &request)).await.context("a stream did not begin")?
                });
            }
            while let Some(stream) = opening.join_next().await {
                let (count, stop) = (Arc::<AtomicU64>::default(), followers.stop.subscribe());
                followers.counts.push(Arc::clone(&count));
                followers.tasks.spawn(follow(stream??, count, stop));
            }
        }
        Ok(followers)
    }

    /// How many events have arrived at each of them.
    pub fn counts(&self) -> Vec<u64> {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Closes all streams. Returns what has arrived.
    ///
    /// # Errors
    /// One of them had ended: its client did not keep up, or the service stopped.
    pub async fn close(mut self) -> Result<Vec<Arrival>> {
        self.stop.send_replace(true);
        let mut arrivals = Vec::new();
        while let Some(follower) = self.tasks.join_next().await {
            arrivals.extend(follower??);
        }
        Ok(arrivals)
    }
}

/// Reads until it is told to stop. An event that comes twice is an error: their counts would hide
/// that another one is lost.
async fn follow(
    mut stream: Stream,
    count: Arc<AtomicU64>,
    mut stop: watch::Receiver<bool>,
) -> Result<Vec<Arrival>> {
    let (mut arrivals, mut known, hashes) = (Vec::new(), HashSet::new(), RandomState::new());
    loop {
        tokio::select! {
            more = stream.more() => more?,
            _ = stop.changed() => return Ok(arrivals),
        }
        let (at, now) = (Instant::now(), now());
        stream.take_lines(|line| {
            if line.starts_with(STATUS) {
                ensure!(known.insert(hashes.hash_one(line)), "an event came twice: {line}");
                arrivals.push(Arrival { at, micros: (now - changed_at(line)?).as_seconds_f64() * 1e6 });
            }
            Ok(())
        })?;
        count.store(u64::try_from(arrivals.len())?, Ordering::Relaxed);
    }
}

/// The time in the row of an event.
fn changed_at(line: &str) -> Result<OffsetDateTime> {
    #[derive(Deserialize)]
    struct Data {
        timestamp: Timestamp,
    }
    let data = line.strip_prefix("data: ").unwrap_or_default();
    let data: Data =
        serde_json::from_str(data).with_context(|| format!("an event that cannot be read: {line}"))?;
    Ok(data.timestamp.0)
}

#[expect(clippy::disallowed_methods, reason = "PostgreSQL runs on this machine, and has the same clock")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A connection with a stream.
struct Stream {
    tcp: TcpStream,
    /// What has arrived of lines that are not taken yet.
    bytes: Vec<u8>,
}

impl Stream {
    /// Asks for a stream, and reads to its first heartbeat. That comes behind all that was before.
    /// Nothing changes while streams are opened, so nothing comes with it that would be dropped.
    async fn open(port: u16, request: &str) -> Result<Self> {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).await?;
        tcp.write_all(request.as_bytes()).await?;
        let mut stream = Self { tcp, bytes: Vec::with_capacity(READ_AT_ONCE) };
        let (mut is_accepted, mut has_begun) = (false, false);
        while !has_begun {
            stream.more().await?;
            stream.take_lines(|line| {
                is_accepted |= line.starts_with("HTTP/1.1 200");
                ensure!(is_accepted, "a stream was answered: {line}");
                has_begun |= line == HEARTBEAT;
                Ok(())
            })?;
        }
        Ok(stream)
    }

    /// Waits until more has arrived. Dropping this future loses nothing.
    async fn more(&mut self) -> Result<()> {
        ensure!(self.tcp.read_buf(&mut self.bytes).await? > 0, "a stream has ended");
        Ok(())
    }

    /// Takes all whole lines. The service sends whole blocks in each chunk, so what frames the
    /// chunks (RFC 9112, section 7.1) stands between the lines of events, and nobody looks at it.
    fn take_lines(&mut self, mut take: impl FnMut(&str) -> Result<()>) -> Result<()> {
        let end = self.bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let lines = std::str::from_utf8(self.bytes.get(..end).unwrap_or_default())?;
        lines.lines().try_for_each(&mut take)?;
        self.bytes.drain(..end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

    /// A server that sends these pieces to its first client, each when the one before was sent.
    async fn server(pieces: Vec<String>) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = [0; 1_024];
            assert!(client.read(&mut request).await.unwrap() > 0);
            for piece in pieces {
                client.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        });
        port
    }

    fn chunk(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    fn event(id: u8, timestamp: &str) -> String {
        let data = format!(
            r#"{{"order_number":"ORD_20261201_001","status":"ready","changed_by":"Zoë","timestamp":"{timestamp}"}}"#
        );
        format!("id: {id}\nevent: status\ndata: {data}\n\n")
    }

    #[tokio::test]
    async fn what_comes_behind_the_first_heartbeat_is_counted_wherever_it_is_cut() {
        let before = chunk(&format!("retry: 1500\n\n{}", event(1, "2026-12-01T00:00:00.000Z")));
        let heartbeat = "event: heartbeat\ndata: {\"timestamp\":\"2026-12-01T00:00:01.000Z\"}\n\n";
        let after = [2, 3].map(|id| event(id, &format!("2026-12-01T00:00:0{id}.000Z"))).concat();
        let opening = format!("{HEAD}{before}{}", chunk(heartbeat));
        // In the middle of a line, and of its text.
        let rest = chunk(&after) + &chunk(heartbeat);
        let (first, second) = rest.split_at(rest.find("ready").unwrap());
        let port = server(vec![opening, first.to_owned(), second.to_owned()]).await;
        let followers = Followers::open(port, &["/events".to_owned()], "").await.unwrap();
        let both = async {
            while followers.counts() != [2] {
                tokio::task::yield_now().await;
            }
        };
        timeout(LIMIT, both).await.unwrap();
        assert_eq!(followers.close().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn an_event_that_comes_twice_is_an_error() {
        let heartbeat = chunk("event: heartbeat\ndata: {}\n\n");
        let twice = chunk(&event(2, "2026-12-01T00:00:02.000Z").repeat(2));
        let port = server(vec![format!("{HEAD}{heartbeat}"), twice]).await;
        let mut followers = Followers::open(port, &["/events".to_owned()], "").await.unwrap();
        let ended = timeout(LIMIT, followers.tasks.join_next()).await.unwrap().unwrap().unwrap();
        assert!(ended.unwrap_err().to_string().starts_with("an event came twice: data: "));
    }

    #[tokio::test]
    async fn a_refusal_is_an_error() {
        let port = server(vec!["HTTP/1.1 503 Service Unavailable\r\n\r\n".to_owned()]).await;
        let refused = Followers::open(port, &["/events".to_owned()], "").await;
        let refused = refused.err().map(|why| why.to_string());
        assert_eq!(refused.as_deref(), Some("a stream was answered: HTTP/1.1 503 Service Unavailable"));
    }

    #[test]
    fn the_time_of_a_change_is_read() {
        let text = event(1, "2026-12-01T00:00:00.250Z");
        let line = text.lines().nth(2).unwrap();
        assert!(line.starts_with(STATUS));
        assert_eq!(changed_at(line).unwrap().unix_timestamp_nanos() % 1_000_000_000, 250_000_000);
        assert!(changed_at(r#"data: {"order_number":"ORD_20261201_001"}"#).is_err());
    }
}
