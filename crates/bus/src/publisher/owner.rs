//! The task that owns a publishing connection.

use std::time::Duration;

use runtime::Backoff;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::PublishError;
use super::connection::{Opened, open};
use super::context::Context;
use super::serving::{End, Serving};
use super::state::State;
use crate::declaration::Patience;

/// The task behind a handle: it makes one connection after the other.
pub(super) struct Owner {
    context: Context,
    /// The last connection's, which has a deadline of its own.
    farewell: Option<AbortOnDropHandle<()>>,
}

/// How a session went.
struct Served {
    end: End,
    /// The broker confirmed a message on it: the next connection is made without a pause.
    worked: bool,
}

impl Owner {
    pub(super) fn new(context: Context) -> Self {
        Self { context, farewell: None }
    }

    /// Runs until all publishers are dropped.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::for_server();
        let mut patience = Patience::Long;
        loop {
            let started = Instant::now();
            let Context { settings, purpose, name, .. } = &self.context;
            let opening = open(settings.clone(), *purpose, name.clone(), patience);
            let Some(opened) = self.refusing_meanwhile(opening).await else { return };
            let (failure, at_once) = match opened {
                Ok(opened) => {
                    patience = Patience::Brief;
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
                    self.context.state.send_replace(State::Away);
                    patience = patience.after(&why);
                    (why, false)
                }
            };
            let pause = if at_once { Duration::ZERO } else { backoff.next_pause() };
            self.context
                .log
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

    /// Does this work, and answers meanwhile every message that there is no connection. `None` once
    /// all publishers are dropped.
    async fn refusing_meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                request = self.context.incoming.recv() => {
                    // The publisher may have given up waiting.
                    let _ = request?.reply.send(Err(PublishError::NotConnected));
                }
            }
        }
    }

    /// Publishes on one connection until it fails or all publishers are dropped.
    async fn serve(&mut self, opened: Opened, started: Instant) -> Served {
        let mut serving = Serving::new(&mut self.context, opened, started);
        let end = serving.run().await;
        let Serving { session, unconfirmed, worked, .. } = serving;
        let (mut session, mut unconfirmed) = (session, unconfirmed);
        let end = match end {
            End::Failed(why) => End::Failed(session.explain(why)),
            End::Done => End::Done,
        };
        // Before anybody hears of a failure: whoever waits for the next connection must not find
        // this one.
        self.context.state.send_replace(State::connecting());
        if let End::Failed(why) = &end
            && let Some(limit) = self.context.size_limit.learn(why)
        {
            unconfirmed.fail_larger_than(limit);
        }
        unconfirmed.fail(&PublishError::Lost);
        match end {
            // Whoever waits for the next connection does not wait for this: the broker lets a
            // session go only when each of its channels has answered, and one may hang.
            End::Failed(_) => self.farewell = Some(AbortOnDropHandle::new(tokio::spawn(session.close()))),
            End::Done => session.close().await,
        }
        Served { end, worked }
    }
}
