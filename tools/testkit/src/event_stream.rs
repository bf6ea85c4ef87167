//! A client of event streams (WHATWG HTML, "Server-sent events").

use std::collections::VecDeque;
use std::fmt::Write as _;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::wait::within;

/// One block of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The id that it sets.
    pub id: Option<String>,
    /// The name of the event.
    pub event: Option<String>,
    /// Its data.
    pub data: Option<String>,
    /// The pause that it asks for, in milliseconds.
    pub retry: Option<u64>,
    /// A comment.
    pub comment: Option<String>,
}

impl Block {
    fn parse(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line:?}"));
            let place = match field {
                "id" => &mut block.id,
                "event" => &mut block.event,
                "data" => &mut block.data,
                "" => &mut block.comment,
                "retry" => {
                    block.retry = Some(value.parse().expect("milliseconds"));
                    continue;
                }
                _ => panic!("unknown field: {line:?}"),
            };
            assert!(place.replace(value.to_owned()).is_none(), "twice: {text:?}");
        }
        block
    }

    /// The id of its row, with which the id of an event begins.
    pub fn row(&self) -> i64 {
        let id = self.id.as_deref().expect("an id");
        let end = id.find(|c: char| !c.is_ascii_digit()).unwrap_or(id.len());
        id[..end].parse().expect("a row's id")
    }

    /// The data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.data.as_deref().expect("data")).expect("JSON")
    }
}

/// An open stream.
pub struct EventStream {
    tcp: TcpStream,
    /// The status line and the headers.
    pub head: String,
    raw: Vec<u8>,
    text: String,
    blocks: VecDeque<Block>,
    has_ended: bool,
    /// What a client sends as `Last-Event-ID` when it comes back.
    pub last_event_id: Option<String>,
}

impl EventStream {
    /// Opens a stream that must be there.
    pub async fn open(port: u16, path: &str, headers: &[(&str, &str)]) -> Self {
        let stream = Self::try_open(port, path, headers, None).await.expect("an answer");
        assert!(stream.head.starts_with("HTTP/1.1 200"), "{}", stream.head);
        stream
    }

    /// Opens a stream behind the position of another one.
    pub async fn resume(port: u16, path: &str, headers: &[(&str, &str)], after: &Self) -> Self {
        let id = after.last_event_id.as_deref().expect("a position");
        Self::open(port, path, &[headers, &[("Last-Event-ID", id)]].concat()).await
    }

    /// Asks for a stream. The kernel buffers so many bytes for it, if that is said.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn try_open(
        port: u16,
        path: &str,
        headers: &[(&str, &str)],
        buffer: Option<u32>,
    ) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let mut tcp = socket.connect(([127, 0, 0, 1], port).into()).await?;
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n");
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request.push_str("\r\n");
        tcp.write_all(request.as_bytes()).await?;
        let mut stream = Self {
            tcp,
            head: String::new(),
            raw: Vec::new(),
            text: String::new(),
            blocks: VecDeque::new(),
            has_ended: false,
            last_event_id: None,
        };
        within("the head of a stream", stream.read_head()).await?;
        Ok(stream)
    }

    async fn read_head(&mut self) -> std::io::Result<()> {
        loop {
            if let Some(end) = self.raw.windows(4).position(|part| part == b"\r\n\r\n") {
                self.head = String::from_utf8_lossy(&self.raw[..end]).into_owned();
                self.raw.drain(..end + 4);
                return Ok(());
            }
            if self.tcp.read_buf(&mut self.raw).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next block, whatever it is. `None` at the end, or where the connection broke.
    pub async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(block) = self.blocks.pop_front() {
                if let Some(id) = &block.id {
                    self.last_event_id = Some(id.clone());
                }
                return Some(block);
            }
            if self.has_ended {
                return None;
            }
            self.decode();
            if self.blocks.is_empty() && !self.has_ended {
                let read = within("more of a stream", self.tcp.read_buf(&mut self.raw)).await;
                self.has_ended = !matches!(read, Ok(1..));
                self.decode();
            }
        }
    }

    /// The next event of this name; others and comments are skipped. `None` at the end.
    pub async fn event(&mut self, name: &str) -> Option<Block> {
        // Heartbeats that come in time must not put the deadline off.
        let event = async {
            loop {
                let block = self.block().await?;
                if block.event.as_deref() == Some(name) {
                    return Some(block);
                }
            }
        };
        within(&format!("an event '{name}'"), event).await
    }

    /// The rows' ids of the next events of status, so many.
    pub async fn ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let event = self.event("status").await.unwrap_or_else(|| panic!("it ended after {ids:?}"));
            ids.push(event.row());
        }
        ids
    }

    /// What the client would come back with, after all that is on its way: what comes before the
    /// next heartbeat.
    pub async fn position(&mut self) -> String {
        self.event("heartbeat").await.expect("a heartbeat");
        self.last_event_id.clone().expect("a position")
    }

    /// Splits what has come into blocks.
    fn decode(&mut self) {
        while let Some(line) = self.raw.windows(2).position(|part| part == b"\r\n") {
            let length = String::from_utf8_lossy(&self.raw[..line]).into_owned();
            let length = usize::from_str_radix(&length, 16).expect("the length of a chunk");
            let end = line + 2 + length;
            if self.raw.len() < end + 2 {
                break;
            }
            self.text.push_str(std::str::from_utf8(&self.raw[line + 2..end]).expect("UTF-8"));
            self.raw.drain(..end + 2);
            self.has_ended |= length == 0;
        }
        while let Some((block, rest)) = self.text.split_once("\n\n") {
            self.blocks.push_back(Block::parse(block));
            self.text = rest.to_owned();
        }
    }
}
