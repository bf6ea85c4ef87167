//! The port of a server, and how it is closed so that nobody who came in is hung up on.
//!
//! A listening socket that is closed resets every connection that waits in line for it. So first it
//! takes no new ones, then the line is served, and then it is closed.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::sleep;

/// How often the line is looked at. Looks are counted instead of the time, so that none is lost in
/// which the machine stands still.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// Looks, one behind the other, at an empty line after which nobody is on the way: a connection
/// takes a round trip within a data centre from its first packet to its place in line. Who comes
/// meanwhile is a second late.
const EMPTY_POLLS: u32 = 5;
/// Most looks until the line has been served: half a second at most with a timer of 1 ms, and less
/// than the second after which those who came meanwhile come again. Only a server that has all the
/// connections it may have takes as long.
const MAX_POLLS: u32 = 250;
/// How long after its port was closed a server takes up what it had accepted before.
const HANDOVER: Duration = Duration::from_millis(200);

/// A port that can be closed while its server still runs.
#[derive(Debug)]
pub struct Drain(TcpListener);

impl Drain {
    /// Of the listener that the server will get.
    ///
    /// # Errors
    /// There are too many open files.
    pub fn of(listener: &TcpListener) -> std::io::Result<Self> {
        listener.try_clone().map(Self)
    }

    /// Closes the port, then stops the server when every request that was accepted has been
    /// answered, or [`DRAIN_SECONDS`](crate::server::DRAIN_SECONDS) have passed. Whoever comes
    /// after that finds a closed port, and can go to another service; a server that is stopped
    /// first hangs up on connections that wait in line for its threads.
    pub async fn run(self, server: &ServerHandle) {
        self.drain_backlog().await;
        sleep(HANDOVER).await;
        server.stop(true).await;
    }

    /// Lets the server take everybody who is in line, and nobody else.
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
        // An error only means that it is closed already.
        let _ = rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both);
    }

    /// Whether a connection waits to be accepted.
    fn has_backlog(&self) -> bool {
        let mut port = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut port, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

/// Drops the first packet of every further connection. Its client sends it again a second later,
/// and finds the port closed.
#[cfg(target_os = "linux")]
fn refuse_new(listener: &TcpListener) -> std::io::Result<()> {
    use socket2::{SockFilter, SockRef};

    // Classic BPF (Linux, networking/filter): a filter of a TCP socket sees the packet from its TCP
    // header on, whose byte 13 holds the flags (RFC 9293, section 3.1).
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

/// Elsewhere a closed port hangs up on those in line.
#[cfg(not(target_os = "linux"))]
fn refuse_new(_: &TcpListener) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn who_is_in_line_is_served_and_who_comes_later_finds_a_closed_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let drain = Drain::of(&listener).unwrap();
        let early: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert!(drain.has_backlog());
        let shut = tokio::spawn(async move { drain.drain_backlog().await });
        // It begins.
        tokio::task::yield_now().await;
        let serving = tokio::task::spawn_blocking(move || {
            // A server whose threads have other work at first.
            std::thread::sleep(POLL_INTERVAL * EMPTY_POLLS * 10);
            for _ in 0..3 {
                listener.accept().unwrap().0.write_all(b"served").unwrap();
            }
            listener
        });
        let late = tokio::task::spawn_blocking(move || TcpStream::connect(address).map(drop));
        shut.await.unwrap();
        for mut client in early {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "served");
        }
        // The port stays closed as long as somebody has the socket.
        let listener = serving.await.unwrap();
        let why = late.await.unwrap().unwrap_err();
        assert_eq!(why.kind(), ErrorKind::ConnectionRefused);
        drop(listener);
    }
}
