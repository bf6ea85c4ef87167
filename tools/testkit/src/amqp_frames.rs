//! Frames of AMQP 0-9-1, byte by byte: for what no correct client and no correct broker sends.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

const METHOD: u8 = 1;
const FRAME_END: u8 = 0xCE;

/// A frame of any type.
pub fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(channel.to_be_bytes());
    long(&mut bytes, payload);
    bytes.push(FRAME_END);
    bytes
}

/// A method, as a frame.
pub fn method(channel: u16, class: u16, method: u16, arguments: &[u8]) -> Vec<u8> {
    frame(METHOD, channel, &[&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat())
}

/// Appends a short string: at most 255 bytes.
pub(crate) fn short(to: &mut Vec<u8>, text: &[u8]) {
    to.push(u8::try_from(text.len()).expect("at most 255 bytes"));
    to.extend(text);
}

/// Appends a long string.
pub(crate) fn long(to: &mut Vec<u8>, text: &[u8]) {
    to.extend(u32::try_from(text.len()).expect("not that long").to_be_bytes());
    to.extend(text);
}

/// Reads one frame of any content. Returns its payload and its last byte.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = [0; 7];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
    let mut payload = vec![0; length + 1];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}
