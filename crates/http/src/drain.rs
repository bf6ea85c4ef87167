//! Closes a server's port without resetting connections that clients have already opened.
//!
//! Closing a listening socket resets every connection in its accept queue. So the socket first
//! refuses new connections, then the queue is served, and then the socket is closed.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use deadlines::stop::CLOSE_PORT;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::sleep;

/// Interval between two polls of the accept queue. Count polls, not elapsed time: a stalled VM must
/// not shorten the drain.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// Consecutive empty polls after which the accept queue counts as drained: within a data centre, a
/// handshake takes less time than that. A later client retries after a second.
const EMPTY_POLLS: u32 = 5;
/// The largest number of polls. With a timer of 1 ms they take half a second at most. That is less
/// than the second after which refused clients retry. Only a server at its connection limit takes
/// as long.
const MAX_POLLS: u32 = 250;
/// How long a server may take, after its port was closed, to start serving the connections it
/// accepted before.
const HANDOVER: Duration = Duration::from_millis(200);

// A poll takes two milliseconds at most.
const _: () = assert!(
    2 * POLL_INTERVAL.as_millis() * MAX_POLLS as u128 + HANDOVER.as_millis() <= CLOSE_PORT.as_millis()
);

/// Closes a port while its server still runs.
#[derive(Debug)]
pub struct Drain(TcpListener);

impl Drain {
    /// Prepares the drain of the listener that the server will get.
    ///
    /// # Errors
    /// Too many files are open.
    pub fn of(listener: &TcpListener) -> std::io::Result<Self> {
        listener.try_clone().map(Self)
    }

    /// Closes the port, then stops the server when every accepted request has been answered, or
    /// after [`DRAIN_DEADLINE`](deadlines::stop::DRAIN_DEADLINE). Later clients find a closed port
    /// and can try another service. Stopping the server first would reset connections that wait for
    /// its threads.
    pub async fn run(self, server: &ServerHandle) {
        self.drain_backlog().await;
        sleep(HANDOVER).await;
        server.stop(true).await;
    }

    /// Lets the server accept every queued connection, and no new one.
    async fn drain_backlog(&self) {
        if refuse_new(&self.0).is_ok() {
            let mut empty = 0;
            for _ in 0..MAX_POLLS {
                sleep(POLL_INTERVAL).await;
                empty = if self.has_backlog() { 0 } else { empty + 1 };
                if empty == EMPTY_POLLS {
                    break;
                }
            }
        }
        // An error only means that the socket is already closed.
        let _ = rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both);
    }

    /// Whether a connection waits in the accept queue.
    fn has_backlog(&self) -> bool {
        let mut port = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut port, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

/// Drops the SYN packet of every new connection. The client retransmits it a second later, and
/// finds the port closed.
#[cfg(target_os = "linux")]
fn refuse_new(listener: &TcpListener) -> std::io::Result<()> {
    use socket2::{SockFilter, SockRef};

    // Classic BPF (Linux, networking/filter): a filter of a TCP socket sees the packet from its TCP
    // header on. Byte 13 of that header holds the flags (RFC 9293, section 3.1).
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// On other systems, closing the port resets queued connections.
#[cfg(not(target_os = "linux"))]
fn refuse_new(_: &TcpListener) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn queued_connections_are_served_and_later_ones_find_a_closed_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let drain = Drain::of(&listener).unwrap();
        let early: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert!(drain.has_backlog());
        let draining = tokio::spawn(async move { drain.drain_backlog().await });
        // Let the drain begin.
        tokio::task::yield_now().await;
        let serving = tokio::task::spawn_blocking(move || {
            // The server's threads are busy at first.
            std::thread::sleep(POLL_INTERVAL * EMPTY_POLLS * 10);
            for _ in 0..3 {
                listener.accept().unwrap().0.write_all(b"served").unwrap();
            }
            listener
        });
        let late = tokio::task::spawn_blocking(move || TcpStream::connect(address).map(drop));
        draining.await.unwrap();
        for mut client in early {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "served");
        }
        // The port stays closed as long as any handle to the socket exists.
        let listener = serving.await.unwrap();
        let why = late.await.unwrap().unwrap_err();
        assert_eq!(why.kind(), ErrorKind::ConnectionRefused);
        drop(listener);
    }
}
