//! One persistent HTTP connection.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// Longer than the order service's own deadline for a response.
const LIMIT: Duration = Duration::from_secs(40);
const MAX_ANSWER: usize = 1 << 20;

/// Why a request has no response.
pub type RequestError = Box<dyn std::error::Error + Send + Sync>;

/// A connection to a server. It is opened by a request if it is not open.
pub struct Connection {
    address: SocketAddr,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// A connection to this address. It is not open yet.
    pub fn to(address: SocketAddr) -> Self {
        Self { address, open: None }
    }

    /// Sends a request. Returns status and body. A connection that fails is closed.
    ///
    /// # Errors
    /// There is no connection, no response within 40 s, or one of more than 1 MiB.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<(u16, Bytes), RequestError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::to(self.address).await?,
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let work = async {
            open.sender.ready().await?;
            let answer = open.sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await?.to_bytes();
            Ok::<_, RequestError>((status, body))
        };
        let answer = timeout(LIMIT, work).await??;
        self.open = Some(open);
        Ok(answer)
    }
}

impl Open {
    async fn to(address: SocketAddr) -> Result<Self, RequestError> {
        let stream = timeout(LIMIT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // A failure of the connection shows in the next request.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, driver })
    }
}
