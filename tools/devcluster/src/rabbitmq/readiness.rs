//! Waits until a started RabbitMQ server can be used.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{RabbitmqAdmin, RabbitmqConsole};
use crate::Error;

/// Five seconds on an idle machine with two cores; more on a busy one.
pub(super) const READY_LIMIT: Duration = Duration::from_mins(2);
const SETTLE_LIMIT: Duration = Duration::from_secs(5);
/// A fraction of a second on an idle machine; more when several servers start.
const REGISTER_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// One answer to a connection.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// Waits until existing streams can be used, which is a moment later than the server. Until then,
/// declaring one fails. A stream that never returns does not fail the start.
pub(super) async fn settle(admin: &RabbitmqAdmin) {
    let until_streams_are_up = async {
        while !admin.has_all_streams().await {
            tokio::time::sleep(POLL).await;
        }
    };
    let _ = tokio::time::timeout(SETTLE_LIMIT, until_streams_are_up).await;
}

/// Makes the server persist that it uses streams. It starts the stream coordinator with the first
/// stream, and writes that to a file half a second later. If it is killed before, it never starts
/// the coordinator again: it neither finds that stream nor creates one of that name (seen with
/// 3.10). A server on which this fails is usable, but vulnerable in that half second.
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

/// Whether the server answers the protocol header of AMQP 0-9-1 with a method frame.
pub(super) async fn speaks_amqp(port: u16) -> bool {
    let attempt = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
        stream.read_u8().await
    };
    matches!(tokio::time::timeout(ANSWER_LIMIT, attempt).await, Ok(Ok(1)))
}
