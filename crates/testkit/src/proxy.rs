//! A way to a server that the test can cut, and mend.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a server of this machine while it is open.
pub struct Proxy {
    port: u16,
    open: Arc<watch::Sender<bool>>,
    _acceptor: AbortOnDrop,
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Proxy {
    /// A proxy to a port of 127.0.0.1; it is open.
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (open, is_open) = watch::channel(true);
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A closed proxy accepts and hangs up: the port stays its own.
                if *is_open.borrow() {
                    tokio::spawn(pass(client, server, is_open.clone()));
                }
            }
        });
        Self { port, open: Arc::new(open), _acceptor: AbortOnDrop(acceptor) }
    }

    /// The port to connect to instead of the server's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Resets all connections and lets no new ones through.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

async fn pass(mut client: TcpStream, server: u16, mut is_open: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let cut = tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => false,
        cut = is_open.wait_for(|open| !open) => cut.is_ok(),
    };
    if cut {
        // Reset rather than close, as a broken network would.
        let _ = client.set_zero_linger();
        let _ = server.set_zero_linger();
    }
}
