//! A way to a server that the test can cut, silence, and mend.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a server of this machine while it is open. It works in a thread of its own, so that it does
/// so, and lets go of the server when it is dropped, while the test's own thread is busy or blocked.
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    passage: Passage,
    /// How often it was cut: a connection from before a cut ends, even if all is mended when it gets to know.
    cuts: u64,
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
        let (state, watched) = watch::channel(State { passage: Passage::Open, cuts: 0 });
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, server, watched));
        });
        Self { port, state }
    }

    /// The port to connect to instead of the server's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Resets all connections and lets no new ones through.
    pub fn cut(&self) {
        self.state.send_modify(|state| *state = State { passage: Passage::Cut, cuts: state.cuts + 1 });
    }

    /// Lets everything through to the server, and nothing back: it seems frozen, or too far away. New connections do
    /// not reach it: a PostgreSQL that waits for a password keeps everybody else from dropping a database.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.passage = Passage::Silent);
    }

    /// Lets connections through again, and what was held back.
    pub fn mend(&self) {
        self.state.send_modify(|state| state.passage = Passage::Open);
    }
}

/// Until the proxy is dropped; then all connections end.
async fn accept(listener: std::net::TcpListener, server: u16, state: watch::Receiver<State>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let mut watched = state.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A closed proxy accepts and hangs up: the port stays its own.
                if let Ok((client, _)) = accepted && state.borrow().passage != Passage::Cut {
                    tokio::spawn(pass(client, server, state.clone()));
                }
            }
            _ = watched.wait_for(|_| false) => return,
        }
    }
}

async fn pass(mut client: TcpStream, server: u16, state: watch::Receiver<State>) {
    let mut watched = state.clone();
    let cuts = watched.borrow().cuts;
    let is_cut = |state: &State| state.passage == Passage::Cut || state.cuts != cuts;
    let can_go_on = |state: &State| state.passage != Passage::Silent || is_cut(state);
    if watched.wait_for(can_go_on).await.is_ok_and(|state| is_cut(&state)) {
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
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
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let questions = async {
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let answers = async {
        let mut piece = vec![0; 16_384];
        loop {
            let count = from_server.read(&mut piece).await?;
            // An error means that the test is over.
            let _ = state.wait_for(|state| state.passage == Passage::Open).await;
            if count == 0 {
                return to_client.shutdown().await;
            }
            to_client.write_all(&piece[..count]).await?;
        }
    };
    tokio::try_join!(questions, answers).map(drop)
}
