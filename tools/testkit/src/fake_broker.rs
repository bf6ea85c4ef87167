//! A fake broker that performs AMQP's handshake and then sends invalid bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::amqp_frames::{long, method, read};
use crate::wait::within;

/// The bytes that the broker sends on its first connection.
#[derive(Clone, Debug)]
pub struct Script {
    /// After the protocol header of a client.
    pub start: Vec<u8>,
    /// After the client's login.
    pub tune: Vec<u8>,
    /// After the client's first method on a channel.
    pub answer: Vec<u8>,
}

impl Default for Script {
    /// A correct handshake, without an answer.
    fn default() -> Self {
        let mut arguments = vec![0, 9, 0, 0, 0, 0];
        for text in ["PLAIN", "en_US"] {
            long(&mut arguments, text.as_bytes());
        }
        let tune = [&2_047_u16.to_be_bytes()[..], &131_072_u32.to_be_bytes(), &10_u16.to_be_bytes()].concat();
        Self { start: method(0, 10, 10, &arguments), tune: method(0, 10, 30, &tune), answer: Vec::new() }
    }
}

/// The first connection follows the script. All later ones are forwarded to a real broker.
pub struct FakeBroker {
    port: u16,
    hung_up: oneshot::Receiver<()>,
    task: JoinHandle<()>,
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeBroker {
    /// Listens on a free port, in front of a real broker.
    pub async fn start(script: Script, server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, hung_up) = oneshot::channel();
        let task = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.expect("a client");
            tokio::spawn(async move {
                if speak(&mut client, script).await.is_none() {
                    let _ = sender.send(());
                }
            });
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut broker = TcpStream::connect(("127.0.0.1", server)).await?;
                    copy_bidirectional(&mut client, &mut broker).await
                });
            }
        });
        Self { port, hung_up, task }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the first client has closed its connection.
    pub async fn client_closed(self) {
        let mut this = self;
        within("the client to hang up", &mut this.hung_up).await.expect("it heard the whole script");
    }
}

/// Sends the script, and reads until the client closes the connection.
async fn speak(client: &mut TcpStream, script: Script) -> Option<()> {
    let mut protocol = [0; 8];
    client.read_exact(&mut protocol).await.ok()?;
    client.write_all(&script.start).await.ok()?;
    read(client).await.ok()?;
    client.write_all(&script.tune).await.ok()?;
    for _ in ["tune-ok", "open"] {
        read(client).await.ok()?;
    }
    client.write_all(&method(0, 10, 41, &[0])).await.ok()?;
    read(client).await.ok()?;
    client.write_all(&method(1, 20, 11, &[0; 4])).await.ok()?;
    read(client).await.ok()?;
    client.write_all(&script.answer).await.ok()?;
    loop {
        read(client).await.ok()?;
    }
}
