//! The task that owns a publishing connection.

use std::time::Duration;

use logging::Log;
use runtime::Backoff;
use runtime::config::Rabbitmq;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::connection::{Opened, Purpose, open};
use super::serving::Serving;
use super::state::State;
use super::{PublishError, Request};
use crate::refusal;
use crate::session::SessionError;

/// So long a limit that the broker has told is believed; it may be raised.
const LIMIT_BELIEVED: Duration = Duration::from_mins(1);

/// The task behind a handle.
pub(super) struct Owner {
    pub(super) settings: Rabbitmq,
    pub(super) purpose: Purpose,
    pub(super) name: String,
    pub(super) log: Log,
    pub(super) incoming: mpsc::Receiver<Request>,
    pub(super) state: watch::Sender<State>,
    /// The largest body that the broker takes, and when it said so.
    limit: Option<(usize, Instant)>,
}

/// Why a session is over.
pub(super) enum End {
    /// Nobody publishes any more.
    Done,
    /// It failed; the next one is due.
    Failed(SessionError),
}

/// How a session went.
struct Served {
    end: End,
    /// It carried a message: the next one is due at once.
    worked: bool,
}

impl Owner {
    pub(super) fn new(
        settings: Rabbitmq,
        purpose: Purpose,
        name: String,
        log: Log,
        incoming: mpsc::Receiver<Request>,
        state: watch::Sender<State>,
    ) -> Self {
        Self { settings, purpose, name, log, incoming, state, limit: None }
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::for_server();
        loop {
            let started = Instant::now();
            let opening = open(self.settings.clone(), self.purpose, self.name.clone());
            let Some(opened) = self.refusing_meanwhile(opening).await else { return };
            let (failure, at_once) = match opened {
                Ok(opened) => {
                    let since = Instant::now();
                    let Served { end, worked } = self.serve(opened, started).await;
                    if worked {
                        backoff.reset();
                    }
                    let lasted = backoff.reset_if_lasted(since.elapsed());
                    match end {
                        End::Done => return,
                        End::Failed(why) => (why, worked || lasted),
                    }
                }
                Err(why) => {
                    self.state.send_replace(State::Away);
                    (why, false)
                }
            };
            let pause = if at_once { Duration::ZERO } else { backoff.next_pause() };
            self.log
                .error(
                    "rabbitmq_connection_failed",
                    "No connection to RabbitMQ for publishing; trying again",
                    &failure,
                )
                .detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
                .emit();
            if self.refusing_meanwhile(sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Does something else while every message is refused at once. `None` when nobody publishes any
    /// more.
    async fn refusing_meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                request = self.incoming.recv() => {
                    // The publisher may have given up waiting.
                    let _ = request?.reply.send(Err(PublishError::NotConnected));
                }
            }
        }
    }

    /// Publishes until the session fails or nobody publishes any more.
    async fn serve(&mut self, opened: Opened, started: Instant) -> Served {
        let mut serving = Serving::new(self, opened, started);
        let end = serving.run().await;
        let Serving { session, unconfirmed, worked, .. } = serving;
        let (mut session, mut unconfirmed) = (session, unconfirmed);
        let end = match end {
            End::Failed(why) => End::Failed(session.explain(why)),
            End::Done => End::Done,
        };
        // Before anybody hears of a failure: whoever waits for the next connection must not find
        // this one.
        self.state.send_replace(State::connecting());
        if let End::Failed(SessionError::Lost(reason) | SessionError::ChannelClosed { reason, .. }) = &end
            && let Some(limit) = refusal::message_limit(reason)
        {
            self.limit = Some((limit, Instant::now()));
            unconfirmed.fail_larger_than(limit);
        }
        unconfirmed.fail(&PublishError::Lost);
        session.close().await;
        Served { end, worked }
    }

    /// Answers what the broker is known not to take; returns the rest.
    pub(super) fn small_enough(&self, request: Request) -> Option<Request> {
        let size = request.message.body.len();
        match self.limit {
            Some((limit, learned)) if size > limit && learned.elapsed() < LIMIT_BELIEVED => {
                let _ = request.reply.send(Err(PublishError::TooLarge { size, limit }));
                None
            }
            _ => Some(request),
        }
    }
}
