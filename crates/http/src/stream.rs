//! The bytes of one connection. Everything that the HTTP server reads and writes passes through
//! here and is counted.
//!
//! The server gets one request at a time. Given more, it would parse the following requests ahead,
//! buffer them, and close the connection after a response because the body of the next request is
//! still arriving. So bytes are handed over in pieces that end where a request may end: after an
//! empty line, or at the announced length of a body. The server processes each piece before it gets
//! the next one, and it gets none while a request is in progress. An empty line that ends no head
//! costs only one turn.
//!
//! The reader is woken by the kernel, by itself for its next turn, or by a flush: see [`Next`].

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::web::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::blank_line::BlankLine;
use crate::connection::{Connection, UNKNOWN_LENGTH};
use crate::ending::Ending;
use crate::exchange::Exchange;
use crate::phase::Phase;
use crate::pool::{Pool, Reservation};
use crate::stream_slots::StreamSlots;
use crate::transport::Transport;

/// The largest head of a request, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;
/// The first lines of the HTTP server's own error responses.
const NOT_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n";
const TOO_LONG: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n";
/// The largest number of lines in a head. The HTTP server has room for as many.
pub(crate) const MAX_HEAD_LINES: usize = 96;
/// The largest number of bytes that the server gets before it has processed the previous ones; it
/// would read all there are. As many may be buffered behind the end of a piece.
pub(crate) const READ_AT_ONCE: usize = 8 * 1024;

/// A socket and its counters. The server uses it as a [`Stream`]; the task that runs the server
/// uses it directly.
pub(crate) struct Socket {
    transport: RefCell<Transport>,
    connection: Arc<Connection>,
    pool: Pool,
    slots: StreamSlots,
    /// Bytes behind the end of the current piece. At most [`READ_AT_ONCE`].
    ahead: RefCell<BytesMut>,
    /// Bytes that the server may still get before its next flush, which ends each turn.
    this_turn: Cell<usize>,
    /// Bytes of the head so far.
    head: Cell<usize>,
    /// State of the search for the end of a piece.
    line: Cell<BlankLine>,
    /// Whether the reader waits for a flush.
    withheld: Cell<bool>,
    /// Whether the kernel's send buffer is full.
    blocked: Cell<bool>,
    /// See [`Exchange`].
    answer: Rc<RefCell<Reservation>>,
}

/// What a reader may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// At most this many bytes.
    Bytes(usize),
    /// Nothing before its next turn, which comes as soon as there are bytes.
    Turn,
    /// Nothing before the response is written. Every step of that ends with a flush.
    Flush,
}

/// The HTTP server's view of the socket, in place of a TCP stream.
pub(crate) struct Stream(Rc<Socket>);

impl Socket {
    pub(crate) fn new(
        transport: Transport,
        connection: Arc<Connection>,
        pool: Pool,
        slots: StreamSlots,
    ) -> Rc<Self> {
        let answer = Rc::new(RefCell::new(pool.empty()));
        Rc::new(Self {
            transport: RefCell::new(transport),
            connection,
            pool,
            slots,
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
            Phase::Work | Phase::Answer | Phase::Stream => 0,
            Phase::Body => self.connection.body_left(),
            Phase::New | Phase::Head | Phase::Idle => usize::MAX,
        };
        match (this_request, self.this_turn.get()) {
            (0, _) => Next::Flush,
            (_, 0) => Next::Turn,
            (this_request, this_turn) => Next::Bytes(this_request.min(this_turn)),
        }
    }

    /// How many of the received bytes the server gets as one piece.
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
        if matches!(self.connection.phase(), Phase::Answer | Phase::Stream) {
            self.answer.borrow_mut().clear();
            self.connection.flushed();
        }
        // After any flush: the withheld bytes may by now belong to another request.
        if self.withheld.get() && self.next() != Next::Flush {
            self.withheld.set(false);
            if self.has_more(cx) {
                cx.waker().wake_by_ref();
            }
        }
    }

    /// Reads at most this many bytes.
    fn poll_kernel(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        let mut transport = self.transport.borrow_mut();
        let transport = Pin::new(&mut *transport);
        if buffer.remaining() <= most {
            return transport.poll_read(cx, buffer);
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(transport.poll_read(cx, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }

    /// Whether there is something to read. If not, the task is woken when bytes arrive. An
    /// unconditional extra turn would cost every request a tenth of its processor time.
    fn has_more(&self, cx: &mut Context<'_>) -> bool {
        !self.ahead.borrow().is_empty() || self.transport.borrow_mut().has_more(cx)
    }

    /// Resolves only with an error: the connection is broken, and nobody waits for the response any
    /// more. Of a stream the end of the client's side says so, too: nobody sends a last request and
    /// then waits for an endless response.
    fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.transport.borrow_mut().poll_end(cx) {
            Poll::Ready(Err(why)) => Poll::Ready(Err(why)),
            Poll::Ready(Ok(true)) if self.connection.phase() == Phase::Stream => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            Poll::Ready(Ok(_)) | Poll::Pending => Poll::Pending,
        }
    }

    /// Closes the socket after the server has finished or was stopped. `final_response` is written
    /// first, if the kernel accepts it. With `lingers`, the client gets time to read it, or the
    /// server's last response.
    pub(crate) async fn close(self, final_response: &[u8], lingers: bool) {
        let transport = self.transport.into_inner();
        if self.blocked.get() {
            // The client does not read: discard the kernel's send buffer at once.
            return transport.reset();
        }
        transport.close(final_response, lingers).await;
    }
}

impl Stream {
    /// The connection's data for its requests.
    pub(crate) fn exchange(&self) -> Exchange {
        Exchange {
            connection: Arc::clone(&self.0.connection),
            pool: self.0.pool.clone(),
            slots: self.0.slots.clone(),
            answer: Rc::clone(&self.0.answer),
            is_encrypted: self.0.transport.borrow().is_encrypted(),
        }
    }
}

/// Splits off the HTTP server's own error response, which always comes last in what it writes.
/// Unlike the responses of our handlers, it has no body and no request id. [`Socket::close`] sends
/// a complete one instead.
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
        if socket.connection.closes() && socket.connection.phase() != Phase::Stream {
            // Nothing is read after the last response.
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
                // Frees the buffer's memory.
                *ahead = BytesMut::new();
            }
            piece
        };
        if piece > 0 {
            socket.received(piece);
        }
        if socket.connection.ending().is_some() {
            // A refused request is not processed. The task that runs the server closes the
            // connection.
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
            // Nothing is written after the last response.
            if !socket.connection.closes() {
                socket.connection.end(ending);
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut *socket.transport.borrow_mut()).poll_write(cx, ours);
        socket.blocked.set(written.is_pending());
        written
    }

    /// The server flushes after it has written everything. TLS may still hold the end of it.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut *self.0.transport.borrow_mut()).poll_flush(cx);
        self.0.blocked.set(flushed.is_pending());
        ready!(flushed)?;
        self.0.flushed(cx);
        Poll::Ready(Ok(()))
    }

    /// See [`Socket::close`].
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
