//! Signals to the supervisor. The first Ctrl-C stops the cluster gracefully, a further Ctrl-C ends
//! it at once. Other senders, such as `down`, may repeat SIGTERM without that effect: only SIGQUIT
//! (`down --now`, or Ctrl-\) demands an immediate end.

use std::io;

use runtime::signals::Hangup;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Observes the requests to end.
#[derive(Clone, Debug)]
pub struct Signals(watch::Receiver<Asked>);

/// The strongest request so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Nothing,
    ToClose,
    ToEndAtOnce,
}

impl Signals {
    /// Listens for SIGINT, SIGTERM, SIGHUP (the terminal was closed) and SIGQUIT.
    ///
    /// # Errors
    /// The operating system refuses the handlers.
    pub fn listen() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = Hangup::listen()?;
        let mut quit = signal(SignalKind::quit())?;
        let (sender, receiver) = watch::channel(Asked::Nothing);
        tokio::spawn(async move {
            loop {
                let next = tokio::select! {
                    _ = interrupt.recv() => match *sender.borrow() {
                        Asked::Nothing => Asked::ToClose,
                        Asked::ToClose | Asked::ToEndAtOnce => Asked::ToEndAtOnce,
                    },
                    _ = terminate.recv() => Asked::ToClose,
                    () = hangup.recv() => Asked::ToClose,
                    _ = quit.recv() => Asked::ToEndAtOnce,
                };
                sender.send_modify(|asked| *asked = next.max(*asked));
            }
        });
        Ok(Self(receiver))
    }

    /// Waits for the first request to end.
    pub async fn first(&mut self) {
        self.reaches(Asked::ToClose).await;
    }

    /// Waits for the request to end at once.
    pub async fn urgent(&mut self) {
        self.reaches(Asked::ToEndAtOnce).await;
    }

    /// Whether an immediate end was requested.
    pub fn is_urgent(&self) -> bool {
        *self.0.borrow() >= Asked::ToEndAtOnce
    }

    async fn reaches(&mut self, wanted: Asked) {
        if self.0.wait_for(|asked| *asked >= wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn the_second_interruption_is_urgent() {
        let mut signals = Signals::listen().unwrap();
        let limit = Duration::from_secs(30);
        kill_process(getpid(), Signal::INT).unwrap();
        timeout(limit, signals.first()).await.unwrap();
        assert!(!signals.is_urgent());
        kill_process(getpid(), Signal::INT).unwrap();
        timeout(limit, signals.urgent()).await.unwrap();
    }
}
