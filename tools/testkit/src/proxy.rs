//! A way to a server that the test can cut, silence, slow down, lead elsewhere, and mend.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// Pieces of an answer that are on their way at once.
const MAX_UNDER_WAY: usize = 64;
/// A slow way passes on so many pieces in a second.
const PIECES_PER_SECOND: u32 = 10;

/// Passes connections on to a server of this machine while it is open. It works in a thread of its
/// own, so that it does so, and lets go of the server when it is dropped, while the test's own
/// thread is busy or blocked.
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    passage: Passage,
    /// How often it was cut: a connection from before a cut ends, even if all is mended
    /// when it gets to know.
    cuts: u64,
    /// The server's port.
    server: u16,
    /// How long an answer is on its way.
    latency: Duration,
    /// Bytes a second, for each connection and direction.
    rate: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    Open,
    Silent,
    Cut,
}

impl Proxy {
    /// A proxy to a port of 127.0.0.1; it is open.
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

    /// Resets all connections and lets no new ones through.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.passage = Passage::Cut;
            state.cuts += 1;
        });
    }

    /// Lets everything through to the server, and nothing back: it seems frozen, or too far away.
    /// New connections do not reach it: a PostgreSQL that waits for a password keeps everybody else
    /// from dropping a database.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.passage = Passage::Silent);
    }

    /// Answers take this long to arrive.
    pub fn delay(&self, latency: Duration) {
        self.state.send_modify(|state| state.latency = latency);
    }

    /// Each connection carries at most so many bytes a second in each direction.
    pub fn throttle(&self, bytes_per_second: u32) {
        self.state.send_modify(|state| state.rate = Some(bytes_per_second));
    }

    /// Leads to another port of 127.0.0.1 from now on; connections to the old one are reset.
    pub fn lead_to(&self, server: u16) {
        self.state.send_modify(|state| {
            state.server = server;
            state.cuts += 1;
        });
    }

    /// Lets connections through again at full speed, and what was held back.
    pub fn mend(&self) {
        self.state.send_modify(|state| {
            state.passage = Passage::Open;
            state.latency = Duration::ZERO;
            state.rate = None;
        });
    }
}

/// Until the proxy is dropped; then all connections end.
async fn accept(listener: std::net::TcpListener, state: watch::Receiver<State>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let mut watched = state.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A closed proxy accepts and hangs up: the port stays its own.
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
        // Reset rather than close, as a broken network would.
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
    let questions = carry(from_client, to_server, state.clone(), Way::There);
    let answers = carry(from_server, to_client, state, Way::Back);
    tokio::try_join!(questions, answers).map(drop)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

/// Carries one direction, piece by piece, until it ends. Only answers are held back and delayed.
async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
    way: Way,
) -> io::Result<()> {
    let (forward, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(MAX_UNDER_WAY);
    let watched = state.clone();
    let reading = async move {
        let mut piece = vec![0; 16_384];
        loop {
            let count = from.read(&mut piece).await?;
            let latency = if way == Way::Back { watched.borrow().latency } else { Duration::ZERO };
            // An empty piece is the end.
            let sent = forward.send((Instant::now() + latency, piece[..count].to_vec())).await;
            if count == 0 || sent.is_err() {
                return io::Result::Ok(());
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if way == Way::Back {
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
