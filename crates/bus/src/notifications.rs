//! Reads status updates. Every subscriber reads the same stream and sees every message.

mod position;

use std::time::Duration;

use amqprs::channel::{
    BasicAckArguments, BasicCancelArguments, BasicConsumeArguments, BasicQosArguments, ConsumerMessage,
};
use amqprs::{FieldTable, FieldValue};
use config::Rabbitmq;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use logging::{Log, action};
use runtime::Shutdown;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use self::position::{Arrival, Gap, Position};
pub use self::position::{ParseStartAtError, StartAt};
use crate::declaration;
use crate::delivery::Delivery;
use crate::headers::{insert, text};
use crate::link_state::LinkState;
use crate::reconnect::{Link, Served, maintain};
use crate::session::{Event, Session, SessionError, rest_of, rpc};
use crate::topology;

/// The prefetch, which a stream requires.
const PREFETCH: u16 = 100;
/// The largest body that is kept, in bytes. Ours have a few hundred.
const MAX_UPDATE: u64 = 1 << 20;

/// If the last shown message does not arrive within this time, the stream does not have it.
const LAST_SHOWN_DEADLINE: Duration = Duration::from_secs(5);

/// A stream with messages delivers its first or last one within this time. RabbitMQ does not say
/// that a stream is empty.
const EDGE_DEADLINE: Duration = Duration::from_millis(500);

/// When the messages end, an event gives the reason shortly before or after.
const EVENT_DEADLINE: Duration = Duration::from_secs(1);

/// Reads the stream until the shutdown begins, or a message cannot be shown. Calls `show` for every
/// message in turn, for at most [`PREFETCH`] before the first of them is shown. Its future returns
/// whether the message was shown; then the message is acknowledged. After a reconnect, reading
/// resumes behind the last shown message. RabbitMQ lists the connection under `name`. `link` says
/// whether the stream is read.
pub async fn subscribe<Showing: Future<Output = bool>>(
    settings: &Rabbitmq,
    name: &str,
    start: StartAt,
    link: &LinkState,
    log: &Log,
    shutdown: &Shutdown,
    show: impl FnMut(&Delivery) -> Showing,
) {
    let position = Position::new(start);
    let mut subscription = Subscription { settings, name, position, link, log, shutdown, show };
    maintain(&mut subscription, log).await;
}

/// What reading needs from one connection to the next.
struct Subscription<'a, Show> {
    settings: &'a Rabbitmq,
    name: &'a str,
    position: Position,
    link: &'a LinkState,
    log: &'a Log,
    shutdown: &'a Shutdown,
    show: Show,
}

impl<Showing, Show> Link for Subscription<'_, Show>
where
    Showing: Future<Output = bool>,
    Show: FnMut(&Delivery) -> Showing,
{
    type Opened = Reading;

    const FAILED: &'static str = "No connection to RabbitMQ; trying again";
    const AT_ONCE: bool = false;

    async fn connect(&mut self) -> Option<Result<Reading, SessionError>> {
        let started = Instant::now();
        let opened = self.shutdown.or(open(self.settings, self.name, &mut self.position)).await?;
        if opened.is_ok() {
            let message = format!("Connected to RabbitMQ queue '{}'", topology::NOTIFICATIONS_QUEUE);
            self.log.info(action::RABBITMQ_CONNECTED, message).took(started.elapsed()).emit();
        }
        Some(opened)
    }

    async fn serve(&mut self, reading: Reading) -> Served {
        let Self { position, link, log, shutdown, show, .. } = self;
        let _up = link.up();
        Served { end: read(reading, position, log, shutdown, show).await, worked: false }
    }

    async fn rest(&mut self, pause: Duration) -> Option<()> {
        self.shutdown.or(sleep(pause)).await
    }
}

type Messages = mpsc::UnboundedReceiver<ConsumerMessage>;

/// A session that reads.
struct Reading {
    session: Session,
    messages: Messages,
    /// The last shown message must arrive first. It proves that the stream is still the same.
    resumes: bool,
}

async fn open(settings: &Rabbitmq, name: &str, position: &mut Position) -> Result<Reading, SessionError> {
    let mut session = Session::open_for(settings, name, MAX_UPDATE).await?;
    let resumes = position.has_shown();
    match start(&mut session, position).await {
        Ok(messages) => Ok(Reading { session, messages, resumes }),
        Err(why) => {
            let why = session.explain(why);
            session.close().await;
            Err(why)
        }
    }
}

async fn start(session: &mut Session, position: &mut Position) -> Result<Messages, SessionError> {
    declaration::declare_notifications(session).await?;
    rpc("setting the prefetch", session.channel.basic_qos(BasicQosArguments::new(0, PREFETCH, false)))
        .await?;
    let newest = if position.starts_behind_all() { edge(session, "last").await? } else { None };
    let (_, messages) = consume(session, position.offset()).await?;
    if let Some(newest) = newest {
        position.set_shown(&newest);
    }
    Ok(messages)
}

/// Starts reading at an offset. Returns the consumer tag and the messages.
async fn consume(session: &Session, place: FieldValue) -> Result<(String, Messages), SessionError> {
    let mut arguments = FieldTable::new();
    insert(&mut arguments, "x-stream-offset", place);
    let queue = topology::NOTIFICATIONS_QUEUE;
    let consuming = BasicConsumeArguments::new(queue, "").arguments(arguments).finish();
    rpc(&format!("reading '{queue}'"), session.channel.basic_consume_rx(consuming)).await
}

/// Returns the `first` or the `last` message of the stream. A subscriber that starts behind the
/// last one, and loses its connection before it shows any, resumes behind that one. An offset does
/// not depend on clocks, unlike a time.
async fn edge(session: &Session, which: &str) -> Result<Option<Delivery>, SessionError> {
    let (tag, mut messages) = consume(session, text(which)).await?;
    let mut found = timeout(EDGE_DEADLINE, messages.recv()).await.ok().flatten();
    rpc("cancelling a consumer", session.channel.basic_cancel(BasicCancelArguments::new(&tag))).await?;
    let rest = rest_of(&mut messages).await?;
    if which == "last" {
        found = rest.into_iter().next_back().or(found);
    }
    Ok(found.and_then(Delivery::new))
}

async fn read<Showing: Future<Output = bool>>(
    reading: Reading,
    position: &mut Position,
    log: &Log,
    shutdown: &Shutdown,
    show: &mut impl FnMut(&Delivery) -> Showing,
) -> Result<(), SessionError> {
    let Reading { mut session, mut messages, resumes: mut awaits_last_shown } = reading;
    let deadline = sleep(LAST_SHOWN_DEADLINE);
    tokio::pin!(deadline);
    let mut showing = FuturesOrdered::new();
    let end = loop {
        tokio::select! {
            biased;
            () = shutdown.begun() => break End::Asked,
            Some((delivery, is_shown)) = showing.next(), if !showing.is_empty() => {
                let true = is_shown else { break End::Asked };
                position.set_shown(&delivery);
                if let Err(why) = acknowledge(&session, &delivery).await {
                    break End::Failed(why);
                }
            }
            message = messages.recv() => {
                let Some(mut delivery) = message.and_then(Delivery::new) else {
                    let event = timeout(EVENT_DEADLINE, session.events.recv()).await;
                    break End::Event(event.ok().flatten());
                };
                awaits_last_shown = false;
                let next = match position.arrive(&delivery) {
                    Arrival::OtherStream => break End::OtherStream,
                    Arrival::Repeat => acknowledge(&session, &delivery).await,
                    Arrival::New(gap) => {
                        let logged = match gap {
                            Some(gap) => log_missed(gap, &session, &delivery, position, log).await,
                            None => Ok(()),
                        };
                        let shown = show(&delivery);
                        delivery.body = Vec::new();
                        showing.push_back(async move { (delivery, shown.await) });
                        logged
                    }
                };
                if let Err(why) = next {
                    break End::Failed(why);
                }
            }
            event = session.events.recv() => match event {
                Some(
                    Event::Confirmed { .. }
                    | Event::Rejected { .. }
                    | Event::Returned { .. }
                    | Event::Blocked(_)
                    | Event::Unblocked,
                ) => {}
                event => break End::Event(event),
            },
            () = &mut deadline, if awaits_last_shown => break End::OtherStream,
        }
    };
    session.close().await;
    // Messages that are being printed must not be read again.
    let rest = async {
        while let Some((delivery, true)) = showing.next().await {
            position.set_shown(&delivery);
        }
    };
    shutdown.or(rest).await;
    match end {
        End::Asked => Ok(()),
        End::Failed(why) => Err(why),
        End::Event(event) => Err(ended(event, position)),
        End::OtherStream => Err(replaced(position)),
    }
}

/// Why reading has ended.
enum End {
    /// The shutdown has begun, or nothing can be shown any more.
    Asked,
    Failed(SessionError),
    /// An event ended the session; `None` if it is unknown.
    Event(Option<Event>),
    /// The stream is not the one that was read before.
    OtherStream,
}

async fn acknowledge(session: &Session, delivery: &Delivery) -> Result<(), SessionError> {
    rpc("acknowledging", session.channel.basic_ack(BasicAckArguments::new(delivery.tag, false))).await
}

/// Logs how many messages were missed at most, unless the stream never had them.
async fn log_missed(
    gap: Gap,
    session: &Session,
    next: &Delivery,
    position: &Position,
    log: &Log,
) -> Result<(), SessionError> {
    let kept_from = if gap.is_certain {
        None
    } else {
        edge(session, "first").await?.and_then(|oldest| oldest.stream_offset())
    };
    let Some(missed) = gap.missed(kept_from) else { return Ok(()) };
    let message = "Status updates were missed: the stream dropped them before this subscriber had read them. What became of \
                   their orders tells the tracking service: GET /orders/{order_number}/history";
    let mut line = log
        .error(action::NOTIFICATIONS_MISSED, message, &missed)
        .detail("at_most", missed.count())
        .detail("first_offset", missed.first)
        .detail("last_offset", missed.last);
    if let Some(moment) = position.last_sent() {
        line = line.detail("sent_after", moment.to_string());
    }
    if let Some(moment) = next.sent() {
        line = line.detail("sent_before", moment.to_string());
    }
    line.emit();
    Ok(())
}

fn ended(event: Option<Event>, position: &mut Position) -> SessionError {
    match event {
        Some(Event::Closed(reason)) => SessionError::Lost(reason),
        Some(Event::ConsumerCancelled) => {
            position.forget_stream();
            SessionError::Lost(format!("the queue '{}' was deleted", topology::NOTIFICATIONS_QUEUE))
        }
        _ => SessionError::Lost("its tasks ended".to_owned()),
    }
}

fn replaced(position: &mut Position) -> SessionError {
    position.forget_stream();
    let queue = topology::NOTIFICATIONS_QUEUE;
    SessionError::Lost(format!(
        "the queue '{queue}' is another one than before: what the old one held and was not shown is missed; reading it by time"
    ))
}
