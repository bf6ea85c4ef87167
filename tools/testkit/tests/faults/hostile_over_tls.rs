//! Clients that occupy connections over TLS: none takes more memory than the limits count with.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use testkit::{Authority, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::hostile::{KERNEL_BUFFERS, Kind, LIVE, MEMORY_LIMIT_MIB, memory, small_restaurant};
use crate::verdict::closes;

/// How many clients there are, at the same time.
#[derive(Default)]
struct Clients {
    staying: AtomicU64,
    gone: AtomicU64,
    most: AtomicU64,
}

impl Clients {
    /// Connects, sends what its kind sends, and stays until the server closes the connection.
    async fn stay(&self, kind: Kind, port: u16) -> io::Result<()> {
        let mut stream = tls::client::unverified(kind.connect(port).await?).await?;
        if matches!(kind, Kind::Idle) {
            stream.write_all(LIVE.as_bytes()).await?;
            stream.flush().await?;
            if stream.read(&mut [0; 1_024]).await? == 0 {
                return Ok(());
            }
        } else {
            stream.write_all(b"POST /orders HTTP/1.1\r\nX-").await?;
            stream.flush().await?;
        }
        let staying = self.staying.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(staying, Ordering::Relaxed);
        let ended = stream.read_to_end(&mut Vec::new()).await;
        self.staying.fetch_sub(1, Ordering::Relaxed);
        ended.map(drop)
    }

    /// Whether so many have come, and stay or are gone again.
    fn have_come(&self, count: u64) -> bool {
        self.staying.load(Ordering::Relaxed) + self.gone.load(Ordering::Relaxed) >= count
    }
}

/// As many as may be connected at once: half of them idle, half with the beginning of a head.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_over_tls_take_no_more_than_their_share() {
    let authority = Authority::new();
    let certified = authority.server(&["localhost"]);
    let restaurant = small_restaurant().await;
    let launch = restaurant
        .order_service()
        .env("HTTP_TLS_CERT", certified.certificate.display().to_string())
        .env("HTTP_TLS_KEY", certified.key.display().to_string())
        .ready_when_logged("service_started");
    let mut service = launch.start().await;
    service.declared_all().await;
    let limited = service.log("connections_limited").await;
    let detail = |name: &str| limited["details"][name].as_u64().unwrap();
    let (connections, share) = (detail("connections"), detail("bytes_per_connection"));
    runtime::open_files::raise_to(usize::try_from(connections * 2).unwrap());

    let (port, before) = (service.port(), memory(service.pid(), "VmRSS"));
    let clients = Arc::<Clients>::default();
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let (kind, clients) =
            (if number % 2 == 0 { Kind::Idle } else { Kind::SlowHead }, Arc::clone(&clients));
        tasks.spawn(async move {
            // How a connection ends does not matter.
            let _ = clients.stay(kind, port).await;
            clients.gone.fetch_add(1, Ordering::Relaxed);
        });
    }
    eventually("all clients to have come", async || clients.have_come(connections).then_some(())).await;
    let most = clients.most.load(Ordering::Relaxed);
    // An incomplete head ends earlier than an idle connection, perhaps before the last client came.
    assert!(most >= connections / 2, "only {most} of {connections} connections were open at once");
    let peak = memory(service.pid(), "VmHWM");
    let each = peak.saturating_sub(before) / most + KERNEL_BUFFERS;
    println!("{most} connections over TLS took {} KiB each, of {} KiB", each >> 10, share >> 10);
    assert!(each <= share, "{most} connections took {each} bytes each, more than {share}");
    let total = peak + most * KERNEL_BUFFERS;
    assert!(total < MEMORY_LIMIT_MIB << 20, "it took {} MiB", total >> 20);
    drop(tasks);
    assert_eq!(service.stop().await, Some(0));
    closes(restaurant).await;
}
