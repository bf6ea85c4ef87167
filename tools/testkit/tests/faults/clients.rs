//! Clients that abort requests, send slowly, send too much, or pipeline.

use std::time::Duration;

use testkit::http::Answer;
use testkit::{eventually, http};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::load::{Response, order};
use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{closes, holds, recovers};

/// The deadline of a head is 5 s, that of a body 10 s, each in ticks that get longer on a busy
/// machine.
const SLOWEST: Duration = Duration::from_secs(20);

fn request(body: &str) -> String {
    format!(
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn clients_break_off_after_the_body_and_during_the_answer() {
    let mut restaurant = Restaurant::open().await;
    let load = restaurant.load();
    let ports = restaurant.ports.lock().unwrap().clone();
    for number in 0..either(60, 600) {
        let customer = format!("Fugitive {number}");
        let mut stream = TcpStream::connect(("127.0.0.1", ports[number % ports.len()])).await.unwrap();
        stream.write_all(request(&order(&customer, number).to_string()).as_bytes()).await.unwrap();
        if number % 2 == 0 {
            // The first bytes of the response; the rest meets a closed socket.
            let mut start = [0; 9];
            timeout(SLOWEST, stream.read_exact(&mut start)).await.unwrap().unwrap();
        }
        // With this option, closing is a reset.
        stream.set_zero_linger().unwrap();
        drop(stream);
        load.remember(customer, Response::Failed("hung up".to_owned()));
    }
    let recovery = recovers(&load).await;
    holds("clients reset after the body and during the answer", &mut restaurant, load, recovery).await;
    let stored = restaurant.stage.database().await;
    let told = "select count(*) from orders where customer_name like 'Fugitive %' and status = 'ready'";
    assert!(
        stored.value(told).await.as_u64() >= Some(either(30, 300)),
        "every client that saw the start of a response was served"
    );
    closes(restaurant).await;
}

#[tokio::test]
async fn slow_clients_are_disconnected_and_block_no_client() {
    let mut restaurant = Restaurant::open().await;
    let load = restaurant.load();
    let ports = restaurant.ports.lock().unwrap().clone();
    let head = "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";
    let mut slow = JoinSet::new();
    for number in 0..either(200, 2_000) {
        let port = ports[number % ports.len()];
        let has_head = number % 2 == 0;
        slow.spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let start = if has_head { head } else { "POST /orders HTTP/1.1\r\nX-" };
            stream.write_all(start.as_bytes()).await.unwrap();
            let (mut answers, mut questions) = stream.split();
            let trickle = async {
                while questions.write_all(b"x").await.is_ok() {
                    sleep(Duration::from_millis(500)).await;
                }
                std::future::pending::<()>().await;
            };
            let mut answer = Vec::new();
            let ended = async { answers.read_to_end(&mut answer).await };
            let started = Instant::now();
            tokio::select! {
                _ = ended => {}
                () = trickle => {}
                () = sleep(SLOWEST) => panic!("a slow client was still served after {SLOWEST:?} (head: {has_head})"),
            }
            (started.elapsed(), String::from_utf8_lossy(&answer).into_owned())
        });
    }
    // All of them are connected; regular clients are served at once.
    let recovery = recovers(&load).await;
    load.accepts(60).await;
    while let Some(ended) = slow.join_next().await {
        let (after, answer) = ended.unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "after {after:?}: {answer}");
    }
    holds("slow headers and slow bodies", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn requests_that_are_pipelined_oversized_or_deeply_nested() {
    const PIPELINED: usize = 20;
    let mut restaurant = Restaurant::open().await;
    let load = restaurant.load();
    let port = restaurant.order_services[0].port();

    let customers: Vec<String> = (0..PIPELINED).map(|number| format!("Hasty {number}")).collect();
    let bodies = customers.iter().enumerate().map(|(number, name)| order(name, number).to_string());
    let all: String = bodies.map(|body| request(&body)).collect();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(all.as_bytes()).await.unwrap();
    let mut answers = String::new();
    let mut piece = vec![0; 4_096];
    while answers.matches("order_number").count() < PIPELINED {
        let count = timeout(SLOWEST, stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(count > 0, "closed early: {answers}");
        answers.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), PIPELINED, "{answers}");
    let numbers = answers.split("\"order_number\":\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for (customer, number) in customers.into_iter().zip(numbers) {
        load.remember(customer, Response::Accepted(number.to_owned()));
    }

    let send = async |headers: &str, body: &[u8]| -> Answer {
        let head = format!(
            "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\r\n"
        );
        http::send_raw(port, &[head.as_bytes(), body].concat()).await
    };
    let announced = |body: &[u8]| format!("Content-Length: {}\r\n", body.len());
    let large = vec![b' '; 65 * 1_024];
    assert_eq!(send(&announced(&large), &large).await.status, 413);
    assert_eq!(send("Content-Length: 99999999999\r\n", b"{").await.status, 413);
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n", b"10000\r\n", &large].concat();
    assert_eq!(send("Transfer-Encoding: chunked\r\n", &chunk).await.status, 413);
    for nested in ["[".repeat(60_000), "{\"items\":".repeat(7_000), "[".repeat(30_000) + &"]".repeat(30_000)]
    {
        assert_eq!(send(&announced(nested.as_bytes()), nested.as_bytes()).await.status, 400);
    }
    let deep = order("Deep", 0)
        .to_string()
        .replace("\"items\"", &format!("\"extra\":{}1{},\"items\"", "[".repeat(100), "]".repeat(100)));
    let answer = send(&announced(deep.as_bytes()), deep.as_bytes()).await;
    assert!([200, 400].contains(&answer.status), "{answer:?}");
    if answer.status == 200 {
        load.remember(
            "Deep".to_owned(),
            Response::Accepted(answer.json()["order_number"].as_str().unwrap().to_owned()),
        );
    }
    let recovery = recovers(&load).await;
    holds("pipelined, oversized, deeply nested requests", &mut restaurant, load, recovery).await;
    eventually("the service to be well", async || {
        (restaurant.order_services[0].get("/readyz").await.status == 200).then_some(())
    })
    .await;
    closes(restaurant).await;
}
