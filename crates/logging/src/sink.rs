//! Buffers log lines for a writer thread, which writes many lines in one call.
//!
//! A slow reader of stdout makes loggers wait once a mebibyte is pending: no line is dropped. If
//! stdout cannot be written (a full disk), loggers do not wait: lines beyond that mebibyte are
//! dropped and counted, and a log line reports the count after the outage. Only a closed reader
//! ends the log.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::timestamp::Timestamp;
use tokio::sync::watch;

use crate::clock::now;
use crate::printable::visible_json;

/// Capacity of the buffer in bytes, besides the bytes that are being written.
const MAX_PENDING: usize = 1 << 20;

/// Shortest interval between two writes, because waking the thread for each line would cost more
/// than the line. A line after a pause is written at once.
const GATHERING: Duration = Duration::from_millis(1);

/// Pauses between attempts while stdout cannot be written.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Initial capacity of a line's buffer in bytes. Most lines are shorter.
const USUAL_LINE: usize = 512;

/// How long the end of the program waits for stdout to accept the remaining lines.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// A period in which stdout could not be written.
#[derive(Debug)]
pub(crate) struct Outage {
    pub(crate) since: Instant,
    pub(crate) at: Timestamp,
    pub(crate) why: io::Error,
    /// The number of dropped lines.
    pub(crate) lost: u64,
}

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// Lines that were accepted since the start.
    taken: u64,
    /// The thread waits for lines and must be woken.
    idle: bool,
    /// No more lines are accepted.
    closed: bool,
    /// The thread has written everything, or given up.
    finished: bool,
    outage: Option<Outage>,
}

/// The progress of the thread.
#[derive(Default)]
struct Progress {
    /// Lines that were written since the start.
    written: u64,
    /// No more lines will be written.
    ended: bool,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    filled: Condvar,
    emptied: Condvar,
    progress: watch::Sender<Progress>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a whole line to the buffer, as soon as there is room.
    fn push(&self, line: &[u8]) {
        let mut pending = self.lock();
        while pending.bytes.len() > MAX_PENDING && !pending.closed {
            if let Some(outage) = &mut pending.outage {
                outage.lost += 1;
                return;
            }
            pending = self.emptied.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        if !pending.closed {
            self.take(&mut pending, line);
        }
    }

    /// Appends a line without waiting and without dropping it, for callers that limit their own
    /// output. Returns the line's number. `None` if nothing is written any more.
    fn push_at_once(&self, line: &[u8]) -> Option<u64> {
        let mut pending = self.lock();
        (!pending.finished).then(|| {
            self.take(&mut pending, line);
            pending.taken
        })
    }

    fn take(&self, pending: &mut Pending, line: &[u8]) {
        pending.bytes.extend_from_slice(line);
        pending.taken += 1;
        if std::mem::take(&mut pending.idle) {
            self.filled.notify_one();
        }
    }

    /// Starts an outage: loggers no longer wait for stdout.
    fn begin_outage(&self, why: io::Error) {
        let mut pending = self.lock();
        if pending.outage.is_none() {
            complain(format_args!("cannot write to stdout, trying again: {why}"));
            pending.outage = Some(Outage { since: Instant::now(), at: now(), why, lost: 0 });
            self.emptied.notify_all();
        }
    }

    fn end(&self) {
        let mut pending = self.lock();
        (pending.closed, pending.finished) = (true, true);
        drop(pending);
        self.progress.send_modify(|progress| progress.ended = true);
        self.emptied.notify_all();
    }
}

/// A line that is being written to stdout.
#[must_use = "a line that must not be lost is awaited"]
pub struct Printed {
    /// Its number among all lines. `None` if it was not accepted.
    number: Option<u64>,
    progress: watch::Receiver<Progress>,
}

impl Printed {
    /// Waits until the line is written, however long that takes. `false` if stdout has no reader
    /// any more.
    pub async fn done(mut self) -> bool {
        let Some(number) = self.number else { return false };
        let progress = self.progress.wait_for(|progress| progress.written >= number || progress.ended).await;
        progress.is_ok_and(|progress| progress.written >= number)
    }
}

/// Writes plain lines between the log's lines.
#[derive(Clone)]
pub(crate) struct PlainLines(Arc<Shared>);

impl PlainLines {
    pub(crate) fn write(&self, line: &str) -> Printed {
        Printed { number: self.0.push_at_once(line.as_bytes()), progress: self.0.progress.subscribe() }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.lock().closed
    }
}

/// The writing end, for one line at a time.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    line: Vec<u8>,
    /// The line is about the log itself: it neither waits nor is it dropped.
    is_urgent: bool,
}

impl Clone for Sink {
    /// A clone starts another line.
    fn clone(&self) -> Self {
        let line = Vec::with_capacity(USUAL_LINE);
        Self { shared: Arc::clone(&self.shared), line, is_urgent: self.is_urgent }
    }
}

/// On drop, writes all pending lines and ends the writer thread.
pub struct FlushOnDrop {
    shared: Arc<Shared>,
}

/// Writes to stderr. A failure is ignored, because nothing is left to report to; `eprintln` would
/// panic.
pub(crate) fn complain(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{what}");
}

fn write_until_closed(shared: &Shared, mut output: impl Write, report: impl Fn(&Outage)) {
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
        let taken = pending.taken;
        drop(pending);
        shared.emptied.notify_all();
        if let Err(why) = write_whole(shared, &mut output, &block) {
            // The service goes on without its log instead of waiting for ever.
            complain(format_args!("logging is off: cannot write to stdout: {why}"));
            return;
        }
        shared.progress.send_modify(|progress| progress.written = taken);
        let outage = shared.lock().outage.take();
        if let Some(outage) = outage {
            report(&outage);
        }
        written = Some(Instant::now());
        block.clear();
    }
}

/// Writes all bytes, however long it takes. After a partial write it continues at the next byte.
///
/// # Errors
/// Stdout has no reader any more.
fn write_whole(shared: &Shared, output: &mut impl Write, mut rest: &[u8]) -> io::Result<()> {
    let mut pause = FIRST_PAUSE;
    while !rest.is_empty() {
        let failure = match output.write(rest) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(count) => {
                rest = rest.get(count..).unwrap_or_default();
                pause = FIRST_PAUSE;
                continue;
            }
            Err(why) => why,
        };
        match failure.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected => {
                return Err(failure);
            }
            ErrorKind::Interrupted => {}
            // Stdout is in non-blocking mode, and its reader is slow.
            ErrorKind::WouldBlock => std::thread::sleep(GATHERING),
            _ => {
                shared.begin_outage(failure);
                std::thread::sleep(pause);
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
    }
    Ok(())
}

impl Sink {
    pub(crate) fn new() -> Self {
        Self { shared: Arc::default(), line: Vec::new(), is_urgent: false }
    }

    /// Starts the thread that writes to `output`, which must not buffer. The thread calls `report`
    /// after every outage.
    pub(crate) fn write_to(
        &self,
        output: impl Write + Send + 'static,
        report: impl Fn(&Outage) + Send + 'static,
    ) -> FlushOnDrop {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("log-writer".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                write_until_closed(&shared, output, report);
                shared.end();
            }
        });
        if let Err(why) = thread {
            // Without a thread nothing is written, so nobody must wait.
            complain(format_args!("logging is off: cannot start its thread: {why}"));
            shared.end();
        }
        FlushOnDrop { shared }
    }

    pub(crate) fn urgent(&self) -> Self {
        Self { is_urgent: true, ..self.clone() }
    }

    pub(crate) fn plain_lines(&self) -> PlainLines {
        PlainLines(Arc::clone(&self.shared))
    }

    /// Escapes what `serde_json` does not: it escapes only the control characters of ASCII, and a
    /// terminal obeys more.
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
    /// Collects one line, and passes it on at its line feed.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.last() == Some(&b'\n') {
            self.make_visible();
            if self.is_urgent {
                self.shared.push_at_once(&self.line);
            } else {
                self.shared.push(&self.line);
            }
            self.line.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        let mut pending = self.shared.lock();
        if pending.finished {
            return;
        }
        pending.closed = true;
        self.shared.filled.notify_one();
        self.shared.emptied.notify_all();
        let unfinished = |pending: &mut Pending| !pending.finished;
        let waited = self.shared.emptied.wait_timeout_while(pending, FLUSH_DEADLINE, unfinished);
        let (pending, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            let dropped = pending.outage.as_ref().map_or(0, |outage| outage.lost);
            let lost = pending.taken - self.shared.progress.borrow().written + dropped;
            complain(format_args!("the last {lost} log lines are lost: stdout does not take them"));
        }
    }
}

#[cfg(test)]
mod tests;
