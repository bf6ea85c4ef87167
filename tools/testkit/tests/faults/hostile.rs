//! Hostile clients that occupy connections while others place orders.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::{Signal, Stage, http};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::load::{Load, Response, order};
use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{closes, holds, recovers};

/// The memory limit of the manifests. It allows 1,638 connections by default, fewer than are opened
/// here.
pub const MEMORY_LIMIT_MIB: u64 = 256;
const HOSTILE: usize = 2_000;
/// The kernel's buffers per connection. They count towards the memory of a container, not of a
/// process.
pub const KERNEL_BUFFERS: u64 = 32 << 10;
const GOOD: usize = 200;
/// On a machine with two cores, smaller differences come from the scheduler, not from the service.
const NOISE: Duration = Duration::from_millis(100);
/// Pause before a disconnected hostile client returns.
const PAUSE: Duration = Duration::from_secs(5);
pub const LIVE: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The kinds of hostile behaviour. Each ends when the server closes the connection.
const KINDS: [Kind; 8] = [
    Kind::SlowHead,
    Kind::LaterHead,
    Kind::NoChunk,
    Kind::StalledBody,
    Kind::Deaf,
    Kind::Idle,
    Kind::Trickle,
    Kind::SendsOn,
];

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Sends the beginning of a head, and nothing more.
    SlowHead,
    /// Sends a request, reads the response, and sends one byte of the next request.
    LaterHead,
    /// Announces a chunked body, and sends no chunk.
    NoChunk,
    /// Sends almost all of a large body.
    StalledBody,
    /// Sends requests without end, and reads no response.
    Deaf,
    /// Sends a request, reads the response, and sends nothing more.
    Idle,
    /// Sends a byte per second.
    Trickle,
    /// Sends a body without end to a path that does not exist.
    SendsOn,
}

impl Kind {
    /// Whether the deadline passes within the bounded form of the suite.
    fn ends_soon(self) -> bool {
        !matches!(self, Self::Deaf | Self::Idle)
    }

    /// Each kind has its own source address, so that none exceeds the limit per address.
    pub async fn connect(self, port: u16) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if matches!(self, Self::Deaf) {
            socket.set_recv_buffer_size(4_096)?;
        }
        socket.bind((Ipv4Addr::new(127, 0, 1, self as u8 + 1), 0).into())?;
        socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
    }

    /// Misbehaves until the server closes the connection.
    async fn torments(self, port: u16) -> std::io::Result<()> {
        let mut stream = self.connect(port).await?;
        let head = |framing: &str| {
            format!(
                "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
            )
        };
        match self {
            Self::SlowHead => stream.write_all(b"POST /orders HTTP/1.1\r\nX-").await?,
            Self::LaterHead | Self::Idle => {
                stream.write_all(LIVE.as_bytes()).await?;
                let mut answer = [0; 1_024];
                if stream.read(&mut answer).await? == 0 {
                    return Ok(());
                }
                if matches!(self, Self::LaterHead) {
                    stream.write_all(b"G").await?;
                }
            }
            Self::NoChunk => stream.write_all(head("Transfer-Encoding: chunked").as_bytes()).await?,
            Self::StalledBody => {
                stream.write_all(head("Content-Length: 65536").as_bytes()).await?;
                stream.write_all(&vec![b' '; 65_000]).await?;
            }
            Self::Deaf => loop {
                stream.write_all(LIVE.repeat(100).as_bytes()).await?;
            },
            Self::Trickle => loop {
                stream.write_all(b"G").await?;
                sleep(Duration::from_secs(1)).await;
            },
            Self::SendsOn => {
                let endless = head("Transfer-Encoding: chunked").replace("/orders", "/nowhere");
                stream.write_all(endless.as_bytes()).await?;
                loop {
                    stream.write_all(b"1\r\nx\r\n").await?;
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(())
    }
}

/// Hostile clients that return after they are disconnected.
struct Siege {
    over: Arc<AtomicBool>,
    hostile: JoinSet<Kind>,
}

impl Siege {
    fn of(port: u16, count: usize) -> Self {
        let over = Arc::<AtomicBool>::default();
        let mut hostile = JoinSet::new();
        for number in 0..count {
            let (kind, over) = (KINDS[number % KINDS.len()], Arc::clone(&over));
            hostile.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    // The outcome does not matter.
                    let _ = kind.torments(port).await;
                    sleep(PAUSE).await;
                }
                kind
            });
        }
        Self { over, hostile }
    }

    /// Stops the returning, and asserts that every client whose deadline passes is disconnected
    /// within this time.
    async fn ends_within(mut self, limit: Duration, expected: impl Fn(Kind) -> bool) {
        self.over.store(true, Ordering::Relaxed);
        let mut left = KINDS.map(|kind| (kind, self.count_of(kind)));
        let deadline = Instant::now() + limit;
        while left.iter().any(|(kind, count)| *count > 0 && expected(*kind)) {
            let ended = tokio::time::timeout_at(deadline, self.hostile.join_next()).await;
            let Ok(Some(kind)) = ended else { panic!("still open after {limit:?}: {left:?}") };
            left[kind.unwrap() as usize].1 -= 1;
        }
    }

    fn count_of(&self, kind: Kind) -> usize {
        (0..self.hostile.len()).filter(|number| number % KINDS.len() == kind as usize).count()
    }
}

/// Runs regular clients, each of which places an order in two seconds. Returns the 99th percentile
/// of the latency.
async fn round(load: &Load, port: u16, name: &str) -> Duration {
    let orders = either(1, 5);
    let mut clients = JoinSet::new();
    for client in 0..GOOD {
        let name = name.to_owned();
        clients.spawn(async move {
            let mut response = Vec::new();
            for number in 0..orders {
                let place = u64::try_from(client * 2_000 / GOOD).unwrap();
                sleep(Duration::from_millis(if number == 0 { place } else { 2_000 })).await;
                let customer = format!("{name} {client} {number}");
                let body = order(&customer, client + number).to_string();
                let json = [("Content-Type", "application/json")];
                let started = Instant::now();
                let answer = http::try_send(port, "POST", "/orders", &json, body.as_bytes()).await;
                response.push((customer, answer, started.elapsed()));
            }
            response
        });
    }
    let mut times = Vec::new();
    while let Some(response) = clients.join_next().await {
        for (customer, answer, time) in response.unwrap() {
            let answer = answer.unwrap_or_else(|why| panic!("{customer} was not answered: {why}"));
            assert_eq!(answer.status, 200, "{customer}: {answer:?}");
            load.remember(
                customer,
                Response::Accepted(answer.json()["order_number"].as_str().unwrap().to_owned()),
            );
            times.push(time);
        }
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// The minimum of some rounds: other load on the machine makes a round longer, never shorter, and
/// the hostile clients are the same in all.
async fn rounds(load: &Load, port: u16, name: &str) -> Duration {
    let mut least = Duration::MAX;
    for number in 0..3 {
        least = least.min(round(load, port, &format!("{name} {number}")).await);
    }
    least
}

/// A field of `/proc/<pid>/status`, in bytes.
pub fn memory(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

async fn small() -> (Stage, Vec<(&'static str, String)>) {
    (Stage::new().await, vec![("HTTP_MEMORY_LIMIT_MIB", MEMORY_LIMIT_MIB.to_string())])
}

/// A restaurant whose services have that limit.
pub async fn small_restaurant() -> Restaurant {
    Restaurant::open_on(small).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_hostile_connections_block_no_client() {
    runtime::open_files::raise_to(HOSTILE * 2);
    let mut restaurant = Restaurant::open_alone_on(small).await;
    // The test is about access to the service, not about its limit of orders in progress.
    let launch = restaurant.order_service().arg("--max-concurrent=256");
    restaurant.seat_order_service(0, &launch).await;
    let load = restaurant.load();
    let port = restaurant.order_services[0].port();
    let calm = rounds(&load, port, "Early").await;
    let siege = Siege::of(port, HOSTILE);
    // All of them are connected.
    sleep(Duration::from_secs(2)).await;
    let besieged = rounds(&load, port, "Besieged").await;
    let (gone, expected): (_, fn(Kind) -> bool) = either(
        (Duration::from_secs(30), Kind::ends_soon as fn(Kind) -> bool),
        // The longest deadline is that of idle connections, 65 s.
        (Duration::from_secs(75), |_| true),
    );
    siege.ends_within(gone, expected).await;
    // The load of the machine may have changed in the meantime.
    let normal = calm.max(rounds(&load, port, "Late").await);
    println!("99 of 100 orders took {besieged:?} besieged, normally {normal:?}");
    let limit = (normal * 2).max(NOISE);
    assert!(besieged <= limit, "99 of 100 orders took {besieged:?} besieged, normally {normal:?}");
    let most = memory(restaurant.order_services[0].pid(), "VmHWM") + HOSTILE as u64 * KERNEL_BUFFERS;
    assert!(most < MEMORY_LIMIT_MIB << 20, "it took {} MiB", most >> 20);
    let recovery = recovers(&load).await;
    holds("2,000 hostile connections of eight kinds", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn clients_that_never_read_take_no_memory() {
    const DEAF: usize = 400;
    let mut restaurant = small_restaurant().await;
    let load = restaurant.load();
    let service = &restaurant.order_services[0];
    let (port, before) = (service.port(), memory(service.pid(), "VmRSS"));
    let mut deaf = JoinSet::new();
    for _ in 0..DEAF {
        deaf.spawn(Kind::Deaf.torments(port));
    }
    load.accepts(60).await;
    let most = memory(service.pid(), "VmHWM").saturating_sub(before);
    assert!(most < 128 << 20, "they took {} MiB", most >> 20);
    drop(deaf);
    let recovery = recovers(&load).await;
    holds("400 clients that send requests and never read", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}

#[tokio::test]
async fn a_stalled_machine_does_not_use_up_the_deadlines_of_clients() {
    let mut restaurant = small_restaurant().await;
    let load = restaurant.load();
    let service = &restaurant.order_services[0];
    let customer = "Patient".to_owned();
    let body = order(&customer, 0).to_string();
    let (start, end) = body.split_at(20);
    let mut stream = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
    let head =
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{start}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut later = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
    later.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    load.accepts(4).await;
    service.signal(Signal::STOP);
    // Longer than the deadlines of heads and bodies.
    sleep(Duration::from_secs(11)).await;
    service.signal(Signal::CONT);
    sleep(Duration::from_secs(1)).await;
    stream.write_all(end.as_bytes()).await.unwrap();
    later.write_all(b"Host: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let (mut answer, mut live) = (String::new(), String::new());
    stream.read_to_string(&mut answer).await.unwrap();
    later.read_to_string(&mut live).await.unwrap();
    assert!(live.starts_with("HTTP/1.1 200"), "{live:?}");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    let number = answer.split("\"order_number\":\"").nth(1).unwrap().split('"').next().unwrap();
    load.remember(customer, Response::Accepted(number.to_owned()));
    let recovery = recovers(&load).await;
    holds("an order service that stands still for 11 s, amid bodies", &mut restaurant, load, recovery).await;
    closes(restaurant).await;
}
