//! One persistent HTTP connection.

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

/// Longer than the order service's own deadline for a response.
const LIMIT: Duration = Duration::from_secs(40);
/// Pause after a failure, so that an unreachable server gets no thousand requests a second.
pub const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
const MAX_ANSWER: usize = 1 << 20;

/// Why a request has no response.
pub type RequestError = Box<dyn std::error::Error + Send + Sync>;

/// The response to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// 200, with the order's number.
    Accepted(String),
    /// 200, with the requested status.
    Status,
    /// Another status.
    Refused(u16),
    /// No response, and the cause.
    Failed(String),
}

/// An open connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    driver: AbortHandle,
}

#[derive(Deserialize)]
struct Placed {
    order_number: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Result<Self, RequestError> {
        let stream = timeout(LIMIT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // A failure of the connection shows in the next request.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, address, driver })
    }

    /// Sends a request. Returns status and body.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<(u16, Bytes), RequestError> {
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

/// Places an order over the connection, which is opened if necessary.
pub async fn place(connection: &mut Option<Connection>, address: SocketAddr, body: String) -> Response {
    match send(connection, address, "POST", "/orders", body).await {
        Ok((200, body)) => match serde_json::from_slice::<Placed>(&body) {
            Ok(placed) => Response::Accepted(placed.order_number),
            Err(why) => Response::Failed(format!("an answer that cannot be read: {why}")),
        },
        Ok((status, _)) => Response::Refused(status),
        Err(why) => Response::Failed(why.to_string()),
    }
}

/// Requests an order's status over the connection, which is opened if necessary.
pub async fn ask(connection: &mut Option<Connection>, address: SocketAddr, number: &OrderNumber) -> Response {
    match send(connection, address, "GET", &format!("/orders/{number}/status"), String::new()).await {
        Ok((200, _)) => Response::Status,
        Ok((status, _)) => Response::Refused(status),
        Err(why) => Response::Failed(why.to_string()),
    }
}

/// Sends a request over the connection, which is opened if necessary, and dropped if it fails.
pub async fn send(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    method: &str,
    path: &str,
    body: String,
) -> Result<(u16, Bytes), RequestError> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::connect(address).await?,
    };
    let answer = open.send(method, path, body).await?;
    *connection = Some(open);
    Ok(answer)
}
