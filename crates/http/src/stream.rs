//! The bytes of one connection: what the HTTP server reads and writes goes through
//! here, and is counted.
//!
//! The server gets one request at a time. It would take later ones apart meanwhile, keep them, and
//! call an answer the last one of its connection because the body of the next request is on its
//! way. So bytes are handed over in pieces that end where a request may end: behind an empty line,
//! or the announced length of a body. The server deals with each piece before the next one, and
//! while a request is being worked on there is none. An empty line that ends no head costs a turn
//! only.
//!
//! Whoever reads is woken by the kernel, by itself for the next turn, or by a flush: see [`Next`].

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::web::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::blank_line::BlankLine;
use crate::connection::{Connection, Phase, UNKNOWN_LENGTH};
use crate::ending::Ending;
use crate::exchange::Exchange;
use crate::pool::{Pool, Reservation};

/// Largest head of a request, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;
/// How the HTTP server's own answers begin.
const NOT_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n";
const TOO_LONG: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n";
/// Most lines of a head: the HTTP server has room for as many.
pub(crate) const MAX_HEAD_LINES: usize = 96;
/// Most bytes that the server gets before it has dealt with the last ones: it would read as many as
/// there are. As many may wait behind the end of a piece.
pub(crate) const READ_AT_ONCE: usize = 8 * 1024;
/// How long, and for how many bytes, this side goes on to read after its last answer, so that the
/// client can read it: bytes that come to a closed socket are answered with a reset, which may
/// overtake the answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// A socket with its counts. The server has it as a [`Stream`], the task that runs
/// the server as it is.
pub(crate) struct Socket {
    tcp: RefCell<TcpStream>,
    connection: Arc<Connection>,
    pool: Pool,
    /// Bytes that came behind the end of a piece; no more than [`READ_AT_ONCE`].
    ahead: RefCell<BytesMut>,
    /// Bytes that the server may still get before it flushes, which it does on each turn.
    this_turn: Cell<usize>,
    /// Bytes of the head so far.
    head: Cell<usize>,
    /// Where the search for the end of a piece stands.
    line: Cell<BlankLine>,
    /// Whether the reader waits for a flush.
    withheld: Cell<bool>,
    /// Whether the kernel takes no more of the answer.
    blocked: Cell<bool>,
    /// See [`Exchange`].
    answer: Rc<RefCell<Reservation>>,
}

/// What whoever reads gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// So many bytes at most.
    Bytes(usize),
    /// Nothing before the next turn, which it has as soon as there is something.
    Turn,
    /// Nothing before the answer is written. Each step there is followed by a flush.
    Flush,
}

/// What the HTTP server gets for a TCP stream.
pub(crate) struct Stream(Rc<Socket>);

impl Socket {
    pub(crate) fn new(tcp: TcpStream, connection: Arc<Connection>, pool: Pool) -> Rc<Self> {
        let answer = Rc::new(RefCell::new(pool.empty()));
        Rc::new(Self {
            tcp: RefCell::new(tcp),
            connection,
            pool,
            ahead: RefCell::default(),
            this_turn: Cell::new(READ_AT_ONCE),
            head: Cell::new(0),
            line: Cell::default(),
            withheld: Cell::new(false),
            blocked: Cell::new(false),
            answer,
        })
    }

    pub(crate) fn stream(self: &Rc<Self>) -> Stream {
        Stream(Rc::clone(self))
    }

    fn next(&self) -> Next {
        let this_request = match self.connection.phase() {
            _ if self.blocked.get() => 0,
            Phase::Work | Phase::Answer => 0,
            Phase::Body => self.connection.body_left(),
            Phase::New | Phase::Head | Phase::Idle => usize::MAX,
        };
        match (this_request, self.this_turn.get()) {
            (0, _) => Next::Flush,
            (_, 0) => Next::Turn,
            (this_request, this_turn) => Next::Bytes(this_request.min(this_turn)),
        }
    }

    /// How many of the bytes that came the server gets as one piece.
    fn piece(&self, bytes: &[u8]) -> usize {
        let has_length =
            self.connection.phase() == Phase::Body && self.connection.body_left() != UNKNOWN_LENGTH;
        if has_length {
            self.line.take();
            return bytes.len();
        }
        let mut line = self.line.get();
        let end = line.end(bytes);
        self.line.set(line);
        if end.is_some() {
            self.this_turn.set(0);
        }
        end.unwrap_or(bytes.len())
    }

    fn received(&self, count: usize) {
        let is_first = matches!(self.connection.phase(), Phase::New | Phase::Idle);
        self.connection.received(count);
        self.this_turn.set(self.this_turn.get().saturating_sub(count));
        let head = if is_first { count } else { self.head.get().saturating_add(count) };
        self.head.set(head);
        if self.connection.phase() == Phase::Head && head > MAX_HEAD {
            self.connection.end(Ending::HeadTooLarge);
        }
    }

    fn flushed(&self, cx: &mut Context<'_>) {
        self.this_turn.set(READ_AT_ONCE);
        if self.connection.phase() == Phase::Answer {
            self.answer.borrow_mut().clear();
            self.connection.flushed();
        }
        // Whatever was flushed: what is withheld may be about another request by now.
        if self.withheld.get() && self.next() != Next::Flush {
            self.withheld.set(false);
            if self.has_more(cx) {
                cx.waker().wake_by_ref();
            }
        }
    }

    /// Reads so many bytes at most.
    fn poll_kernel(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        let mut tcp = self.tcp.borrow_mut();
        let tcp = Pin::new(&mut *tcp);
        if buffer.remaining() <= most {
            return tcp.poll_read(cx, buffer);
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(tcp.poll_read(cx, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }

    /// Whether there is something to read. If there is not, the task is woken when something comes:
    /// a turn for nothing would cost every request a tenth of its processor time.
    fn has_more(&self, cx: &mut Context<'_>) -> bool {
        !self.ahead.borrow().is_empty() || self.tcp.borrow().poll_read_ready(cx).is_ready()
    }

    /// Ready with an error only: the connection is broken, and nobody waits for the answer any
    /// more.
    fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut byte = [0];
        match self.tcp.borrow().poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(Err(why)) => Poll::Ready(Err(why)),
            Poll::Ready(Ok(_)) | Poll::Pending => Poll::Pending,
        }
    }

    /// Closes it after the server is done with it, or was stopped: `final_response` are written
    /// first, if the kernel takes them. With `lingers`, the client has time to read them, or what
    /// the server wrote last.
    pub(crate) async fn close(self, final_response: &[u8], lingers: bool) {
        let mut tcp = self.tcp.into_inner();
        if self.blocked.get() {
            // Nobody reads: what the kernel still has goes at once.
            let _ = tcp.set_zero_linger();
            return;
        }
        // All or nothing: a client that is sent half of it takes it for broken, which it is.
        let _ = tcp.try_write(final_response);
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
        Exchange {
            connection: Arc::clone(&self.0.connection),
            pool: self.0.pool.clone(),
            answer: Rc::clone(&self.0.answer),
        }
    }
}

/// Splits off the HTTP server's own answer to what is no HTTP, which is always the last one of what
/// it writes: it has neither a body nor an id, while every answer of ours has both. It is given by
/// [`Socket::close`] with them.
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
        let most = match socket.next() {
            Next::Flush => {
                socket.withheld.set(true);
                return socket.poll_gone(cx);
            }
            Next::Turn => {
                if socket.has_more(cx) {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
            Next::Bytes(most) => most,
        };
        let before = buffer.filled().len();
        let mut ahead = socket.ahead.borrow_mut();
        let piece = if ahead.is_empty() {
            ready!(socket.poll_kernel(cx, buffer, most))?;
            let (_, came) = buffer.filled().split_at(before);
            let piece = socket.piece(came);
            let (_, later) = came.split_at(piece);
            ahead.extend_from_slice(later);
            buffer.set_filled(before + piece);
            piece
        } else {
            let (came, _) = ahead.split_at(ahead.len().min(most).min(buffer.remaining()));
            let piece = socket.piece(came);
            buffer.put_slice(&ahead.split_to(piece));
            if ahead.is_empty() {
                // Gives its memory back.
                *ahead = BytesMut::new();
            }
            piece
        };
        if piece > 0 {
            socket.received(piece);
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
        let (ours, refusal) = split_refusal(bytes);
        if let Some(ending) = refusal.filter(|_| ours.is_empty()) {
            // After the last answer nothing more is said.
            if !socket.connection.closes() {
                socket.connection.end(ending);
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut *socket.tcp.borrow_mut()).poll_write(cx, ours);
        socket.blocked.set(written.is_pending());
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
