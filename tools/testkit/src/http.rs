//! A minimal HTTP client: it sends any bytes, and returns the whole response.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wait::within;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, with names in lower case.
    pub headers: HashMap<String, String>,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("not JSON ({why}): {self:?}"))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self:?}"))
    }
}

/// Sends a request with these headers and this body.
pub async fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    send_raw(port, &request(method, path, headers, body)).await
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !body.is_empty() || method == "POST" {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// Like [`send`], for a server that may be away or abort the response.
///
/// # Errors
/// There is no complete response.
pub async fn try_send(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(&request(method, path, headers, body)).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    parse(&answer).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Sends these bytes, and reads until the server closes the connection.
pub async fn send_raw(port: u16, bytes: &[u8]) -> Answer {
    within("an HTTP answer", async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        // A server may close the connection before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        parse(&answer).unwrap_or_else(|| panic!("not an HTTP answer: {:?}", String::from_utf8_lossy(&answer)))
    })
    .await
}

/// `None` without a complete head. A head without a status is no HTTP, which fails the test.
fn parse(answer: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.unwrap_or_else(|| panic!("an HTTP answer without a status: {text:?}"));
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Some(Answer { status, headers: headers.collect(), body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_its_whole_head_is_none() {
        let text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nbody";
        let headers = HashMap::from([("content-type".to_owned(), "text/plain".to_owned())]);
        assert_eq!(parse(text.as_bytes()), Some(Answer { status: 200, headers, body: "body".to_owned() }));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Type: te"), None);
    }

    #[test]
    #[should_panic(expected = "without a status")]
    fn an_answer_without_a_status_is_no_http() {
        parse(b"220 mail.example\r\n\r\n");
    }
}
