//! A minimal HTTP client: one request, one whole response, for tools that talk to a server on this
//! machine. [`post`] is for servers elsewhere, which are not trusted to be brief.

mod posting;

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub use self::posting::{Answered, Posted, post};

/// Larger responses are refused, in bytes.
const SIZE_LIMIT: u64 = 32 << 20;

/// A request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Path and query, percent-encoded.
    pub path: &'a str,
    /// Names and values of headers, besides those that every request has.
    pub headers: &'a [(&'a str, &'a str)],
    /// A JSON body.
    pub body: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// A GET without a body.
    pub fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: &[], body: None }
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body. Bytes that are not UTF-8 are replaced.
    pub body: String,
}

/// Sends a request to a port of this machine, and reads the response.
///
/// # Errors
/// No connection, no response within `limit`, or a response that is not HTTP.
pub async fn send(port: u16, request: &Request<'_>, limit: Duration) -> Result<Response> {
    send_to((Ipv4Addr::LOCALHOST, port).into(), request, limit).await
}

/// Like [`send`], to any address.
///
/// # Errors
/// Those of [`send`].
pub async fn send_to(address: SocketAddr, request: &Request<'_>, limit: Duration) -> Result<Response> {
    tokio::time::timeout(limit, exchange(address, request))
        .await
        .map_err(|_| Error::from(ErrorKind::TimedOut))?
}

async fn exchange(address: SocketAddr, request: &Request<'_>) -> Result<Response> {
    exchange_on(TcpStream::connect(address).await?, address, request).await
}

/// Sends a request to this address on a connection that is open already, such as one over TLS. The
/// caller limits the time. Some servers end TLS without saying so (RFC 8446, section 6.1), RabbitMQ
/// among them. An answer that is whole by its own length is taken all the same.
///
/// # Errors
/// The connection broke, or the response is not HTTP.
pub async fn exchange_on(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    request: &Request<'_>,
) -> Result<Response> {
    stream.write_all(encode(address, request).as_bytes()).await?;
    stream.flush().await?;
    let mut bytes = Vec::new();
    if let Err(why) = stream.take(SIZE_LIMIT).read_to_end(&mut bytes).await
        && !(why.kind() == ErrorKind::UnexpectedEof && posting::is_whole(&bytes))
    {
        return Err(why);
    }
    decode(&String::from_utf8_lossy(&bytes))
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))
}

/// HTTP/1.0: the response is not chunked, and ends with the connection.
fn encode(address: SocketAddr, request: &Request<'_>) -> String {
    let Request { method, path, headers, body } = request;
    let mut lines = vec![format!("{method} {path} HTTP/1.0"), format!("Host: {address}")];
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if let Some(body) = body {
        lines.push("Content-Type: application/json".to_owned());
        lines.push(format!("Content-Length: {}", body.len()));
    } else if matches!(*method, "POST" | "PUT") {
        // A server may refuse these without a length (RFC 1945, section 8.3).
        lines.push("Content-Length: 0".to_owned());
    }
    format!("{}\r\n\r\n{}", lines.join("\r\n"), body.unwrap_or_default())
}

fn decode(text: &str) -> Option<Response> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status_line = head.lines().next()?;
    let status = status_line.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?.parse().ok()?;
    Some(Response { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;

    use super::*;

    /// A server that answers, and then ends TLS without saying so.
    struct Unfinished(&'static [u8]);

    impl AsyncRead for Unfinished {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<Result<()>> {
            let rest = self.0;
            if rest.is_empty() {
                return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
            }
            let (now, later) = rest.split_at(rest.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.0 = later;
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Unfinished {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_whole_needs_no_end_of_tls() {
        let (address, request) = ((Ipv4Addr::LOCALHOST, 15_671).into(), Request::get("/api"));
        let whole = Unfinished(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        assert_eq!(exchange_on(whole, address, &request).await.unwrap().status, 204);
        let cut = Unfinished(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab");
        let why = exchange_on(cut, address, &request).await.unwrap_err();
        assert_eq!(why.kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_answer_is_read() {
        let answer = decode("HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n{\"a\":1}\r\n\r\n").unwrap();
        assert_eq!(answer, Response { status: 404, body: "{\"a\":1}\r\n\r\n".to_owned() });
        assert_eq!(decode("SSH-2.0-OpenSSH\r\n\r\n"), None);
    }

    #[test]
    fn a_request_carries_its_length() {
        let address = (Ipv4Addr::LOCALHOST, 80).into();
        let request = Request { method: "PUT", path: "/x", headers: &[("A", "b")], body: Some("é") };
        assert_eq!(
            encode(address, &request),
            "PUT /x HTTP/1.0\r\nHost: 127.0.0.1:80\r\nA: b\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\né"
        );
        let empty = Request { method: "POST", body: None, ..request };
        assert!(encode(address, &empty).ends_with("\r\nA: b\r\nContent-Length: 0\r\n\r\n"));
    }
}
