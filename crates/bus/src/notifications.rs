//! Status updates on their way to a subscriber: every subscriber reads the same stream, and sees every message.

mod position;

use std::time::Duration;

use amqprs::channel::{
    BasicAckArguments, BasicCancelArguments, BasicConsumeArguments, BasicQosArguments, ConsumerMessage,
};
use amqprs::{FieldTable, FieldValue};
use logging::Log;
use runtime::config::Rabbitmq;
use runtime::{Backoff, Shutdown};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use self::position::{Met, Position};
pub use self::position::{NotAStart, StartAt};
use crate::delivery::Delivery;
use crate::session::{self, Event, Session, SessionError, rpc};
use crate::topology;

/// Messages that the broker sends ahead; a stream demands a limit.
const PREFETCH: u16 = 100;

/// After this time without the last message that was shown, the stream does not have it.
const LAST_SHOWN_DEADLINE: Duration = Duration::from_secs(5);

/// A stream that holds messages delivers the newest of them within this time; the broker does not tell that there are none.
const NEWEST_DEADLINE: Duration = Duration::from_millis(500);

/// When the messages end, an event says why, just before or just after.
const EVENT_DEADLINE: Duration = Duration::from_secs(1);

/// Reads the stream until the shutdown begins. `show` is called for every message, one after the other; the message is
/// acknowledged when it returns. After a lost connection, reading goes on behind the last message that was shown.
pub async fn subscribe(
    settings: &Rabbitmq,
    start: StartAt,
    log: &Log,
    shutdown: &Shutdown,
    mut show: impl FnMut(&Delivery),
) {
    let mut position = Position::new(start);
    let mut backoff = Backoff::for_server();
    loop {
        let started = Instant::now();
        let Some(opened) = shutdown.or(open(settings, &mut position)).await else { return };
        let failure = match opened {
            Ok(reading) => {
                let message = format!("Connected to RabbitMQ queue '{}'", topology::NOTIFICATIONS_QUEUE);
                log.info("rabbitmq_connected", message).took(started.elapsed()).emit();
                let opened = Instant::now();
                let end = read(reading, &mut position, shutdown, &mut show).await;
                backoff.reset_if_lasted(opened.elapsed());
                match end {
                    Ok(()) => return,
                    Err(why) => why,
                }
            }
            Err(why) => why,
        };
        let pause = backoff.next_pause();
        log.error("rabbitmq_connection_failed", "No connection to RabbitMQ; trying again", &failure)
            .detail("retry_in_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
            .emit();
        shutdown.or(sleep(pause)).await;
    }
}

type Messages = mpsc::UnboundedReceiver<ConsumerMessage>;

/// A session that reads.
struct Reading {
    session: Session,
    messages: Messages,
    /// Whether the last message that was shown must come again first: it proves that the stream is still the same one.
    resumes: bool,
}

async fn open(settings: &Rabbitmq, position: &mut Position) -> Result<Reading, SessionError> {
    let mut session = Session::open(settings, "notification-subscriber").await?;
    let resumes = position.has_shown();
    match start(&session, position).await {
        Ok(messages) => Ok(Reading { session, messages, resumes }),
        Err(why) => {
            let why = session.explain(why);
            session.close().await;
            Err(why)
        }
    }
}

async fn start(session: &Session, position: &mut Position) -> Result<Messages, SessionError> {
    topology::declare_notifications(&session.channel).await?;
    rpc("setting the prefetch", session.channel.basic_qos(BasicQosArguments::new(0, PREFETCH, false)))
        .await?;
    let newest = if position.starts_behind_all() { newest(session).await? } else { None };
    let (_, messages) = consume(session, position.offset()).await?;
    if let Some(newest) = newest {
        position.set_shown(&newest);
    }
    Ok(messages)
}

/// Starts reading at a place of the stream; returns the consumer's tag with its messages.
async fn consume(session: &Session, place: FieldValue) -> Result<(String, Messages), SessionError> {
    let mut arguments = FieldTable::new();
    session::insert(&mut arguments, "x-stream-offset", place);
    let queue = topology::NOTIFICATIONS_QUEUE;
    let consuming = BasicConsumeArguments::new(queue, "").arguments(arguments).finish();
    rpc(&format!("reading '{queue}'"), session.channel.basic_consume_rx(consuming)).await
}

/// The newest message of the stream. Whoever starts behind it, and has shown nothing when the connection is lost, goes on
/// behind it: unlike the time, its place does not depend on anybody's clock.
async fn newest(session: &Session) -> Result<Option<Delivery>, SessionError> {
    let (tag, mut messages) = consume(session, session::text("last")).await?;
    let mut newest = timeout(NEWEST_DEADLINE, messages.recv()).await.ok().flatten();
    rpc("cancelling a consumer", session.channel.basic_cancel(BasicCancelArguments::new(&tag))).await?;
    while let Some(message) = messages.recv().await {
        newest = Some(message);
    }
    Ok(newest.and_then(Delivery::new))
}

async fn read(
    reading: Reading,
    position: &mut Position,
    shutdown: &Shutdown,
    show: &mut impl FnMut(&Delivery),
) -> Result<(), SessionError> {
    let Reading { mut session, mut messages, resumes: mut awaits_last_shown } = reading;
    let deadline = sleep(LAST_SHOWN_DEADLINE);
    tokio::pin!(deadline);
    let result = loop {
        tokio::select! {
            biased;
            () = shutdown.begun() => break Ok(()),
            message = messages.recv() => {
                let Some(delivery) = message.and_then(Delivery::new) else {
                    let event = timeout(EVENT_DEADLINE, session.events.recv()).await;
                    break Err(ended(event.ok().flatten(), position));
                };
                awaits_last_shown = false;
                match position.meet(&delivery) {
                    Met::New => {
                        show(&delivery);
                        position.set_shown(&delivery);
                    }
                    Met::Again => {}
                    Met::AnotherStream => break Err(made_anew(position)),
                }
                let ack = BasicAckArguments::new(delivery.tag, false);
                if let Err(why) = rpc("acknowledging", session.channel.basic_ack(ack)).await {
                    break Err(why);
                }
            }
            event = session.events.recv() => match event {
                Some(Event::Confirmed { .. } | Event::Rejected { .. } | Event::Returned { .. }) => {}
                event => break Err(ended(event, position)),
            },
            () = &mut deadline, if awaits_last_shown => break Err(made_anew(position)),
        }
    };
    session.close().await;
    result
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

fn made_anew(position: &mut Position) -> SessionError {
    position.forget_stream();
    let queue = topology::NOTIFICATIONS_QUEUE;
    SessionError::Lost(format!("the queue '{queue}' is another one than before; reading it by time"))
}
