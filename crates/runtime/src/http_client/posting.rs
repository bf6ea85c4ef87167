//! Sends bytes to a server that may be slow, large or lying. It reads no more than it needs.

use std::fmt;
use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Most bytes of an answer, its head included.
const MOST: usize = 64 * 1024;
/// Bytes that are read at once.
const PIECE: usize = 4 * 1024;

/// Most bytes of the line before a chunk. It has a number, and extensions that nobody uses.
const LONGEST_LINE: usize = 256;
/// What ends a line, and what a head.
const LINE_END: &[u8] = b"\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A request with a body of bytes.
#[derive(Clone, Copy)]
pub struct Posted<'a> {
    /// Name and port, as the server knows itself.
    pub host: &'a str,
    /// The path, percent-encoded.
    pub path: &'a str,
    /// The media type of the body.
    pub content_type: &'a str,
    /// Names and values of further headers. The caller has checked them.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// Values of headers may be secrets.
impl fmt::Debug for Posted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posted").field("host", &self.host).field("path", &self.path).finish_non_exhaustive()
    }
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The media type, or nothing.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a request on a connection of its own, and reads the answer. The caller limits the time.
///
/// # Errors
/// The connection broke, or what came is too large or no answer of HTTP/1.1.
pub async fn post(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &Posted<'_>) -> Result<Answered> {
    stream.write_all(head(request).as_bytes()).await?;
    stream.write_all(request.body).await?;
    stream.flush().await?;
    let (mut answer, mut left) = (Incoming::default(), MOST);
    let mut piece = [0; PIECE];
    loop {
        let read = stream.read(&mut piece).await?;
        answer.add(piece.get(..read).unwrap_or_default()).ok_or_else(no_http)?;
        // It may keep the connection open although it was asked not to.
        if answer.is_complete(read == 0) {
            return answer.finish().ok_or_else(no_http);
        }
        if read == 0 {
            return Err(no_http());
        }
        left = left.checked_sub(read).ok_or_else(|| invalid("the answer is too large"))?;
    }
}

/// Whether these bytes are a whole answer, as it says itself.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut answer = Incoming::default();
    answer.add(bytes).is_some() && answer.is_complete(false)
}

fn no_http() -> Error {
    invalid("the answer is not HTTP")
}

fn invalid(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

fn head(request: &Posted<'_>) -> String {
    let Posted { host, path, content_type, headers, body } = request;
    let mut lines = vec![
        format!("POST {path} HTTP/1.1"),
        format!("Host: {host}"),
        format!("Content-Type: {content_type}"),
        format!("Content-Length: {}", body.len()),
        "Connection: close".to_owned(),
    ];
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    format!("{}\r\n\r\n", lines.join("\r\n"))
}

/// An answer, as far as it has come. What was looked at is not looked at again: an answer that
/// comes in single bytes costs no more than one that comes whole.
#[derive(Default)]
struct Incoming {
    head: Option<Head>,
    /// What came behind the head, or without one all that came.
    rest: Vec<u8>,
}

struct Head {
    status: u16,
    content_type: String,
    framing: Framing,
}

/// How the end of a body is known (RFC 9112, section 6.3).
enum Framing {
    Length(usize),
    Chunks(Chunks),
    /// The connection ends.
    Close,
}

/// The chunks that are complete.
#[derive(Default)]
struct Chunks {
    body: Vec<u8>,
    /// Where the next one begins.
    next: usize,
    is_last: bool,
}

impl Incoming {
    /// Takes the next bytes. `None`: this is no answer of HTTP/1.1.
    fn add(&mut self, bytes: &[u8]) -> Option<()> {
        // The end of the head may have begun in what was there before.
        let seen = self.rest.len().saturating_sub(HEAD_END.len() - 1);
        self.rest.extend_from_slice(bytes);
        if self.head.is_none() {
            let Some(end) = position(self.rest.get(seen..)?, HEAD_END) else { return Some(()) };
            let end = seen + end;
            self.head = Some(Head::read(&String::from_utf8_lossy(self.rest.get(..end)?))?);
            self.rest.drain(..end + HEAD_END.len());
        }
        match &mut self.head {
            Some(Head { framing: Framing::Chunks(chunks), .. }) => chunks.read(&self.rest),
            _ => Some(()),
        }
    }

    /// Whether everything is there. `is_end`: nothing comes any more.
    fn is_complete(&self, is_end: bool) -> bool {
        self.head.as_ref().is_some_and(|head| match &head.framing {
            Framing::Length(length) => self.rest.len() >= *length,
            Framing::Chunks(chunks) => chunks.is_last,
            Framing::Close => is_end,
        })
    }

    fn finish(mut self) -> Option<Answered> {
        let Head { status, content_type, framing } = self.head?;
        let body = match framing {
            Framing::Length(length) => {
                self.rest.truncate(length);
                self.rest
            }
            Framing::Chunks(chunks) => chunks.body,
            Framing::Close => self.rest,
        };
        Some(Answered { status, content_type, body })
    }
}

impl Head {
    fn read(head: &str) -> Option<Self> {
        let status: u16 =
            head.lines().next()?.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?.parse().ok()?;
        let header = |wanted: &str| {
            let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
        };
        let content_type = header("content-type").unwrap_or_default().to_ascii_lowercase();
        let length = header("content-length").and_then(|length| length.parse::<usize>().ok());
        let framing = match (status, length) {
            // These have no body, whatever their headers say.
            (204 | 304, _) => Framing::Length(0),
            _ if header("transfer-encoding").is_some() => Framing::Chunks(Chunks::default()),
            (_, Some(length)) => Framing::Length(length),
            (_, None) => Framing::Close,
        };
        Some(Self { status, content_type, framing })
    }
}

impl Chunks {
    /// Reads the chunks that are complete. `bytes` is the whole body. `None`: these are no chunks.
    fn read(&mut self, bytes: &[u8]) -> Option<()> {
        while !self.is_last {
            let rest = bytes.get(self.next..)?;
            let Some(line) = position(rest.get(..LONGEST_LINE).unwrap_or(rest), LINE_END) else {
                return (rest.len() < LONGEST_LINE).then_some(());
            };
            let size = std::str::from_utf8(rest.get(..line)?).ok()?.split(';').next()?.trim();
            let size = usize::from_str_radix(size, 16).ok()?;
            if size == 0 {
                self.is_last = true;
                break;
            }
            let begin = line + LINE_END.len();
            let end = begin.checked_add(size)?;
            let next = end.checked_add(LINE_END.len())?;
            let Some(line_end) = rest.get(end..next) else { break };
            if line_end != LINE_END {
                return None;
            }
            self.body.extend_from_slice(rest.get(begin..end)?);
            self.next += next;
        }
        Some(())
    }
}

/// Where this is found first.
fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|some| some == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::duplex;

    use super::*;

    fn request(headers: &[(String, String)]) -> Posted<'_> {
        Posted { host: "otel:4318", path: "/v1", content_type: "a/b", headers, body: b"body" }
    }

    #[test]
    fn a_request_is_written() {
        let headers = [("X-Key".to_owned(), "secret".to_owned())];
        assert_eq!(
            head(&request(&headers)),
            "POST /v1 HTTP/1.1\r\nHost: otel:4318\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\
             Connection: close\r\nX-Key: secret\r\n\r\n"
        );
    }

    #[test]
    fn a_request_shows_no_header() {
        let headers = [("X-Key".to_owned(), "hunter2".to_owned())];
        let shown = format!("{:?}", request(&headers));
        assert!(shown.contains("otel:4318") && !shown.contains("hunter2"), "{shown}");
    }

    /// The answer in these bytes, which come in pieces of this size, and what of them was needed.
    fn decode(bytes: &[u8], size: usize, is_end: bool) -> Option<(Answered, usize)> {
        let (mut incoming, mut needed) = (Incoming::default(), 0);
        for piece in bytes.chunks(size) {
            incoming.add(piece)?;
            needed += piece.len();
            if incoming.is_complete(false) {
                return Some((incoming.finish()?, needed));
            }
        }
        incoming.is_complete(is_end).then(|| incoming.finish()).flatten().map(|answer| (answer, needed))
    }

    #[test]
    fn an_answer_is_read_when_it_is_complete() {
        for (text, status, body) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", 200, "abc"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n",
                200,
                "abc",
            ),
            ("HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", 204, ""),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, ""),
        ] {
            for size in [1, 2, 3, 5, text.len()] {
                let (answer, needed) = decode(text.as_bytes(), size, false).unwrap();
                assert_eq!((answer.status, answer.body.as_slice()), (status, body.as_bytes()), "{text}");
                assert_eq!(needed, text.len(), "{text}");
            }
        }
        let until_the_end = b"HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(decode(until_the_end, 1, false), None);
        assert_eq!(decode(until_the_end, 1, true).unwrap().0.body, b"abc");
    }

    #[test]
    fn an_answer_tells_whether_it_is_whole() {
        for (bytes, expected) in [
            ("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", true),
            ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 3\r\n\r\nabc", true),
            ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 3\r\n\r\nab", false),
            // Only the end of the connection would tell.
            ("HTTP/1.1 200 OK\r\n\r\nabc", false),
            ("HTTP/1.1 204 No Content\r\n", false),
            ("SSH-2.0-OpenSSH\r\n\r\n", false),
            ("", false),
        ] {
            assert_eq!(is_whole(bytes.as_bytes()), expected, "{bytes}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error_at_once() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for body in ["x\r\n", "1\r\nabc", "ffffffffffffffff\r\n", &"1".repeat(LONGEST_LINE)] {
            let mut incoming = Incoming::default();
            assert_eq!(incoming.add(format!("{head}{body}").as_bytes()), None, "{body}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_body_is_not_waited_for() {
        let (ours, mut theirs) = duplex(1 << 10);
        theirs.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        // The server keeps the connection open.
        assert_eq!(post(ours, &request(&[])).await.unwrap().status, 204);
        drop(theirs);
    }

    #[tokio::test]
    async fn what_is_too_large_or_no_answer_is_an_error() {
        for answer in ["SSH-2.0-OpenSSH\r\n\r\n".to_owned(), "x".repeat(MOST * 2), String::new()] {
            let (ours, mut theirs) = duplex(1 << 20);
            theirs.write_all(answer.as_bytes()).await.unwrap();
            theirs.shutdown().await.unwrap();
            assert_eq!(post(ours, &request(&[])).await.unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_the_same_in_any_pieces(
            bytes: Vec<u8>,
            size in 1_usize..9,
            is_chunked: bool,
            is_end: bool,
        ) {
            let encoding = if is_chunked { "Transfer-Encoding: chunked" } else { "Server: x" };
            let with_head = [format!("HTTP/1.1 200 OK\r\n{encoding}\r\n\r\n").as_bytes(), &bytes].concat();
            for bytes in [bytes, with_head] {
                let answer = |size| decode(&bytes, size, is_end).map(|(answer, _)| answer);
                prop_assert_eq!(answer(size), answer(1));
            }
        }
    }
}
