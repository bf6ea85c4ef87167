//! The bytes of a connection below HTTP: as they are, or over TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncBufRead as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The first byte of a TLS connection: a record of the handshake (RFC 8446, section 5.1). No method
/// of HTTP begins with it.
const HANDSHAKE: u8 = 22;
/// What TLS may hold that the kernel has not taken, in bytes.
const UNSENT: usize = 16 * 1024;
/// How long, and for how many bytes, the socket is still read after the last response. Bytes that
/// reach a closed socket are answered with a reset, which may overtake the response.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// A connection, from its first byte of HTTP on.
pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why a connection does not get as far as HTTP.
pub(crate) enum NotAccepted {
    /// The client left before its first byte.
    Gone,
    /// The client speaks without TLS.
    Plain(TcpStream),
    /// There is no agreement on TLS.
    Handshake(io::Error),
}

impl Transport {
    /// Agrees with the client on TLS, if the server speaks it.
    pub(crate) async fn accept(tcp: TcpStream, tls: Option<&TlsAcceptor>) -> Result<Self, NotAccepted> {
        let Some(tls) = tls else { return Ok(Self::Plain(tcp)) };
        let mut first = [0];
        let peeked = tcp.peek(&mut first).await;
        match peeked {
            Ok(1..) if first == [HANDSHAKE] => {}
            Ok(1..) => return Err(NotAccepted::Plain(tcp)),
            Ok(0) | Err(_) => return Err(NotAccepted::Gone),
        }
        // On the heap: connections without TLS need no room for it.
        let mut tls = Box::pin(tls.accept(tcp)).await.map_err(NotAccepted::Handshake)?;
        tls.get_mut().1.set_buffer_limit(Some(UNSENT));
        Ok(Self::Tls(Box::new(tls)))
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    /// Whether there is something to read, or the end. If not, the task is woken when there is.
    pub(crate) fn has_more(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Plain(tcp) => tcp.poll_read_ready(cx).is_ready(),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_fill_buf(cx).is_ready(),
        }
    }

    /// Whether the client has ended its side, as soon as that or another byte comes. Takes nothing.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self {
            Self::Plain(tcp) => {
                let mut byte = [0];
                let count = ready!(tcp.poll_peek(cx, &mut ReadBuf::new(&mut byte)))?;
                Poll::Ready(Ok(count == 0))
            }
            Self::Tls(tls) => match ready!(Pin::new(&mut **tls).poll_fill_buf(cx)) {
                Ok(bytes) => Poll::Ready(Ok(bytes.is_empty())),
                Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(true)),
                Err(why) => Poll::Ready(Err(why)),
            },
        }
    }

    /// Closes it, and discards what the kernel has not sent.
    pub(crate) fn reset(self) {
        let _ = self.tcp().set_zero_linger();
    }

    /// Writes the last bytes, if the client takes them, and closes it. With `lingers`, the client
    /// gets time to read them.
    pub(crate) async fn close(self, last: &[u8], lingers: bool) {
        let mut tcp = match self {
            Self::Plain(tcp) => {
                // All or nothing: a client that receives half a response treats the connection as
                // broken, which is correct.
                let _ = tcp.try_write(last);
                tcp
            }
            Self::Tls(mut tls) => {
                // TLS has an end of its own. Without it, a client must take the answer for cut off.
                let ended = async {
                    tls.write_all(last).await?;
                    tls.shutdown().await
                };
                let _ = timeout(LINGER, ended).await;
                tls.into_inner().0
            }
        };
        if !lingers || tcp.shutdown().await.is_err() {
            return;
        }
        let mut scrap = vec![0; 4_096];
        let drained = async {
            let mut left = LINGER_BYTES;
            while let Ok(count @ 1..) = tcp.read(&mut scrap).await {
                left = left.saturating_sub(count);
                if left == 0 {
                    break;
                }
            }
        };
        let _ = timeout(LINGER, drained).await;
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => match ready!(Pin::new(&mut **tls).poll_read(cx, buffer)) {
                // Many clients end without telling TLS. Every request says itself where it ends.
                Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                read => Poll::Ready(read),
            },
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
        }
    }
}
