//! Ctrl-C, and what is like it: the first closes the restaurant, the second does it at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often we were asked to end.
#[derive(Clone, Debug)]
pub struct Signals(watch::Receiver<u32>);

impl Signals {
    /// Listens for SIGINT, SIGTERM and SIGHUP (the terminal was closed).
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn listen() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(receiver))
    }

    /// Waits until we are asked to end.
    pub async fn first(&mut self) {
        self.reaches(1).await;
    }

    /// Waits until we are asked to end at once.
    pub async fn second(&mut self) {
        self.reaches(2).await;
    }

    /// Whether we are asked to end at once.
    pub fn is_urgent(&self) -> bool {
        *self.0.borrow() >= 2
    }

    async fn reaches(&mut self, count: u32) {
        if self.0.wait_for(|asked| *asked >= count).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
