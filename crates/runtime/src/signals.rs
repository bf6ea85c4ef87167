//! The signals that ask a process to stop: SIGINT (Ctrl-C), SIGTERM, and SIGHUP (its terminal was
//! closed).
//!
//! Every program handles them. The first process of a container (PID 1) has no default actions: a
//! signal without a handler is ignored there.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use deadlines::stop::OVERTIME;
use signal_hook::low_level::emulate_default_handler;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Shutdown;

/// The signal handlers. Until a program asks for a [`Shutdown`], the first signal ends it at once.
#[derive(Clone, Debug)]
pub struct StopSignals {
    graceful: Arc<OnceLock<Shutdown>>,
    grace: Option<Duration>,
}

impl StopSignals {
    /// Installs the handlers. A program whose shutdown exceeds its grace period is ended with code
    /// 1. A process that a signal ended has the code 128 + the signal's number, as in a shell.
    ///
    /// # Errors
    /// The operating system refuses signal handlers, or a thread.
    pub fn handle(grace: Option<Duration>) -> io::Result<Self> {
        let graceful = Arc::<OnceLock<Shutdown>>::default();
        // Own thread: signals must be handled even if all other threads are stuck, and `exit()`
        // must not drop tasks whose reply channels others await.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let watching = {
            let _entered = runtime.enter();
            watch(Handlers::install()?, Arc::clone(&graceful))
        };
        thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(watching))?;
        Ok(Self { graceful, grace })
    }

    /// The shutdown that the next signal begins. A further SIGINT or SIGTERM ends the process at
    /// once.
    pub fn shutdown(&self) -> Shutdown {
        self.graceful.get_or_init(|| Shutdown::within(self.grace)).clone()
    }
}

/// Waits for the terminal to be closed. It waits for ever if the process ignores that (nohup).
#[derive(Debug)]
pub struct Hangup(Option<Signal>);

impl Hangup {
    /// Starts listening, unless SIGHUP is ignored.
    ///
    /// # Errors
    /// The operating system refuses the handler.
    pub fn listen() -> io::Result<Self> {
        let kind = SignalKind::hangup();
        if is_ignored(kind) { Ok(Self(None)) } else { signal(kind).map(|signal| Self(Some(signal))) }
    }

    /// Waits for the next one.
    pub async fn recv(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// Whether this process ignores a signal. Its parent decides that, such as nohup.
pub fn is_ignored(kind: SignalKind) -> bool {
    // Without /proc, assume that nothing is ignored.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores(&status, kind)
}

/// Whether a status file of /proc says so (proc(5), "SigIgn": a hexadecimal mask whose lowest bit
/// is signal 1).
fn ignores(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(kind.as_raw_value() - 1).unwrap_or(u32::MAX);
    mask.checked_shr(bit).unwrap_or(0) & 1 == 1
}

struct Handlers {
    interrupt: Signal,
    terminate: Signal,
    hangup: Hangup,
}

impl Handlers {
    fn install() -> io::Result<Self> {
        // A file that may not grow (ulimit -f) is a failed write, not the end of the process.
        drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: Hangup::listen()?,
        })
    }

    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            () = self.hangup.recv() => SignalKind::hangup(),
        }
    }
}

async fn watch(mut handlers: Handlers, graceful: Arc<OnceLock<Shutdown>>) {
    let first = handlers.next().await;
    let Some(shutdown) = graceful.get() else { end_by(first) };
    shutdown.begin();
    tokio::select! {
        kind = hurrying(&mut handlers) => std::process::exit(code_of(kind)),
        () = shutdown.grace_is_over(Duration::ZERO) => {}
    }
    tokio::select! {
        kind = hurrying(&mut handlers) => std::process::exit(code_of(kind)),
        () = tokio::time::sleep(OVERTIME) => {}
    }
    eprintln!(
        "The shutdown took longer than shutdown.grace_seconds allow; what is not done is left to others."
    );
    std::process::exit(1);
}

/// Waits for a further signal that demands an immediate end. A closed terminal does not count: the
/// shell and the system may each report it.
async fn hurrying(handlers: &mut Handlers) -> SignalKind {
    loop {
        let kind = handlers.next().await;
        if kind != SignalKind::hangup() {
            return kind;
        }
    }
}

/// Ends the process as if it had no handler: a shell ends its script only if a signal ended the
/// process. The kernel protects the first process of a container from that.
fn end_by(kind: SignalKind) -> ! {
    if std::process::id() != 1 {
        let _ = emulate_default_handler(kind.as_raw_value());
    }
    std::process::exit(code_of(kind))
}

fn code_of(kind: SignalKind) -> i32 {
    128 + kind.as_raw_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_mask() {
        let status =
            |mask: &str| format!("Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t1\n");
        assert!(ignores(&status("0000000000000001"), SignalKind::hangup()));
        assert!(ignores(&status("0000000000004000"), SignalKind::terminate()));
        assert!(!ignores(&status("0000000000001000"), SignalKind::hangup()));
        for none in ["", "Name:\tx\n", "SigIgn:\tx\n"] {
            assert!(!ignores(none, SignalKind::hangup()));
        }
    }
}
