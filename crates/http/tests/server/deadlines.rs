//! Every wait for a client ends, on the first request of a connection and on later ones.

use std::time::{Duration, Instant};

use config::Http;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::served::{ENDLESS, LIVE, Served, head};

#[tokio::test]
async fn a_head_that_does_not_end_is_a_408_on_later_requests_too() {
    let served = Served::start(&Http::default());
    let served = &served;
    join_all((0..3).map(|earlier| async move {
        let mut client = served.connect().await;
        for _ in 0..earlier {
            assert!(client.ask(LIVE).await.starts_with("HTTP/1.1 200"));
        }
        let started = Instant::now();
        client.send("G").await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "after {earlier}: {answer:?}");
        assert!(answer.contains("The head did not arrive within 5 s."), "{answer:?}");
        assert!(started.elapsed() >= Duration::from_secs(4), "{:?}", started.elapsed());
    }))
    .await;
}

#[tokio::test]
async fn a_head_that_trickles_is_a_408() {
    let served = Served::start(&Http::default());
    let served = &served;
    join_all([("GET /livez HTTP/1.1\r\n", "X-Slow: yes\r\n"), ("", "\r\n")].map(
        |(start, line)| async move {
            let mut client = served.connect().await;
            assert!(client.ask(LIVE).await.starts_with("HTTP/1.1 200"));
            client.send(start).await;
            let (mut reading, mut writing) = client.0.split();
            let mut answer = String::new();
            let trickle = async {
                for byte in line.as_bytes().iter().cycle() {
                    writing.write_all(&[*byte]).await.expect("the answer comes before the end");
                    sleep(Duration::from_millis(100)).await;
                }
            };
            let read = timeout(Duration::from_secs(30), reading.read_to_string(&mut answer));
            tokio::select! {
                read = read => drop(read.expect("the server closes the connection").unwrap()),
                () = trickle => {}
            }
            assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{line:?}: {answer:?}");
            assert!(answer.contains("The head did not arrive within 5 s."), "{line:?}: {answer:?}");
        },
    ))
    .await;
}

#[tokio::test]
async fn a_connection_without_a_byte_is_closed_without_a_response() {
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    let started = Instant::now();
    assert_eq!(client.rest().await, "");
    assert!(started.elapsed() >= Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_missing_body_is_a_408_and_closes_the_connection() {
    let served = Served::start(&Http::default());
    let cases = [
        ("Transfer-Encoding: chunked", ""),
        ("Content-Length: 500", "{"),
        ("Transfer-Encoding: chunked", "5\r\n{"),
    ];
    let served = &served;
    join_all(cases.map(|(framing, start)| async move {
        let mut client = served.connect().await;
        assert!(client.ask(LIVE).await.starts_with("HTTP/1.1 200"));
        let request = head("/length", framing) + start;
        let answer = client.ask(&request).await;
        assert!(
            answer.starts_with("HTTP/1.1 408") && answer.contains("within 10 s"),
            "{framing}: {answer:?}"
        );
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer:?}");
        assert_eq!(client.rest().await, "", "{framing}");
    }))
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_gives_up_its_request() {
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    client.send(&LIVE.replace("/livez", "/endless")).await;
    let (begun, given_up) = &ENDLESS;
    begun.notified().await;
    client.0.set_zero_linger().unwrap();
    drop(client);
    timeout(Duration::from_secs(5), given_up.notified()).await.expect("the work ends with its connection");
}

#[tokio::test]
async fn a_client_that_sends_without_reading_is_not_read_any_more() {
    const MOST: usize = 4 * 1024 * 1024;
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    let requests = LIVE.repeat(1_000);
    let mut sent = 0;
    // Both kernels together buffer some 100 kB.
    while sent < MOST {
        match timeout(Duration::from_secs(2), client.0.write(requests.as_bytes())).await {
            Ok(Ok(count)) => sent += count,
            Ok(Err(_)) | Err(_) => break,
        }
    }
    assert!(sent < MOST, "{sent} bytes were taken");
    let started = Instant::now();
    while client.0.write_all(b"GET").await.is_ok() {
        sleep(Duration::from_millis(100)).await;
        assert!(started.elapsed() < Duration::from_mins(1), "the connection is still open");
    }
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_idle_connections() {
    let served = Served::start(&Http::default());
    let mut idle = served.connect().await;
    assert!(idle.ask(LIVE).await.starts_with("HTTP/1.1 200"));
    let mut silent = served.connect().await;
    silent.send("GET").await;
    let started = Instant::now();
    served.handle.stop(true).await;
    served.task.await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(idle.rest().await, "");
}
