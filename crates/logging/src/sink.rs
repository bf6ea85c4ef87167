//! Where lines wait until a thread of their own writes them, many in one call.
//!
//! A slow reader of stdout makes writers wait once a mebibyte is pending: lines are never dropped.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Bytes that may wait before writers do.
const MAX_PENDING: usize = 1 << 20;

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    filled: Condvar,
    emptied: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Hands whole lines over to the writing thread, as soon as there is room.
    fn push(&self, lines: &[u8]) {
        let mut pending = self.lock();
        while pending.bytes.len() > MAX_PENDING && !pending.closed {
            pending = self.emptied.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        if !pending.closed {
            pending.bytes.extend_from_slice(lines);
            self.filled.notify_one();
        }
    }
}

/// Writes plain lines between the log's.
#[derive(Clone)]
pub(crate) struct PlainLines(Arc<Shared>);

impl PlainLines {
    pub(crate) fn write(&self, lines: &str) {
        self.0.push(lines.as_bytes());
    }
}

/// The writing end.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    line: Vec<u8>,
}

/// Writes everything that is pending when dropped, and ends the writing thread.
pub struct FlushOnDrop {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the thread that writes to `output`.
pub(crate) fn start(output: impl Write + Send + 'static) -> (Sink, FlushOnDrop) {
    let shared = Arc::new(Shared::default());
    let thread = std::thread::Builder::new().name("log-writer".to_owned()).spawn({
        let shared = Arc::clone(&shared);
        move || write_until_closed(&shared, output)
    });
    // Without a thread there is no writer to wait for: the sink closes and says so on stderr.
    let thread = thread.inspect_err(|why| eprintln!("logging is off: cannot start its thread: {why}")).ok();
    shared.lock().closed = thread.is_none();
    (Sink { shared: Arc::clone(&shared), line: Vec::new() }, FlushOnDrop { shared, thread })
}

fn write_until_closed(shared: &Shared, mut output: impl Write) {
    let mut block = Vec::new();
    loop {
        let mut pending = shared.lock();
        while pending.bytes.is_empty() && !pending.closed {
            pending = shared.filled.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        if pending.bytes.is_empty() {
            return;
        }
        std::mem::swap(&mut pending.bytes, &mut block);
        drop(pending);
        shared.emptied.notify_all();
        if let Err(why) = output.write_all(&block).and_then(|()| output.flush()) {
            // Nobody reads stdout any more. The service goes on without its log rather than wait for ever.
            eprintln!("logging is off: cannot write to stdout: {why}");
            shared.lock().closed = true;
            shared.emptied.notify_all();
            return;
        }
        block.clear();
    }
}

impl Sink {
    pub(crate) fn plain_lines(&self) -> PlainLines {
        PlainLines(Arc::clone(&self.shared))
    }
}

impl Write for Sink {
    /// Collects one line and hands it over when its end is reached.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.last() == Some(&b'\n') {
            self.shared.push(&self.line);
            self.line.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}
