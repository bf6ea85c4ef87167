//! Complete bodies, bodies that nobody reads, and too many at once.

use config::Http;
use tokio::io::AsyncWriteExt as _;

use crate::served::{Client, LIVE, Served, head};

#[tokio::test]
async fn a_connection_goes_on_after_bodies_that_were_read() {
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    for length in [1, 300, 20_000, 65_536] {
        let request = head("/length", &format!("Content-Length: {length}")) + &" ".repeat(length);
        let answer = client.ask(&request).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{length}")), "{answer:?}");
        let pieces = format!("{length:x}\r\n{}\r\n0\r\n\r\n", " ".repeat(length));
        let answer = client.ask(&(head("/length", "Transfer-Encoding: chunked") + &pieces)).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{length}")), "{answer:?}");
    }
    assert!(client.ask(&head("/length", "Content-Length: 0")).await.ends_with("\r\n\r\n0"));
    assert!(client.ask(LIVE).await.ends_with("ok\n"));
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_their_order() {
    const REQUESTS: usize = 200;
    let served = Served::start(&Http::default());
    let client = served.connect().await;
    let (mut answers, mut questions) = client.0.into_split();
    let all: String = (1..=REQUESTS)
        .map(|length| head("/length", &format!("Content-Length: {length}")) + &" ".repeat(length))
        .collect();
    let asking = tokio::spawn(async move {
        questions.write_all(all.as_bytes()).await.unwrap();
        questions.write_all(LIVE.replace("Host", "Connection: close\r\nHost").as_bytes()).await.unwrap();
        questions
    });
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut answers, &mut text).await.unwrap();
    drop(asking.await.unwrap());
    let lengths: Vec<usize> = text
        .split("HTTP/1.1 200 OK")
        .filter_map(|answer| answer.rsplit_once("\r\n\r\n")?.1.trim().parse().ok())
        .collect();
    assert_eq!(lengths, (1..=REQUESTS).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_is_the_last_one() {
    const MOST: usize = 32 * 1024 * 1024;
    let served = Served::start(&Http::default());
    let cases = [
        (head("/nowhere", "Content-Length: 50000"), "HTTP/1.1 404"),
        (head("/nowhere", "Transfer-Encoding: chunked"), "HTTP/1.1 404"),
        (head("/length", "Content-Length: 65537"), "HTTP/1.1 413"),
        (head("/length", "Transfer-Encoding: chunked") + "10001\r\n" + &" ".repeat(65_537), "HTTP/1.1 413"),
        (head("/length", "Content-Length: 9").replace("json", "xml"), "HTTP/1.1 415"),
        (head("/livez", "Transfer-Encoding: chunked"), "HTTP/1.1 405"),
    ];
    for (request, status) in cases {
        let mut client = served.connect().await;
        let answer = client.ask(&request).await;
        assert!(answer.starts_with(status) && answer.contains("\r\nconnection: close\r\n"), "{answer:?}");
        assert_eq!(client.rest().await, "", "{status}");
        // Nobody reads the rest. The kernel may buffer some megabytes.
        let mut taken = 0;
        while taken < MOST && client.0.write_all(&[b' '; 4_096]).await.is_ok() {
            taken += 4_096;
        }
        assert!(taken < MOST, "{status}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_a_431() {
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    let filler = "a".repeat(1_000);
    let lines = |count: usize| format!("X-Filler: {filler}\r\n").repeat(count);
    let fitting = LIVE.replace("\r\n\r\n", &format!("\r\n{}\r\n", lines(15)));
    assert!(client.ask(&fitting).await.starts_with("HTTP/1.1 200"));
    client.send(&format!("GET /livez HTTP/1.1\r\n{}", lines(17))).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer:?}");
    assert!(answer.contains("The head is larger than 16384 bytes."), "{answer:?}");
}

#[tokio::test]
async fn large_bodies_share_a_pool_and_small_ones_do_not_need_it() {
    // The smallest pool, 1 MiB: twice the bytes beyond 8 KiB count.
    let served = Served::start(&Http { memory_limit_mib: 1, ..Http::default() });
    let half = head("/length", "Content-Length: 65536") + &" ".repeat(40_000);
    let mut waiting: Vec<Client> = Vec::new();
    for _ in 0..24 {
        let mut client = served.connect().await;
        client.send(&half).await;
        waiting.push(client);
    }
    // Once the pool is full, one client is refused.
    let (answer, _, _) =
        futures_util::future::select_all(waiting.iter_mut().map(|client| Box::pin(client.answer()))).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\r\nretry-after: 1\r\n"), "{answer:?}");
    let mut small = served.connect().await;
    let request = head("/length", "Content-Length: 8000") + &" ".repeat(8_000);
    assert!(small.ask(&request).await.ends_with("\r\n\r\n8000"));
}
