//! The task that owns a publishing connection.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::PublishError;
use super::connection::{Opened, open};
use super::context::Context;
use super::serving::{End, Serving};
use super::state::State;
use crate::declaration::AnswerTimeout;
use crate::reconnect::{Link, Served, maintain};
use crate::session::SessionError;

/// The task behind a handle: it makes one connection after the other.
pub(super) struct Owner {
    context: Context,
    /// For the next connection.
    answer_timeout: AnswerTimeout,
    /// The last connection's, which has a deadline of its own.
    farewell: Option<AbortOnDropHandle<()>>,
}

impl Link for Owner {
    /// A connection, and when its making began.
    type Opened = (Opened, Instant);

    const FAILED: &'static str = "No connection to RabbitMQ for publishing; trying again";
    const AT_ONCE: bool = true;

    async fn connect(&mut self) -> Option<Result<(Opened, Instant), SessionError>> {
        let started = Instant::now();
        let Context { settings, purpose, name, .. } = &self.context;
        let opening = open(settings.clone(), *purpose, name.clone(), self.answer_timeout);
        let opened = self.refusing_meanwhile(opening).await?;
        match &opened {
            Ok(_) => self.answer_timeout = AnswerTimeout::Brief,
            Err(why) => {
                self.context.state.send_replace(State::Away);
                self.answer_timeout = self.answer_timeout.after(why);
            }
        }
        Some(opened.map(|opened| (opened, started)))
    }

    async fn serve(&mut self, (opened, started): (Opened, Instant)) -> Served {
        self.publish(opened, started).await
    }

    async fn rest(&mut self, pause: Duration) -> Option<()> {
        self.refusing_meanwhile(sleep(pause)).await
    }
}

impl Owner {
    pub(super) fn new(context: Context) -> Self {
        Self { context, answer_timeout: AnswerTimeout::Long, farewell: None }
    }

    /// Runs until all publishers are dropped.
    pub(super) async fn run(mut self) {
        let log = self.context.log.clone();
        maintain(&mut self, &log).await;
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
    async fn publish(&mut self, opened: Opened, started: Instant) -> Served {
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
            End::Failed(why) => {
                self.farewell = Some(AbortOnDropHandle::new(tokio::spawn(session.close())));
                Served { end: Err(why), worked }
            }
            End::Done => {
                session.close().await;
                Served { end: Ok(()), worked }
            }
        }
    }
}
