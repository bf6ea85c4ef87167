//! The task that owns a publishing connection.

use std::time::Duration;

use runtime::failpoint;
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

/// Opens the connection, and another one after each failure.
pub(super) struct Owner {
    context: Context,
    /// For the next connection.
    answer_timeout: AnswerTimeout,
    /// The last connection's, which has a deadline of its own.
    closing: Option<AbortOnDropHandle<()>>,
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
            Ok(_) => self.answer_timeout = AnswerTimeout::Short,
            Err(why) => {
                self.context.state.send_replace(State::Away);
                self.answer_timeout = self.answer_timeout.after(why);
            }
        }
        Some(opened.map(|opened| (opened, started)))
    }

    async fn serve(&mut self, (opened, started): (Opened, Instant)) -> Served {
        failpoint::reached("publisher.connected");
        self.publish(opened, started).await
    }

    async fn rest(&mut self, pause: Duration) -> Option<()> {
        self.refusing_meanwhile(sleep(pause)).await
    }
}

impl Owner {
    pub(super) fn new(context: Context) -> Self {
        Self { context, answer_timeout: AnswerTimeout::Long, closing: None }
    }

    /// Runs until all publishers are dropped.
    pub(super) async fn run(mut self) {
        let log = self.context.log.clone();
        maintain(&mut self, &log).await;
    }

    /// Runs `work`, and answers `NotConnected` to every message meanwhile. `None` once all
    /// publishers are dropped.
    async fn refusing_meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                request = self.context.incoming.recv() => {
                    request?.refuse(PublishError::NotConnected);
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
        // Change the state before replies fail: a publisher that waits for the next connection must
        // not see this one.
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
                self.closing = Some(AbortOnDropHandle::new(tokio::spawn(session.close())));
                Served { end: Err(why), worked }
            }
            End::Done => {
                session.close().await;
                Served { end: Ok(()), worked }
            }
        }
    }
}
