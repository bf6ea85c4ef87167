//! Where lines wait until a thread of their own writes them, many in one call.
//!
//! A slow reader of stdout makes writers wait once a mebibyte is pending: no line is
//! dropped. While stdout cannot be written (a full disk), nobody waits for it: what goes
//! beyond that mebibyte is dropped and counted, and a line says so when it is over. Only a
//! reader that is gone ends the log.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::timestamp::Timestamp;
use tokio::sync::watch;

use crate::clock::now;
use crate::printable::visible_json;

/// Bytes that may wait, beside those that are being written.
const MAX_PENDING: usize = 1 << 20;

/// Shortest time between two writes: waking the thread for each line costs more than the line
/// itself. One that comes alone is written at once.
const GATHERING: Duration = Duration::from_millis(1);

/// Pauses between attempts while stdout cannot be written.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Most lines are shorter.
const USUAL_LINE: usize = 512;

/// How long the end of the program waits for a stdout that does not take what is left.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// A time in which stdout could not be written.
#[derive(Debug)]
pub(crate) struct Outage {
    pub(crate) since: Instant,
    pub(crate) at: Timestamp,
    pub(crate) why: io::Error,
    /// Lines that were dropped.
    pub(crate) lost: u64,
}

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// Lines that were taken since the start.
    taken: u64,
    /// The thread waits for lines, and wants to be woken.
    idle: bool,
    /// Nothing more is taken.
    closed: bool,
    /// The thread has written everything, or given up.
    finished: bool,
    outage: Option<Outage>,
}

/// How far the thread is.
#[derive(Default)]
struct Progress {
    /// Lines that were written since the start.
    written: u64,
    /// No more will be.
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

    /// Hands a whole line over to the writing thread, as soon as there is room.
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

    /// The same, never waiting and never dropping: for those who bound by themselves how much they
    /// write. Returns the number of the line, none if nothing is written any more.
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

    /// From now on nobody waits for stdout.
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

/// A line on its way to stdout.
#[must_use = "a line that must not be lost is awaited"]
pub struct Printed {
    /// Its number among all lines, unless it was not taken.
    number: Option<u64>,
    progress: watch::Receiver<Progress>,
}

impl Printed {
    /// Waits until the line is written, for as long as it takes; `false` if nobody
    /// reads stdout any more.
    pub async fn done(mut self) -> bool {
        let Some(number) = self.number else { return false };
        let progress = self.progress.wait_for(|progress| progress.written >= number || progress.ended).await;
        progress.is_ok_and(|progress| progress.written >= number)
    }
}

/// Writes plain lines between the log's.
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

/// The writing end, for one line.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    line: Vec<u8>,
    /// The line is about the log itself: it neither waits nor is it dropped.
    is_urgent: bool,
}

impl Clone for Sink {
    /// For another line.
    fn clone(&self) -> Self {
        let line = Vec::with_capacity(USUAL_LINE);
        Self { shared: Arc::clone(&self.shared), line, is_urgent: self.is_urgent }
    }
}

/// Writes everything that is pending when dropped, and ends the writing thread.
pub struct FlushOnDrop {
    shared: Arc<Shared>,
}

/// Where nobody reads stderr either there is nobody to tell; `eprintln` would panic.
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
            // The service goes on without its log rather than wait for ever.
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

/// Writes all of it, however long it takes: what was written in part is
/// completed where it broke off.
///
/// # Errors
/// The reader is gone.
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
            // Somebody made stdout non-blocking, and its reader is slow.
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

    /// Starts the thread that writes to `output`, which must not buffer. `report` is called
    /// when an outage is over.
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
            // Without a thread there is nobody to wait for.
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
