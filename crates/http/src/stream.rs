//! The bytes of one connection: what the HTTP server reads and writes goes through here, and is counted.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::connection::{Connection, Ending, Phase};
use crate::exchange::Exchange;
use crate::pool::{Pool, Reservation};

/// Largest head of a request, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;
/// How the HTTP server's own answers begin.
const NOT_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n";
const TOO_LONG: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n";
/// Most lines of a head: the HTTP server has room for as many.
pub(crate) const MAX_HEAD_LINES: usize = 96;
/// Most bytes that the server gets before it has dealt with the last ones: it would read as many as there are.
const READ_AT_ONCE: usize = 8 * 1024;
/// Most bytes that are read ahead while a request is being worked on.
const READ_AHEAD: usize = 8 * 1024;
/// What a client that does not read its answers may cost beyond its connection's share: answers to all requests within
/// [`READ_AT_ONCE`], and the kernel's receive buffer.
const UNREAD_ANSWERS: usize = 256 * 1024;
/// How long, and for how many bytes, this side goes on to read after its last answer, so that the client can read it: bytes
/// that come to a closed socket are answered with a reset, which may overtake the answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// A socket with its counts. The server has it as a [`Stream`], the task that runs the server as it is.
pub(crate) struct Socket {
    tcp: RefCell<TcpStream>,
    connection: Arc<Connection>,
    pool: Pool,
    /// Bytes read since the server last wrote or flushed.
    at_once: Cell<usize>,
    /// Bytes read since the last head was complete, or the last answer.
    ahead: Cell<usize>,
    /// Whether bytes are left with the kernel until the answer is written.
    withheld: Cell<bool>,
    /// Whether the kernel takes no more of the answer.
    blocked: Cell<bool>,
    unread_answers: RefCell<Reservation>,
}

/// What the HTTP server gets for a TCP stream.
pub(crate) struct Stream(Rc<Socket>);

impl Socket {
    pub(crate) fn new(tcp: TcpStream, connection: Arc<Connection>, pool: Pool) -> Rc<Self> {
        let unread_answers = RefCell::new(pool.empty());
        Rc::new(Self {
            tcp: RefCell::new(tcp),
            connection,
            pool,
            at_once: Cell::new(0),
            ahead: Cell::new(0),
            withheld: Cell::new(false),
            blocked: Cell::new(false),
            unread_answers,
        })
    }

    pub(crate) fn stream(self: &Rc<Self>) -> Stream {
        Stream(Rc::clone(self))
    }

    /// How many bytes may be read now; `None`: none before the answer is written.
    fn allowance(&self) -> Option<usize> {
        let left = match self.connection.phase() {
            _ if self.blocked.get() => 0,
            Phase::Work | Phase::Answer => READ_AHEAD.saturating_sub(self.ahead.get()),
            Phase::New | Phase::Head | Phase::Body | Phase::Idle => usize::MAX,
        };
        (left > 0).then(|| left.min(READ_AT_ONCE.saturating_sub(self.at_once.get())))
    }

    fn received(&self, count: usize) {
        self.connection.received();
        self.at_once.set(self.at_once.get() + count);
        let ahead = self.ahead.get() + count;
        match self.connection.phase() {
            Phase::Head if ahead > MAX_HEAD => self.connection.end(Ending::HeadTooLarge),
            // The limits of a body are its own.
            Phase::Body => self.ahead.set(0),
            _ => self.ahead.set(ahead),
        }
    }

    fn is_blocked(&self) {
        if !self.blocked.replace(true) && !self.unread_answers.borrow_mut().grow_to(UNREAD_ANSWERS) {
            self.connection.end(Ending::AnswerUnread);
        }
    }

    fn flushed(&self, cx: &Context<'_>) {
        self.at_once.set(0);
        if self.connection.phase() == Phase::Answer {
            self.ahead.set(0);
            self.unread_answers.borrow_mut().clear();
            self.connection.flushed();
            if self.withheld.take() {
                cx.waker().wake_by_ref();
            }
        }
    }

    /// Closes it after the server is done with it, or was stopped: `last_words` are written first, if the kernel takes
    /// them. With `lingers`, the client has time to read them, or what the server wrote last.
    pub(crate) async fn close(self, last_words: &[u8], lingers: bool) {
        let mut tcp = self.tcp.into_inner();
        if self.blocked.get() {
            // Nobody reads: what the kernel still has goes at once.
            let _ = tcp.set_zero_linger();
            return;
        }
        // All or nothing: a client that is sent half of it takes it for broken, which it is.
        let _ = tcp.try_write(last_words);
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

impl Stream {
    /// What the requests on it are told.
    pub(crate) fn exchange(&self) -> Exchange {
        Exchange { connection: Arc::clone(&self.0.connection), pool: self.0.pool.clone() }
    }
}

/// Splits off the HTTP server's own answer to what is no HTTP, which is always the last one of what it writes: it has neither a
/// body nor an id, while every answer of ours has both. It is given by [`Socket::close`] with them.
fn split_refusal(bytes: &[u8]) -> (&[u8], Option<Ending>) {
    const END: &[u8] = b"\r\n\r\n";
    let refusal = [(NOT_HTTP, Ending::NotHttp), (TOO_LONG, Ending::HeadTooLong)].into_iter().find_map(
        |(line, ending)| {
            let head = bytes.strip_suffix(END)?;
            let start = head.windows(line.len()).rposition(|part| part == line)?;
            let (ours, head) = head.split_at_checked(start)?;
            let has = |part: &[u8]| head.windows(part.len()).any(|known| known == part);
            (has(b"\r\ncontent-length: 0") && !has(END)).then_some((ours, ending))
        },
    );
    refusal.map_or((bytes, None), |(ours, ending)| (ours, Some(ending)))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = &*self.0;
        if socket.connection.closes() {
            // Nothing more is taken after the last answer.
            return Poll::Pending;
        }
        let allowance = match socket.allowance() {
            // Woken when the answer is written.
            None => {
                socket.withheld.set(true);
                return Poll::Pending;
            }
            // The server deals with what it has first.
            Some(0) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(allowance) => allowance,
        };
        let before = buffer.filled().len();
        let mut tcp = socket.tcp.borrow_mut();
        let tcp = Pin::new(&mut *tcp);
        let count = if buffer.remaining() <= allowance {
            std::task::ready!(tcp.poll_read(cx, buffer))?;
            buffer.filled().len() - before
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(allowance));
            std::task::ready!(tcp.poll_read(cx, &mut part))?;
            let count = part.filled().len();
            buffer.advance(count);
            count
        };
        if count > 0 {
            socket.received(count);
        }
        if socket.connection.ending().is_some() {
            // What is refused is not carried out. The task that runs the server ends it.
            buffer.set_filled(before);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let socket = &*self.0;
        socket.at_once.set(0);
        let (ours, refusal) = split_refusal(bytes);
        if let Some(ending) = refusal.filter(|_| ours.is_empty()) {
            // After the last answer nothing more is said.
            if !socket.connection.closes() {
                socket.connection.end(ending);
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut *socket.tcp.borrow_mut()).poll_write(cx, ours);
        if written.is_pending() {
            socket.is_blocked();
        } else {
            socket.blocked.set(false);
        }
        written
    }

    /// The server flushes when it has written everything there was to write.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.flushed(cx);
        Poll::Ready(Ok(()))
    }

    /// See [`Socket::close`].
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
