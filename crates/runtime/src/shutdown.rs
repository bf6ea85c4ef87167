//! The wish to stop, from the operating system to every task.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Becomes true once, at the first SIGINT or SIGTERM; every task holds a clone and looks at it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// One that only [`Shutdown::begin`] starts.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that the first signal starts; the second ends the process at once, with code 130 or 143 as a shell expects.
    ///
    /// # Errors
    /// The operating system refuses signal handlers, or a thread.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::new();
        // A thread of its own: the second signal counts even if all others are stuck, and exit() does not drop the
        // tasks of the thread that calls it, whose end others would take for an answer.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (interrupt, terminate) = {
            let _entered = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let watching = watch(shutdown.clone(), interrupt, terminate);
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(watching))?;
        Ok(shutdown)
    }

    /// Starts it from inside.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }

    /// Runs `work` until it ends or the shutdown begins, whichever is first.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }
}

async fn watch(shutdown: Shutdown, mut interrupt: Signal, mut terminate: Signal) {
    loop {
        let code = tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        };
        if shutdown.has_begun() {
            std::process::exit(code);
        }
        shutdown.begin();
    }
}
