//! One load for two kinds of servers: connections that ask for a key, again and again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::effort::Effort;
use crate::figures::Latencies;
use crate::load::Measured;

const LIMIT: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 1 << 20;

/// How a server is asked.
#[derive(Clone, Copy, Debug)]
pub enum Protocol {
    /// The tracking service.
    Http,
    /// Redis, in its protocol RESP 2.
    Redis,
}

impl Protocol {
    /// Asks what became of a request.
    fn question(self, id: &str) -> Vec<u8> {
        match self {
            Self::Http => format!("GET /order_status/{id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes(),
            Self::Redis => command(&["GET", &key(id)]),
        }
    }

    /// The body of an answer at the start of these bytes, and its end. `None` if it is not
    /// complete.
    fn answer(self, bytes: &[u8]) -> Result<Option<(&[u8], usize)>> {
        let end_of_head = match self {
            Self::Http => b"\r\n\r\n".as_slice(),
            Self::Redis => b"\r\n",
        };
        let Some(head) = bytes.windows(end_of_head.len()).position(|part| part == end_of_head) else {
            ensure!(bytes.len() < MAX_ANSWER, "an answer without an end");
            return Ok(None);
        };
        let text = std::str::from_utf8(bytes.get(..head).unwrap_or_default())?;
        let length = match self {
            Self::Http if text.starts_with("HTTP/1.1 200") => text
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find_map(|(name, value)| name.eq_ignore_ascii_case("content-length").then_some(value)),
            Self::Redis => text.strip_prefix('$').filter(|length| !length.starts_with('-')),
            Self::Http => None,
        };
        let length: usize =
            length.and_then(|length| length.parse().ok()).with_context(|| format!("answered: {text}"))?;
        let start = head + end_of_head.len();
        // RESP ends a text with a line break of its own.
        let end = start + length + if matches!(self, Self::Redis) { 2 } else { 0 };
        let body = bytes.get(start..start + length).filter(|_| bytes.len() >= end);
        Ok(body.map(|body| (body, end)))
    }
}

/// The key of a request in Redis.
fn key(id: &str) -> String {
    format!("order_status:{id}")
}

/// A command in RESP 2: a list of texts.
fn command(words: &[&str]) -> Vec<u8> {
    let texts = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let list = std::iter::once(format!("*{}\r\n", words.len())).chain(texts);
    list.flat_map(String::into_bytes).collect()
}

/// A connection to a server of either kind.
pub struct Connection {
    protocol: Protocol,
    stream: TcpStream,
    /// What was read and not used yet.
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to this port on 127.0.0.1.
    pub async fn open(protocol: Protocol, port: u16) -> Result<Self> {
        let stream = timeout(LIMIT, TcpStream::connect(("127.0.0.1", port))).await??;
        stream.set_nodelay(true)?;
        Ok(Self { protocol, stream, buffer: Vec::with_capacity(4_096) })
    }

    /// What became of a request.
    pub async fn ask(&mut self, id: &str) -> Result<Vec<u8>> {
        timeout(LIMIT, self.answer_to(id)).await.context("there was no answer")?
    }

    async fn answer_to(&mut self, id: &str) -> Result<Vec<u8>> {
        self.stream.write_all(&self.protocol.question(id)).await?;
        loop {
            if let Some((body, end)) = self.protocol.answer(&self.buffer)? {
                let body = body.to_owned();
                self.buffer.drain(..end);
                return Ok(body);
            }
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed the connection");
        }
    }

    /// Stores in Redis what became of a request.
    pub async fn store(&mut self, id: &str, value: &str) -> Result<()> {
        let mut answer = [0; 5];
        let storing = async {
            self.stream.write_all(&command(&["SET", &key(id), value])).await?;
            self.stream.read_exact(&mut answer).await
        };
        timeout(LIMIT, storing).await??;
        if &answer != b"+OK\r\n" {
            bail!("Redis stores nothing: {}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    }
}

/// Asks for these requests at random, on so many connections at once, each of which asks again when
/// it is answered.
pub async fn run(
    effort: Effort,
    protocol: Protocol,
    port: u16,
    ids: &Arc<[String]>,
    connections: usize,
) -> Result<Measured> {
    let begin = Instant::now() + effort.warmup();
    let end = begin + effort.duration();
    let mut askers = JoinSet::new();
    for _ in 0..connections {
        let ids = Arc::clone(ids);
        askers.spawn(async move {
            let mut connection = Connection::open(protocol, port).await?;
            let mut micros = Vec::new();
            while Instant::now() < end {
                let id = ids.get(rand::random_range(0..ids.len())).context("there is nothing to ask for")?;
                let asked = Instant::now();
                connection.ask(id).await?;
                let answered = Instant::now();
                if answered > begin && answered <= end {
                    micros.push((answered - asked).as_secs_f64() * 1e6);
                }
            }
            anyhow::Ok(micros)
        });
    }
    let mut micros = Vec::new();
    while let Some(asker) = askers.join_next().await {
        micros.extend(asker??);
    }
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 answers")]
    let per_second = micros.len() as f64 / effort.duration().as_secs_f64();
    Ok(Measured { per_second, latencies: Latencies::of_micros(micros), ..Measured::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        for (protocol, answer) in [
            (Protocol::Http, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nsushi"),
            (Protocol::Redis, "$5\r\nsushi\r\n"),
        ] {
            let bytes = format!("{answer}next");
            let (body, end) = protocol.answer(bytes.as_bytes()).unwrap().unwrap();
            assert_eq!((body, end), (b"sushi".as_slice(), answer.len()), "{protocol:?}");
            for cut in 0..answer.len() {
                assert!(
                    protocol.answer(&bytes.as_bytes()[..cut]).unwrap().is_none(),
                    "{protocol:?} at {cut}"
                );
            }
        }
    }

    #[test]
    fn no_other_answer_counts() {
        assert!(Protocol::Http.answer(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}").is_err());
        assert!(Protocol::Redis.answer(b"$-1\r\n").is_err());
        assert!(Protocol::Redis.answer(b"-ERR unknown command\r\n").is_err());
    }

    #[test]
    fn a_command_is_a_list_of_texts() {
        assert_eq!(command(&["GET", "k"]), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }
}
