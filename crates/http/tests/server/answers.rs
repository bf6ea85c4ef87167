//! Large responses, and clients that do not read them.

use config::Http;
use tokio::io::AsyncReadExt as _;

use crate::served::{Client, LARGE, LIVE, Served};

/// Requests a large response, and reads only its first byte.
async fn ask_and_stop(served: &Served) -> Client {
    let mut client = served.connect().await;
    client.send(&LIVE.replace("/livez", "/large")).await;
    let mut first = [0];
    client.0.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"H");
    client
}

#[tokio::test]
async fn large_answers_share_a_pool_and_small_ones_do_not_need_it() {
    // The smallest pool, 1 MiB, has room for one response: twice the bytes beyond 8 KiB count.
    let served = Served::start(&Http { memory_limit_mib: 1, ..Http::default() });
    let large = LIVE.replace("/livez", "/large");
    let mut deaf = ask_and_stop(&served).await;
    let mut other = served.connect().await;
    let answer = other.ask(&large).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\r\nretry-after: 1\r\n"), "{answer:?}");
    assert!(answer.contains("\r\nx-request-id: ") && answer.contains("Too many large answers"), "{answer:?}");
    assert!(other.ask(LIVE).await.starts_with("HTTP/1.1 200"));
    // A client that reads frees the memory, and so does one that disconnects.
    assert!(deaf.answer().await.ends_with(&" ".repeat(LARGE)));
    assert!(deaf.ask(LIVE).await.starts_with("HTTP/1.1 200"));
    assert!(other.ask(&large).await.ends_with(&" ".repeat(LARGE)));
    assert!(other.ask(LIVE).await.starts_with("HTTP/1.1 200"));
    drop(ask_and_stop(&served).await);
    while !other.ask(&large).await.starts_with("HTTP/1.1 200") {
        tokio::task::yield_now().await;
    }
}
