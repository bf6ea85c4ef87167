//! When a RabbitMQ server that was started can be used.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{RabbitmqAdmin, RabbitmqConsole};
use crate::Error;
use crate::log_file::LogFile;
use crate::process::OwnedProcess;

/// Five seconds on an idle machine with two cores; more when they are busy.
const READY_LIMIT: Duration = Duration::from_mins(2);
const SETTLE_LIMIT: Duration = Duration::from_secs(5);
/// A fraction of a second on an idle machine; more when several servers start.
const REGISTER_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// One answer to a connection.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// Waits until the server passes the check.
pub(super) async fn wait_until<Check: Future<Output = bool>>(
    server: &'static str,
    process: &mut OwnedProcess,
    log: &LogFile,
    is_ready: impl Fn() -> Check,
) -> Result<(), Error> {
    let deadline = Instant::now() + READY_LIMIT;
    while !is_ready().await {
        if let Some(status) = process.ended() {
            return Err(Error::ended(server, status, log));
        }
        if Instant::now() > deadline {
            let path = log.path().to_owned();
            return Err(Error::NotReady { server, limit: READY_LIMIT, log: path, tail: log.tail() });
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Streams can be used a moment later than the server; until then, every client that declares one
/// is refused. One that does not come back is not the server's affair.
pub(super) async fn settle(admin: &RabbitmqAdmin) {
    let until_streams_are_up = async {
        while !admin.has_all_streams().await {
            tokio::time::sleep(POLL).await;
        }
    };
    let _ = tokio::time::timeout(SETTLE_LIMIT, until_streams_are_up).await;
}

/// Has the server note down that it keeps streams. It starts their coordinator with the first
/// stream, and enters it into a file half a second later: killed before that, it does not start the
/// coordinator again, and neither finds that stream nor makes one of that name ever after (seen
/// with 3.10). A server on which this fails can be used all the same, and is only more vulnerable
/// in that half second.
pub(super) async fn register_streams(admin: &RabbitmqAdmin, console: &RabbitmqConsole) {
    let register = async {
        if console.evaluate("whereis(rabbit_stream_coordinator).").await?.contains("undefined") {
            admin.start_streams().await?;
            console.evaluate("dets:sync(ra_coordination_directory_reverse).").await?;
        }
        Ok::<(), Error>(())
    };
    let _ = tokio::time::timeout(REGISTER_LIMIT, register).await;
}

/// Whether it answers the protocol header of AMQP 0-9-1 with a method frame.
pub(super) async fn speaks_amqp(port: u16) -> bool {
    let attempt = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
        stream.read_u8().await
    };
    matches!(tokio::time::timeout(ANSWER_LIMIT, attempt).await, Ok(Ok(1)))
}
