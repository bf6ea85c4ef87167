//! A publishing connection at work: messages, confirms, alarms.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use config::QueueType;
use deadlines::broker::CONFIRM_DEADLINE;
use domain::OrderType;
use logging::action;
use runtime::FailedAttempt;
use telemetry::metrics::RETURNED;
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::Opened;
use super::context::Context;
use super::state::State;
use super::unconfirmed::Unconfirmed;
use super::{PublishError, Request};
use crate::declaration::{Refusals, RepeatedFailure};
use crate::session::{Event, Returned, Session, SessionError};
use crate::topology::DEFAULT_EXCHANGE;
use crate::trust;

/// The most unconfirmed messages. Further ones wait in the queue.
const MAX_UNCONFIRMED: usize = 1_024;
/// The most messages that are published before events are handled again.
const MAX_BURST: usize = 64;
/// The deadline of pending confirms after an alarm. RabbitMQ confirms at once what it has read, and
/// reads nothing more until the alarm ends.
const BLOCKED_GRACE: Duration = Duration::from_millis(500);
/// The pause between two probes while there are no other messages. Their confirms show that
/// RabbitMQ accepts messages. It reports an alarm only to a connection that publishes.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// The pause between two attempts to declare what was refused.
const DECLARE_INTERVAL: Duration = Duration::from_secs(2);

/// Why a session is over.
pub(super) enum End {
    /// All publishers are dropped.
    Done,
    /// The session failed. Connect again.
    Failed(SessionError),
}

type Declaration = Pin<Box<dyn Future<Output = Result<Refusals, SessionError>> + Send>>;

/// The session, and the messages in flight.
pub(super) struct Serving<'a> {
    context: &'a mut Context,
    pub(super) session: Session,
    pub(super) unconfirmed: Unconfirmed,
    refusals: Arc<Refusals>,
    /// The next attempt to declare what was refused. `None` if orders need nothing of that.
    declaration: Option<Declaration>,
    /// Why the last attempt failed, if it did.
    repeated_failure: RepeatedFailure,
    /// When the session began. `None` once it is logged.
    unlogged_since: Option<Instant>,
    /// During an alarm: RabbitMQ's reason, and the deadline of pending confirms.
    blocked: Option<(String, Instant)>,
    /// Why the session ends once the messages in flight are confirmed.
    ending: Option<SessionError>,
    begun: Instant,
    /// When the next probe is due. `None` if the user may not send probes.
    next_probe: Option<Instant>,
    /// RabbitMQ has confirmed a message on it.
    pub(super) worked: bool,
}

impl<'a> Serving<'a> {
    pub(super) fn new(context: &'a mut Context, opened: Opened, begun: Instant) -> Self {
        let Opened { session, unconfirmed, refusals, blocked, probes } = opened;
        let mut serving = Self {
            context,
            session,
            unconfirmed,
            refusals: Arc::default(),
            declaration: None,
            repeated_failure: RepeatedFailure::default(),
            unlogged_since: Some(begun),
            blocked: None,
            ending: None,
            begun: Instant::now(),
            next_probe: probes.then(|| Instant::now() + PROBE_INTERVAL),
            worked: false,
        };
        serving.set_refusals(refusals);
        match blocked {
            Some(reason) => serving.block(reason),
            None => serving.connected(),
        }
        serving
    }

    /// Publishes until the session fails or all publishers are dropped. An unroutable message ends
    /// the session once the others are confirmed. The next session declares what is missing. A
    /// quorum queue that rejects everything ends it in the same way.
    pub(super) async fn run(&mut self) -> End {
        let mut burst = Vec::with_capacity(MAX_BURST);
        loop {
            if self.unconfirmed.is_empty()
                && let Some(why) = self.ending.take()
            {
                return End::Failed(why);
            }
            let room = MAX_UNCONFIRMED.saturating_sub(self.unconfirmed.len()).min(MAX_BURST);
            let deadline =
                self.blocked.as_ref().map_or_else(|| self.unconfirmed.deadline(), |(_, ends)| *ends);
            let next_probe = self.next_probe.unwrap_or(deadline);
            let probes = self.next_probe.is_some() && self.blocked.is_none() && self.unconfirmed.is_empty();
            tokio::select! {
                biased;
                event = self.session.events.recv() => if let Err(why) = self.handle(event) {
                    return End::Failed(why);
                },
                () = sleep_until(deadline), if !self.unconfirmed.is_empty() => {
                    if let Err(why) = self.confirms_are_late() {
                        return End::Failed(why);
                    }
                }
                count = self.context.incoming.recv_many(&mut burst, room),
                    if self.ending.is_none() && room > 0 =>
                {
                    if count == 0 {
                        return End::Done;
                    }
                    self.next_probe = self.next_probe.map(|_| Instant::now() + PROBE_INTERVAL);
                    if let Err(why) = self.publish(&mut burst).await {
                        return End::Failed(why);
                    }
                }
                () = sleep_until(next_probe), if probes => {
                    self.next_probe = Some(Instant::now() + PROBE_INTERVAL);
                    if let Err(why) = self.unconfirmed.publish_probe(&self.session).await {
                        return End::Failed(why);
                    }
                }
                declared = declared(&mut self.declaration), if self.declaration.is_some() => {
                    self.declared(declared);
                }
            }
        }
    }

    fn handle(&mut self, event: Option<Event>) -> Result<(), SessionError> {
        match event {
            Some(Event::Confirmed { tag, multiple }) => {
                self.worked |= self.unconfirmed.settle(tag, multiple, true);
            }
            Some(Event::Rejected { tag, multiple }) => {
                self.unconfirmed.settle(tag, multiple, false);
                self.weigh_rejections();
            }
            Some(Event::Returned(Returned { reason, .. })) if self.context.purpose.is_stream() => {
                RETURNED.inc();
                // The stream was missing for a moment. Its deduplication state for this channel is
                // wrong now.
                return Err(SessionError::Unrouted(reason));
            }
            Some(Event::Returned(returned)) => {
                RETURNED.inc();
                // A reply that nobody waits for says nothing about our queues.
                if returned.exchange != DEFAULT_EXCHANGE {
                    self.ending = Some(SessionError::Unrouted(returned.reason.clone()));
                }
                self.unconfirmed.returned(returned);
            }
            Some(Event::Blocked(reason)) => self.block(reason),
            Some(Event::Unblocked) => {
                self.blocked = None;
                self.context.log.info(action::RABBITMQ_UNBLOCKED, "RabbitMQ takes messages again").emit();
                self.connected();
            }
            Some(Event::ConsumerCancelled) => {}
            Some(Event::Closed(reason)) => return Err(SessionError::Lost(reason)),
            None => return Err(SessionError::Lost("its tasks ended".to_owned())),
        }
        Ok(())
    }

    /// Ends the session if a quorum queue may only reject because of it.
    fn weigh_rejections(&mut self) {
        let is_quorum =
            self.context.settings.queue_type == QueueType::Quorum && !self.context.purpose.is_stream();
        let Some((routing_key, since)) = self.unconfirmed.rejected_for_longest() else { return };
        let patience = &mut self.context.patience;
        if is_quorum && self.ending.is_none() && patience.is_over(self.begun, since, Instant::now()) {
            patience.lengthen();
            self.ending = Some(SessionError::Rejecting(routing_key.to_owned()));
        }
    }

    /// Fails messages whose deadline has passed. The session fails too, unless there is an alarm:
    /// RabbitMQ reports the alarm's end on this session, and confirms nothing before.
    fn confirms_are_late(&mut self) -> Result<(), SessionError> {
        if let Some((reason, _)) = &self.blocked {
            self.unconfirmed.fail(&PublishError::Blocked(reason.clone()));
            return Ok(());
        }
        self.unconfirmed.fail_late();
        let doing = "confirming a message".to_owned();
        Err(SessionError::Timeout { doing, after: CONFIRM_DEADLINE })
    }

    /// Handles the result of an attempt to declare what was refused.
    fn declared(&mut self, declared: Result<Refusals, SessionError>) {
        let refusals = match declared {
            Ok(refusals) => {
                self.repeated_failure.clear();
                Arc::new(refusals)
            }
            Err(why) => {
                let message = "What RabbitMQ refused could not be declared again; trying again";
                self.repeated_failure.log_once(&self.context.log, message, &why, DECLARE_INTERVAL);
                Arc::clone(&self.refusals)
            }
        };
        self.set_refusals(refusals);
        if self.blocked.is_none() {
            self.connected();
        }
    }

    /// Sends the messages that RabbitMQ accepts, as far as is known. Fails the rest at once.
    async fn publish(&mut self, burst: &mut Vec<Request>) -> Result<(), SessionError> {
        if let Some((reason, _)) = &self.blocked {
            for request in burst.drain(..) {
                request.refuse(PublishError::Blocked(reason.clone()));
            }
            return Ok(());
        }
        let (refusals, size_limit) = (&self.refusals, &self.context.size_limit);
        let sendable = burst.drain(..).filter_map(|request| {
            let refusal = request.message.order_type.and_then(|order_type| refusals.of_type(order_type));
            let refused = refusal.map(|refusal| PublishError::QueueRefused(refusal.why.clone()));
            match refused.or_else(|| size_limit.refusal_of(request.message.body.len())) {
                Some(why) => {
                    request.refuse(why);
                    None
                }
                None => Some(request),
            }
        });
        self.unconfirmed.publish_all(&self.session, sendable).await
    }

    /// Lets publishers send, and then logs it. A reader of that line can rely on it.
    fn connected(&mut self) {
        self.context.state.send_replace(State::Connected(Arc::clone(&self.refusals)));
        if let Some(begun) = self.unlogged_since.take() {
            let exchange = self.context.purpose.exchange();
            let message = format!("Connected to RabbitMQ exchange '{exchange}'");
            self.context.log.info(action::RABBITMQ_CONNECTED, message).took(begun.elapsed()).emit();
            self.say_if_untrusted();
        }
    }

    /// Consumers would refuse each message, and nobody would see why here.
    fn say_if_untrusted(&self) {
        let Some(kind) = self.context.purpose.kind() else { return };
        if let Err(why) = trust::check(&self.context.settings.publishers, kind, self.session.user()) {
            let message = "Consumers refuse what this service publishes: let rabbitmq.publishers name its user, the same at every service";
            self.context.log.error(action::PUBLISHER_UNTRUSTED, message, &why).emit();
        }
    }

    fn block(&mut self, reason: String) {
        let why = PublishError::Blocked(reason.clone());
        self.context.state.send_replace(State::Blocked(reason.clone()));
        let message = "RabbitMQ takes no messages until its alarm has ended (rabbitmq-diagnostics alarms)";
        self.context.log.error(action::RABBITMQ_BLOCKED, message, &why).emit();
        self.blocked = Some((reason, Instant::now() + BLOCKED_GRACE));
    }

    /// Logs new refusals. Schedules another attempt if orders need what was refused.
    fn set_refusals(&mut self, refusals: Arc<Refusals>) {
        if *refusals != *self.refusals {
            for refusal in refusals.iter() {
                let concerned = OrderType::ALL.into_iter().find(|of| refusals.of_type(*of) == Some(refusal));
                let log = |message: String| {
                    self.context.log.error(action::RABBITMQ_DECLARATION_FAILED, message, refusal)
                };
                match concerned {
                    Some(of) => {
                        let line =
                            log(format!("Orders of type {of} cannot be sent to the kitchen; trying again"));
                        FailedAttempt { number: 1, retry_in: Some(DECLARE_INTERVAL) }.describe(line).emit();
                    }
                    None => {
                        log(format!("'{}' is not as it should be; orders go on", refusal.name)).emit();
                    }
                }
            }
        }
        self.refusals = refusals;
        let needed = OrderType::ALL.into_iter().any(|order_type| self.refusals.of_type(order_type).is_some());
        self.declaration = needed.then(|| {
            let (purpose, settings) = (self.context.purpose, self.context.settings.clone());
            let name = format!("{}, declaring", self.context.name);
            let declaring = async move {
                sleep(DECLARE_INTERVAL).await;
                purpose.declare_again(&settings, &name).await
            };
            Box::pin(declaring) as Declaration
        });
    }
}

async fn declared(declaration: &mut Option<Declaration>) -> Result<Refusals, SessionError> {
    match declaration {
        Some(declaring) => declaring.as_mut().await,
        None => std::future::pending().await,
    }
}
