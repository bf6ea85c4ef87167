//! Orders that come as messages: the second adapter of placing, beside `http`.
//!
//! A message is acknowledged when its order is stored and confirmed, or is left to the relay
//! because the broker does not take it now, or when it is stored why there is none. If the service
//! dies before, the message comes again, and the row of its request says how far it was.

mod deciding;
mod failing;
mod replying;
mod settling;

use std::time::Duration;

use bus::delivery::MAX_BODY;
use bus::requests::{LeasedRequest, RequestIntake};
use bus::topology::REQUESTS_QUEUE;
use bus::{DeadLetterPublisher, Delivery, LinkState, Publisher, UntrustedPublisher};
use config::{MessageKind, Publishers};
use db::Database;
use domain::order_request::value_fingerprint;
use domain::place_order::{self, RequestBody, Violation};
use domain::{OrderRequest, OrderRequestId, RequestId};
use logging::{Log, action};
use runtime::{Shutdown, catch_panic, failpoint};
use telemetry::traces::{Caller, conventions};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::deciding::{Decided, Undecided};
use self::settling::End;
use crate::acceptance::Acceptance;
use crate::menu::Board;
use crate::placing::{Placing, Requested};
use crate::relay::Wakeup;

/// How long a message is held. One that is not decided by then, because a server is away or the
/// queue of its order refuses it, goes to the end of the queue and holds up no other.
const PATIENCE: Duration = Duration::from_mins(1);

/// Carries out what messages ask for; cheap to clone.
#[derive(Clone)]
pub struct Intake {
    pub placing: Placing,
    pub acceptance: Acceptance,
    /// Who may send requests.
    pub publishers: Publishers,
    pub board: Board,
    pub db: Database,
    /// Sends the replies.
    pub publisher: Publisher,
    pub dead_letters: DeadLetterPublisher,
    /// Sends the events.
    pub relay: Wakeup,
    pub link: MessagesLink,
    pub log: Log,
}

/// Whether messages can come in at the moment, for the probes; cheap to clone.
#[derive(Clone, Debug)]
pub struct MessagesLink(watch::Sender<LinkState>);

impl Default for MessagesLink {
    fn default() -> Self {
        Self(watch::Sender::new(LinkState::default()))
    }
}

impl MessagesLink {
    /// Whether the queue is being consumed, as far as is known.
    pub fn is_up(&self) -> bool {
        self.0.borrow().is_up()
    }

    /// From now on this connection counts. Each pause ends one.
    fn follow(&self, link: LinkState) {
        self.0.send_replace(link);
    }
}

/// Why a message is a dead letter.
#[derive(Debug, thiserror::Error)]
enum UnreadableMessage {
    #[error(transparent)]
    Untrusted(#[from] UntrustedPublisher),
    #[error("the body {0}")]
    NotARequest(String),
    #[error("its body of {0} bytes was not taken in: no request has more than {MAX_BODY}")]
    TooLarge(u64),
}

/// What a message asks for.
struct Asked {
    order_id: Option<OrderRequestId>,
    order: Result<Requested, Vec<Violation>>,
}

/// The consumption of the queue from one connection to its end. It ends with the shutdown, with a
/// pause of the intake, and as soon as one message has met a pause. Whoever waits stops waiting.
#[derive(Clone, Debug, Default)]
struct Session(Shutdown);

impl Session {
    fn end(&self) {
        self.0.begin();
    }

    async fn ended(&self) {
        self.0.begun().await;
    }

    /// Waits for `work`.
    ///
    /// # Errors
    /// The session ends first.
    async fn until_end<T>(&self, work: impl Future<Output = T>) -> Result<T, Undecided> {
        self.0.or(work).await.ok_or(Undecided::SessionEnds)
    }
}

/// Why the session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SessionEnd {
    /// The service stops, or the intake is paused.
    Asked,
    /// The consumer's task has ended by itself, which only a panic does.
    ConsumerLost,
}

impl Intake {
    /// Carries out messages until the shutdown begins. Nothing is consumed while the intake is
    /// paused: who sent a message has sold the order already, and cannot ask the guest to come
    /// back. In their queue no message is lost, and afterwards each is carried out.
    ///
    /// It returns before the shutdown only if its consumer is lost: the service cannot go on.
    pub async fn run(self, consume: impl Fn() -> RequestIntake, shutdown: Shutdown) {
        while shutdown.or(self.acceptance.opened()).await.is_some() {
            if self.carry_out_all(consume(), &shutdown).await == SessionEnd::ConsumerLost {
                return;
            }
        }
    }

    /// Carries out one message after the other, many at once, until the shutdown or a pause begins.
    /// What is in work then is left, and comes again.
    async fn carry_out_all(&self, mut messages: RequestIntake, shutdown: &Shutdown) -> SessionEnd {
        self.link.follow(messages.link());
        let session = Session::default();
        let mut in_work = JoinSet::new();
        let end = loop {
            tokio::select! {
                biased;
                () = shutdown.begun() => break SessionEnd::Asked,
                () = self.acceptance.closed() => break SessionEnd::Asked,
                () = session.ended() => break SessionEnd::Asked,
                Some(_) = in_work.join_next() => {}
                message = messages.next() => {
                    let Some(message) = message else { break SessionEnd::ConsumerLost };
                    let (intake, session) = (self.clone(), session.clone());
                    in_work.spawn(async move { intake.handle(message, &session).await });
                }
            }
        };
        session.end();
        messages.stop();
        self.link.follow(LinkState::default());
        while in_work.join_next().await.is_some() {}
        messages.close().await;
        end
    }

    async fn handle(&self, message: LeasedRequest, session: &Session) {
        let request_id =
            message.delivery().request_id().unwrap_or_else(|| RequestId::of_message(rand::random()));
        // Whoever puts messages there is a caller as those over HTTP are.
        let caller = Caller::from(message.delivery().trace());
        let (request_id, mut span) = message.delivery().begin_span(REQUESTS_QUEUE, caller, request_id);
        let log = self.log.with_request_id(request_id.clone());
        let end = catch_panic(self.process(message.delivery(), request_id, &log, session)).await;
        if matches!(end, None | Some(End::DeadLettered(_))) {
            conventions::failed(&mut span, "dead_lettered");
        }
        self.settle(message, end.unwrap_or(End::Returned), &log, session).await;
    }

    async fn process(&self, delivery: &Delivery, request_id: RequestId, log: &Log, session: &Session) -> End {
        let asked = match self.read(delivery) {
            Ok(asked) => asked,
            Err(why) => return End::DeadLettered(why),
        };
        failpoint::reached("intake.read");
        let Some(order_id) = asked.order_id.or_else(|| message_id(delivery).map(OrderRequestId::of_message))
        else {
            // Nothing tells it from another message with the same body. It comes again with an id.
            return End::Postponed;
        };
        let request = OrderRequest { order_id, fingerprint: value_fingerprint(&delivery.body) };
        let carrying_out = self.carry_out(request, asked.order, request_id, delivery, log, session);
        match timeout(PATIENCE, carrying_out).await {
            Ok(Ok(())) => End::Settled,
            Ok(Err(Undecided::SessionEnds)) => End::Left,
            Ok(Err(Undecided::Paused)) => {
                // The pause may be over before anybody else sees it. Then only the end of the
                // session brings the message again.
                session.end();
                End::Left
            }
            Ok(Err(Undecided::Full)) => End::Returned,
            Err(_) => End::Postponed,
        }
    }

    /// Decides a request, and tells who asked.
    async fn carry_out(
        &self,
        request: OrderRequest,
        order: Result<Requested, Vec<Violation>>,
        request_id: RequestId,
        delivery: &Delivery,
        log: &Log,
        session: &Session,
    ) -> Result<(), Undecided> {
        let decided = self.decide(request, order, request_id, log, session).await?;
        failpoint::reached("intake.decided");
        self.relay.wake();
        let Some(reply_to) = delivery.reply_to() else { return Ok(()) };
        let outcome = match decided {
            Decided::InItsRow => self.outcome(request.order_id, log, session).await?,
            Decided::Reused(failure) => replying::refused(request.order_id, failure),
        };
        let reply = replying::reply(reply_to, delivery.correlation_id(), &outcome)
            .map(|reply| reply.of_request(log.request_id()));
        if let Err(why) = self.send(reply, session).await? {
            let text = "The outcome could not be sent to who asked for it (reply_to)";
            log.error(action::RABBITMQ_PUBLISH_FAILED, text, &why)
                .detail("order_id", request.order_id.to_string())
                .emit_limited();
        }
        Ok(())
    }

    /// What the message says, if its sender may send one.
    fn read(&self, delivery: &Delivery) -> Result<Asked, UnreadableMessage> {
        delivery.from_a_publisher(&self.publishers, MessageKind::Requests)?;
        if let Some(size) = delivery.withheld {
            return Err(UnreadableMessage::TooLarge(size));
        }
        let body = delivery.body.as_slice();
        if self.board.is_on() {
            let RequestBody { order_id, order } =
                place_order::parse_menu_request(body).map_err(UnreadableMessage::NotARequest)?;
            return Ok(Asked { order_id, order: order.map(Requested::FromMenu) });
        }
        let RequestBody { order_id, order } =
            place_order::parse_request(body).map_err(UnreadableMessage::NotARequest)?;
        Ok(Asked { order_id, order: order.map(Requested::Priced) })
    }
}

/// The id that its sender, or this service, gave a message.
fn message_id(delivery: &Delivery) -> Option<&str> {
    delivery.message_id().filter(|id| !id.is_empty())
}
