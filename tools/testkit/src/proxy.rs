//! A proxy to a server that the test can cut, silence, slow down, redirect, and restore.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// The largest number of delayed pieces.
const MAX_UNDER_WAY: usize = 64;
/// The number of pieces per second on a throttled connection.
const PIECES_PER_SECOND: u32 = 10;

/// Forwards connections to a server of this machine while it is open. It runs in its own thread, so
/// that it works, and releases the server on drop, even while the test's thread is busy or blocked.
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    passage: Passage,
    /// The number of cuts. A connection from before a cut ends, even if the proxy is open again
    /// when it notices.
    cuts: u64,
    /// The server's port.
    server: u16,
    /// The delay of responses.
    latency: Duration,
    /// Bytes per second, for each connection and direction.
    rate: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    Open,
    Silent,
    Cut,
}

impl Proxy {
    /// A proxy to a port of 127.0.0.1. It is open.
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let listener = listener.into_std().expect("a listener");
        let open = State { passage: Passage::Open, cuts: 0, server, latency: Duration::ZERO, rate: None };
        let (state, watched) = watch::channel(open);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, watched));
        });
        Self { port, state }
    }

    /// The port to connect to instead of the server's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Resets all connections, and refuses new ones.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.passage = Passage::Cut;
            state.cuts += 1;
        });
    }

    /// Forwards everything to the server, and nothing back: the server seems frozen or unreachable.
    /// New connections do not reach the server, because a PostgreSQL that waits for a password
    /// prevents others from dropping a database.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.passage = Passage::Silent);
    }

    /// Delays responses by this time.
    pub fn delay(&self, latency: Duration) {
        self.state.send_modify(|state| state.latency = latency);
    }

    /// Limits each connection to this number of bytes per second in each direction.
    pub fn throttle(&self, bytes_per_second: u32) {
        self.state.send_modify(|state| state.rate = Some(bytes_per_second));
    }

    /// Redirects to another port of 127.0.0.1. Connections to the old one are reset.
    pub fn lead_to(&self, server: u16) {
        self.state.send_modify(|state| {
            state.server = server;
            state.cuts += 1;
        });
    }

    /// Forwards connections again at full speed, including what was held back.
    pub fn mend(&self) {
        self.state.send_modify(|state| {
            state.passage = Passage::Open;
            state.latency = Duration::ZERO;
            state.rate = None;
        });
    }
}

/// Runs until the proxy is dropped. Then all connections end.
async fn accept(listener: std::net::TcpListener, state: watch::Receiver<State>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let mut watched = state.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A cut proxy accepts and closes, because the port must stay its own.
                if let Ok((client, _)) = accepted && state.borrow().passage != Passage::Cut {
                    tokio::spawn(pass(client, state.clone()));
                }
            }
            _ = watched.wait_for(|_| false) => return,
        }
    }
}

async fn pass(mut client: TcpStream, state: watch::Receiver<State>) {
    let mut watched = state.clone();
    let cuts = watched.borrow().cuts;
    let is_cut = |state: &State| state.passage == Passage::Cut || state.cuts != cuts;
    let can_go_on = |state: &State| state.passage != Passage::Silent || is_cut(state);
    if watched.wait_for(can_go_on).await.is_ok_and(|state| is_cut(&state)) {
        return;
    }
    let port = watched.borrow().server;
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let cut = tokio::select! {
        _ = both_ways(&mut client, &mut server, state) => false,
        cut = watched.wait_for(is_cut) => cut.is_ok(),
    };
    if cut {
        // Reset instead of close, like a broken network.
        let _ = client.set_zero_linger();
        let _ = server.set_zero_linger();
    }
}

async fn both_ways(
    client: &mut TcpStream,
    server: &mut TcpStream,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let questions = carry(from_client, to_server, state.clone(), false);
    let answers = carry(from_server, to_client, state, true);
    tokio::try_join!(questions, answers).map(drop)
}

/// Forwards one direction, piece by piece, until it ends. Only responses are held back and delayed.
async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
    are_answers: bool,
) -> io::Result<()> {
    let (forward, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(MAX_UNDER_WAY);
    let watched = state.clone();
    let reading = async move {
        let mut piece = vec![0; 16_384];
        loop {
            let count = from.read(&mut piece).await?;
            let latency = if are_answers { watched.borrow().latency } else { Duration::ZERO };
            // An empty piece marks the end.
            let sent = forward.send((Instant::now() + latency, piece[..count].to_vec())).await;
            if count == 0 || sent.is_err() {
                return io::Result::Ok(());
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if are_answers {
                // An error means that the test is over.
                let _ = state.wait_for(|state| state.passage == Passage::Open).await;
            }
            let mut rest = piece.as_slice();
            while !rest.is_empty() {
                let rate = state.borrow().rate;
                let at_once = rate.map_or(rest.len(), |rate| (rate / PIECES_PER_SECOND).max(1) as usize);
                let (now, later) = rest.split_at(at_once.min(rest.len()));
                to.write_all(now).await?;
                if rate.is_some() {
                    sleep(Duration::from_secs(1) / PIECES_PER_SECOND).await;
                }
                rest = later;
            }
            if piece.is_empty() {
                break;
            }
        }
        to.shutdown().await
    };
    tokio::try_join!(reading, writing).map(drop)
}
