//! One HTTP connection that is kept open.

use std::net::SocketAddr;
use std::time::Duration;

use domain::OrderNumber;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// Longer than the order service's own deadline for an answer.
const LIMIT: Duration = Duration::from_secs(40);
/// A server that is away is not asked a thousand times a second.
pub const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
const MAX_ANSWER: usize = 1 << 20;

/// Why a request has no answer.
pub type NoAnswer = Box<dyn std::error::Error + Send + Sync>;

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// 200, with the order's number.
    Accepted(String),
    /// 200, with what was asked for.
    Told,
    /// Another status.
    Refused(u16),
    /// No answer; why.
    Nothing(String),
}

/// An open connection.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    driver: AbortHandle,
}

#[derive(Deserialize)]
struct Placed {
    order_number: String,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Result<Self, NoAnswer> {
        let stream = timeout(LIMIT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its end shows in the next request.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, address, driver })
    }

    /// Sends a request; returns status and body.
    pub async fn send(&mut self, method: &str, path: &str, body: String) -> Result<(u16, Bytes), NoAnswer> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let work = async {
            self.sender.ready().await?;
            let answer = self.sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await?.to_bytes();
            Ok((status, body))
        };
        timeout(LIMIT, work).await?
    }
}

/// Places an order over the connection, which is made if it is not there.
pub async fn place(client: &mut Option<Client>, address: SocketAddr, body: String) -> Heard {
    match send(client, address, "POST", "/orders", body).await {
        Ok((200, body)) => match serde_json::from_slice::<Placed>(&body) {
            Ok(placed) => Heard::Accepted(placed.order_number),
            Err(why) => Heard::Nothing(format!("an answer that cannot be read: {why}")),
        },
        Ok((status, _)) => Heard::Refused(status),
        Err(why) => Heard::Nothing(why.to_string()),
    }
}

/// Asks where an order stands, over the connection, which is made if it is not there.
pub async fn ask(client: &mut Option<Client>, address: SocketAddr, number: &OrderNumber) -> Heard {
    match send(client, address, "GET", &format!("/orders/{number}/status"), String::new()).await {
        Ok((200, _)) => Heard::Told,
        Ok((status, _)) => Heard::Refused(status),
        Err(why) => Heard::Nothing(why.to_string()),
    }
}

/// Sends a request over the connection, which is made if it is not there, and dropped if it broke.
pub async fn send(
    client: &mut Option<Client>,
    address: SocketAddr,
    method: &str,
    path: &str,
    body: String,
) -> Result<(u16, Bytes), NoAnswer> {
    let mut open = match client.take() {
        Some(open) => open,
        None => Client::connect(address).await?,
    };
    let answer = open.send(method, path, body).await?;
    *client = Some(open);
    Ok(answer)
}
