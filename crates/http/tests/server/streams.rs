//! Event streams: they last, and do not take the server's connections from others.

use std::time::{Duration, Instant};

use config::Http;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use crate::served::{Client, LIVE, SILENCE_ENDED, Served};

async fn ask_for(served: &Served, path: &str) -> Client {
    let mut client = served.connect().await;
    client.send(&LIVE.replace("/livez", path)).await;
    client
}

/// Reads for so long. Returns the bytes, or `None` if the stream ended.
async fn read_for(client: &mut Client, time: Duration) -> Option<usize> {
    let started = Instant::now();
    let (mut bytes, mut part) = (0, [0; 1_024]);
    while let Some(left) = time.checked_sub(started.elapsed()) {
        match timeout(left, client.0.read(&mut part)).await {
            Ok(Ok(0) | Err(_)) => return None,
            Ok(Ok(count)) => bytes += count,
            Err(_) => break,
        }
    }
    Some(bytes)
}

#[tokio::test]
async fn a_stream_lasts_longer_than_any_deadline_and_nobody_takes_its_place() {
    let settings = Http { max_connections: 4, max_connections_per_address: 4, ..Http::default() };
    let served = Served::start(&settings);
    let mut stream = ask_for(&served, "/silence").await;
    let newcomers = async {
        for _ in 0..20 {
            let mut newcomer = served.connect().await;
            assert!(newcomer.ask(LIVE).await.starts_with("HTTP/1.1 200"));
            // It stays open.
            std::mem::forget(newcomer);
        }
    };
    let (bytes, ()) = tokio::join!(read_for(&mut stream, Duration::from_secs(20)), newcomers);
    assert!(bytes.expect("it is open") > 300);
    drop(stream);
    timeout(Duration::from_secs(5), SILENCE_ENDED.notified()).await.expect("it ends with its client");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_disconnected() {
    let served = Served::start(&Http::default());
    let mut stream = ask_for(&served, "/flood").await;
    let mut first = [0; 8];
    stream.0.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1");
    let started = Instant::now();
    while stream.0.take_error().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(started.elapsed() < Duration::from_mins(1), "it is still connected");
    }
    let waited = started.elapsed().as_secs();
    assert!((10..30).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn what_follows_the_request_is_not_answered_and_streams_have_a_limit() {
    let settings = Http { max_connections: 8, max_connections_per_address: 8, ..Http::default() };
    let served = Served::start(&settings);
    let mut streams = Vec::new();
    for _ in 0..6 {
        let mut client = served.connect().await;
        client.send(&(LIVE.replace("/livez", "/silence") + LIVE)).await;
        streams.push(client);
    }
    for stream in &mut streams {
        let mut head = vec![0; 400];
        let count = stream.0.read(&mut head).await.unwrap();
        let head = String::from_utf8_lossy(&head[..count]).into_owned();
        assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("connection: close"), "{head:?}");
        assert!(!head.contains("ok\n"), "{head:?}");
    }
    let mut beyond = served.connect().await;
    let answer = beyond.ask(&LIVE.replace("/livez", "/silence")).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"), "{answer:?}");
    assert!(beyond.ask(LIVE).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn what_may_wait_for_a_stream_is_reserved_until_it_ends() {
    // No memory beyond the least: all connections share a megabyte, and one queue takes it.
    let settings = Http { memory_limit_mib: 64, ..Http::default() };
    let served = Served::start(&settings);
    let first = ask_for(&served, "/queued").await;
    let (first, answer) = status(first).await;
    assert_eq!(answer, "HTTP/1.1 200");
    assert_eq!(status_of_queued(&served).await, "HTTP/1.1 503");
    drop(first);
    let started = Instant::now();
    while status_of_queued(&served).await != "HTTP/1.1 200" {
        assert!(started.elapsed() < Duration::from_secs(15), "the memory is still taken");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn status_of_queued(served: &Served) -> String {
    status(ask_for(served, "/queued").await).await.1
}

/// Reads the beginning of an answer that may go on.
async fn status(mut client: Client) -> (Client, String) {
    let mut start = [0; 12];
    client.0.read_exact(&mut start).await.unwrap();
    (client, String::from_utf8_lossy(&start).into_owned())
}
