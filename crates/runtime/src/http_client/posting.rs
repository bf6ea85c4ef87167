//! Sends bytes to a server that may be slow, large or lying. It reads no more than it needs.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Most bytes of an answer, its head included.
const MOST: usize = 64 * 1024;
/// Bytes that are read at once.
const PIECE: usize = 4 * 1024;

/// A request with a body of bytes.
#[derive(Clone, Copy, Debug)]
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
    let mut bytes = Vec::new();
    let mut piece = [0; PIECE];
    loop {
        let read = stream.read(&mut piece).await?;
        bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
        // It may keep the connection open although it was asked not to.
        if let Some(answer) = decode(&bytes, read == 0) {
            return Ok(answer);
        }
        if read == 0 {
            return Err(Error::new(ErrorKind::InvalidData, "the answer is not HTTP"));
        }
        if bytes.len() > MOST {
            return Err(Error::new(ErrorKind::InvalidData, "the answer is too large"));
        }
    }
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

/// The answer, if it is complete (RFC 9112, section 6.3). `is_end`: nothing comes after this.
fn decode(bytes: &[u8], is_end: bool) -> Option<Answered> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = bytes.split_at_checked(end + 4)?;
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?.parse().ok()?;
    let header = |wanted: &str| {
        let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let content_type = header("content-type").unwrap_or_default().to_ascii_lowercase();
    let length = header("content-length").and_then(|length| length.parse::<usize>().ok());
    let body = if header("transfer-encoding").is_some() {
        unchunked(body)?
    } else if let Some(length) = length {
        body.get(..length)?.to_vec()
    } else if is_end {
        body.to_vec()
    } else {
        return None;
    };
    Some(Answered { status, content_type, body })
}

/// A body that comes in chunks, if it is complete.
fn unchunked(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|two| two == b"\r\n")?;
        let (size, rest) = chunks.split_at_checked(line)?;
        let size = std::str::from_utf8(size).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let rest = rest.get(2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        chunks = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
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
    fn an_answer_is_read_when_it_is_complete() {
        let is = |text: &str, body: &str| {
            let bytes = text.as_bytes();
            let answer = decode(bytes, true).unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (200, body.as_bytes()), "{text}");
            (0..bytes.len()).all(|length| decode(&bytes[..length], false).is_none())
        };
        assert!(is("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", "abc"));
        assert!(is(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n",
            "abc"
        ));
        assert!(is("HTTP/1.0 200 OK\r\n\r\nabc", "abc"));
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
        fn whatever_comes_is_read_or_not(bytes: Vec<u8>, is_end: bool) {
            let _ = decode(&bytes, is_end);
            let _ = unchunked(&bytes);
        }
    }
}
