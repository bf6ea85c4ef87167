//! A publisher that writes AMQP 0-9-1 byte by byte, for messages that no correct client can send.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::amqp_frames::{self, frame, long, method, short};
use crate::shared_servers::ServerPair;
use crate::wait::within;

const HEADER: u8 = 2;
const BODY: u8 = 3;
const FRAME_MAX: u32 = 131_072;

/// Raw properties of a message: their flags, and their bytes (specification, 4.2.6.1).
#[derive(Clone, Debug, Default)]
pub struct RawProperties {
    flags: u16,
    bytes: Vec<u8>,
}

impl RawProperties {
    /// Adds headers of these bytes. Must be called before `message_id`.
    #[must_use]
    pub fn headers(mut self, table: &[u8]) -> Self {
        self.flags |= 0x2000;
        long(&mut self.bytes, table);
        self
    }

    /// Adds a message id of these bytes.
    #[must_use]
    pub fn message_id(mut self, id: &[u8]) -> Self {
        self.flags |= 0x0080;
        short(&mut self.bytes, id);
        self
    }
}

/// A table with one text.
pub fn text_header(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut table = Vec::new();
    short(&mut table, name);
    table.push(b'S');
    long(&mut table, value);
    table
}

/// Tables nested to this depth.
pub fn nested_header(levels: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for _ in 0..levels {
        let mut outer = Vec::new();
        short(&mut outer, b"t");
        outer.push(b'F');
        long(&mut outer, &table);
        table = outer;
    }
    table
}

/// Publishes a message, and waits for the confirm.
pub async fn publish(
    servers: &ServerPair,
    vhost: &str,
    exchange: &str,
    key: &[u8],
    properties: &RawProperties,
    body: &[u8],
) {
    within("a raw publish", async {
        let mut stream =
            TcpStream::connect(("127.0.0.1", servers.rabbitmq.port)).await.expect("a connection");
        stream.write_all(b"AMQP\x00\x00\x09\x01").await.expect("a broker");
        expect(&mut stream, 10, 10).await;
        let mut start = Vec::new();
        long(&mut start, b"");
        short(&mut start, b"PLAIN");
        long(&mut start, format!("\0{}\0{}", servers.rabbitmq.user, servers.rabbitmq.password).as_bytes());
        short(&mut start, b"en_US");
        send(&mut stream, &method(0, 10, 11, &start)).await;
        expect(&mut stream, 10, 30).await;
        let tune = [&10_u16.to_be_bytes()[..], &FRAME_MAX.to_be_bytes(), &0_u16.to_be_bytes()].concat();
        send(&mut stream, &method(0, 10, 31, &tune)).await;
        let mut open = Vec::new();
        short(&mut open, vhost.as_bytes());
        open.extend([0, 0]);
        send(&mut stream, &method(0, 10, 40, &open)).await;
        expect(&mut stream, 10, 41).await;
        send(&mut stream, &method(1, 20, 10, &[0])).await;
        expect(&mut stream, 20, 11).await;
        send(&mut stream, &method(1, 85, 10, &[0])).await;
        expect(&mut stream, 85, 11).await;

        let mut publish = vec![0, 0];
        short(&mut publish, exchange.as_bytes());
        short(&mut publish, key);
        publish.push(1);
        send(&mut stream, &method(1, 60, 40, &publish)).await;
        let mut header = [&60_u16.to_be_bytes()[..], &0_u16.to_be_bytes()].concat();
        header.extend((body.len() as u64).to_be_bytes());
        header.extend(properties.flags.to_be_bytes());
        header.extend(&properties.bytes);
        send(&mut stream, &frame(HEADER, 1, &header)).await;
        send(&mut stream, &frame(BODY, 1, body)).await;
        expect(&mut stream, 60, 80).await;
    })
    .await;
}

async fn send(stream: &mut TcpStream, frame: &[u8]) {
    stream.write_all(frame).await.expect("a broker that listens");
}

/// Reads one frame, which must be this method.
async fn expect(stream: &mut TcpStream, class: u16, method: u16) {
    let payload = amqp_frames::read(stream).await.expect("a frame");
    let found = [u16::from_be_bytes([payload[0], payload[1]]), u16::from_be_bytes([payload[2], payload[3]])];
    assert_eq!(found, [class, method], "{}", String::from_utf8_lossy(&payload));
}
