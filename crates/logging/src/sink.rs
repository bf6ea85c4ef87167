//! Where lines wait until a thread of their own writes them, many in one call.
//!
//! A slow reader of stdout makes writers wait once a mebibyte is pending: lines are never dropped.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::printable::visible_json;

/// Bytes that may wait before writers do.
const MAX_PENDING: usize = 1 << 20;

/// Shortest time between two writes: waking the thread for each line costs more than the line itself. One that comes alone is
/// written at once.
const GATHERING: Duration = Duration::from_millis(1);

/// Most lines are shorter.
const USUAL_LINE: usize = 512;

/// How long the end of the program waits for a reader of stdout that does not read.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// The thread waits for lines, and wants to be woken.
    idle: bool,
    /// Nothing more is taken.
    closed: bool,
    /// The thread has written everything, or given up.
    finished: bool,
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

    /// Hands whole lines over to the writing thread, as soon as there is room.
    fn push(&self, lines: &[u8]) {
        let mut pending = self.lock();
        while pending.bytes.len() > MAX_PENDING && !pending.closed {
            pending = self.emptied.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        if !pending.closed {
            pending.bytes.extend_from_slice(lines);
            if std::mem::take(&mut pending.idle) {
                self.filled.notify_one();
            }
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

    pub(crate) fn is_closed(&self) -> bool {
        self.0.lock().closed
    }
}

/// The writing end, for one line.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    line: Vec<u8>,
}

impl Clone for Sink {
    /// For another line.
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), line: Vec::with_capacity(USUAL_LINE) }
    }
}

/// Writes everything that is pending when dropped, and ends the writing thread.
pub struct FlushOnDrop {
    shared: Arc<Shared>,
}

/// Starts the thread that writes to `output`.
pub(crate) fn start(output: impl Write + Send + 'static) -> (Sink, FlushOnDrop) {
    let shared = Arc::new(Shared::default());
    let thread = std::thread::Builder::new().name("log-writer".to_owned()).spawn({
        let shared = Arc::clone(&shared);
        move || {
            write_until_closed(&shared, output);
            let mut pending = shared.lock();
            (pending.closed, pending.finished) = (true, true);
            shared.emptied.notify_all();
        }
    });
    if let Err(why) = thread {
        // Without a thread there is nobody to wait for.
        complain(format_args!("logging is off: cannot start its thread: {why}"));
        let mut pending = shared.lock();
        (pending.closed, pending.finished) = (true, true);
    }
    (Sink { shared: Arc::clone(&shared), line: Vec::new() }, FlushOnDrop { shared })
}

/// Where nobody reads stderr either there is nobody to tell; `eprintln` would panic.
pub(crate) fn complain(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

fn write_until_closed(shared: &Shared, mut output: impl Write) {
    let mut block = Vec::new();
    let mut written: Option<Instant> = None;
    loop {
        let mut pending = shared.lock();
        while pending.bytes.is_empty() && !pending.closed {
            pending.idle = true;
            pending = shared.filled.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        if pending.bytes.is_empty() {
            return;
        }
        let rest = written.and_then(|moment| GATHERING.checked_sub(moment.elapsed()));
        if let Some(rest) = rest.filter(|_| !pending.closed) {
            drop(pending);
            std::thread::sleep(rest);
            pending = shared.lock();
        }
        std::mem::swap(&mut pending.bytes, &mut block);
        drop(pending);
        shared.emptied.notify_all();
        if let Err(why) = output.write_all(&block).and_then(|()| output.flush()) {
            // Nobody reads stdout any more. The service goes on without its log rather than wait for ever.
            complain(format_args!("logging is off: cannot write to stdout: {why}"));
            return;
        }
        written = Some(Instant::now());
        block.clear();
    }
}

impl Sink {
    pub(crate) fn plain_lines(&self) -> PlainLines {
        PlainLines(Arc::clone(&self.shared))
    }

    /// Of what a terminal obeys, `serde_json` escapes the control characters of ASCII only.
    fn make_visible(&mut self) {
        if self.line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            return;
        }
        if let Ok(line) = std::str::from_utf8(&self.line) {
            self.line = (visible_json(line.trim_end()) + "\n").into_bytes();
        }
    }
}

impl Write for Sink {
    /// Collects one line and hands it over when its end is reached.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.last() == Some(&b'\n') {
            self.make_visible();
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
        let mut pending = self.shared.lock();
        pending.closed = true;
        self.shared.filled.notify_one();
        self.shared.emptied.notify_all();
        let unfinished = |pending: &mut Pending| !pending.finished;
        let waited = self.shared.emptied.wait_timeout_while(pending, FLUSH_DEADLINE, unfinished);
        if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            complain(format_args!("the last log lines are lost: nobody reads stdout"));
        }
    }
}
