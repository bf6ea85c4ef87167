//! Requests that arrive before the earlier ones are answered.

use config::Http;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::served::{LIVE, Served, head};

/// A sequence of requests with bodies of these lengths.
fn requests(lengths: &[usize], chunked: bool) -> String {
    let request = |length: &usize| {
        let body = " ".repeat(*length);
        if chunked {
            head("/slow", "Transfer-Encoding: chunked") + &format!("{length:x}\r\n{body}\r\n0\r\n\r\n")
        } else {
            head("/slow", &format!("Content-Length: {length}")) + &body
        }
    };
    lengths.iter().map(request).collect()
}

/// Sends the requests in pieces of these sizes, and a last request. Returns the responses.
async fn answers(served: &Served, requests: &str, pieces: &[usize]) -> String {
    let last = LIVE.replace("Host", "Connection: close\r\nHost");
    let all = requests.to_owned() + &last;
    let mut client = served.connect().await;
    client.0.set_nodelay(true).unwrap();
    let (mut reading, mut writing) = client.0.split();
    let mut text = String::new();
    let send = async {
        let mut rest = all.as_bytes();
        for piece in pieces.iter().cycle() {
            let (piece, later) = rest.split_at(rest.len().min(*piece));
            writing.write_all(piece).await.unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(send, async { reading.read_to_string(&mut text).await.unwrap() });
    text
}

/// Asserts that every request is answered in sequence, and that the connection stays open until the
/// last one.
fn assert_answered(answers: &str, lengths: &[usize], case: &str) {
    let mut texts = answers.split("HTTP/1.1 ").skip(1);
    for (place, length) in lengths.iter().enumerate() {
        let answer = texts.next().unwrap_or_default();
        let is_right = answer.starts_with("200") && answer.ends_with(&format!("\r\n\r\n{length}"));
        assert!(is_right && !answer.contains("connection: close"), "{case}, request {place}: {answer:?}");
    }
    assert!(texts.next().is_some_and(|answer| answer.ends_with("ok\n")), "{case}: {answers:?}");
    assert_eq!(texts.next(), None, "{case}");
}

#[tokio::test]
async fn every_request_is_answered_wherever_a_read_ends() {
    let served = Served::start(&Http::default());
    let served = &served;
    // The boundaries of 8 KiB, which the server reads at once, fall into bodies, into heads, and
    // between requests.
    for chunked in [false, true] {
        join_all((0..150).map(|step| async move {
            let lengths = vec![200 + step * 4; 40];
            let answers = answers(served, &requests(&lengths, chunked), &[usize::MAX]).await;
            assert_answered(&answers, &lengths, &format!("bodies of {} bytes", lengths[0]));
        }))
        .await;
    }
}

#[tokio::test]
async fn every_request_is_answered_whatever_the_pieces() {
    let served = Served::start(&Http::default());
    let served = &served;
    let lengths = [1, 30, 0, 9_000, 7, 20_000, 2, 65_536, 300, 5];
    let pieces: [&[usize]; 9] = [
        &[1, 50_000],
        &[3, 700],
        &[97],
        &[113, 1],
        &[1_000],
        &[4_095, 2],
        &[8_191],
        &[8_192],
        &[8_193, 1, 1],
    ];
    for chunked in [false, true] {
        // An empty chunked body counts as no body.
        let lengths: Vec<usize> =
            lengths.iter().map(|length| if chunked { (*length).max(1) } else { *length }).collect();
        let (lengths, requests) = (&lengths, &requests(&lengths, chunked));
        join_all(pieces.map(|pieces| async move {
            assert_answered(&answers(served, requests, pieces).await, lengths, &format!("{pieces:?}"));
        }))
        .await;
    }
}

#[tokio::test]
async fn two_requests_are_answered_wherever_they_are_cut() {
    let served = Served::start(&Http::default());
    let served = &served;
    for chunked in [false, true] {
        let lengths = &[12, 9];
        let requests = &requests(lengths, chunked);
        join_all((1..requests.len()).map(|cut| async move {
            let answers = answers(served, requests, &[cut, usize::MAX]).await;
            assert_answered(&answers, lengths, &format!("cut at {cut}"));
        }))
        .await;
    }
}

#[tokio::test]
async fn a_client_that_reads_late_gets_every_answer() {
    const REQUESTS: usize = 3_000;
    let served = Served::start(&Http::default());
    let mut client = served.connect().await;
    let (mut reading, mut writing) = client.0.split();
    let lengths = vec![300; REQUESTS];
    let all = requests(&lengths, false).replace("/slow", "/length");
    let last = LIVE.replace("Host", "Connection: close\r\nHost");
    let mut text = String::new();
    // The server is blocked until the client can send no more and starts to read.
    let send = async {
        writing.write_all(all.as_bytes()).await.unwrap();
        writing.write_all(last.as_bytes()).await.unwrap();
    };
    let read = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        reading.read_to_string(&mut text).await.unwrap()
    };
    tokio::join!(send, read);
    assert_answered(&text, &lengths, "late");
}
