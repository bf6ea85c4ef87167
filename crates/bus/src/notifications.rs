//! Status updates on their way to a subscriber: every subscriber reads the same stream, and sees every message.

use amqprs::channel::{BasicAckArguments, BasicConsumeArguments, BasicQosArguments, ConsumerMessage};
use amqprs::{FieldTable, FieldValue};
use logging::Log;
use runtime::config::Rabbitmq;
use runtime::{Backoff, Shutdown};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::delivery::Delivery;
use crate::session::{self, Event, Session, SessionError, rpc};
use crate::topology;

/// Messages that the broker sends ahead; a stream demands a limit.
const PREFETCH: u16 = 100;

/// Where a subscriber starts to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// What comes from now on.
    Next,
    /// The oldest message that is kept.
    First,
    /// What came in the last so many seconds.
    Ago(u64),
}

/// Why a text names no start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a place to start (allowed: next, first, or a time back such as 90s, 30m, 1h, 2d)")]
pub struct NotAStart(String);

impl std::str::FromStr for StartAt {
    type Err = NotAStart;

    fn from_str(text: &str) -> Result<Self, NotAStart> {
        let ago = || {
            let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let unit = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                "d" => 86_400,
                _ => return None,
            };
            let seconds = count.parse::<u64>().ok()?.checked_mul(unit)?;
            (seconds > 0 && seconds <= i64::MAX.unsigned_abs()).then_some(Self::Ago(seconds))
        };
        match text {
            "next" => Ok(Self::Next),
            "first" => Ok(Self::First),
            _ => ago().ok_or_else(|| NotAStart(text.to_owned())),
        }
    }
}

/// Reads the stream until the shutdown begins. `show` is called for every message, one after the other; the message is
/// acknowledged when it returns. After a lost connection, reading goes on behind the last message that was shown.
pub async fn subscribe(
    settings: &Rabbitmq,
    start: StartAt,
    log: &Log,
    shutdown: &Shutdown,
    mut show: impl FnMut(&Delivery),
) {
    let mut position = Position { start, first_connected: None, last_shown: None };
    let mut backoff = Backoff::for_server();
    while !shutdown.has_begun() {
        let started = Instant::now();
        let failure = match open(settings, &position).await {
            Ok((session, messages)) => {
                backoff.reset();
                position.first_connected.get_or_insert_with(unix_seconds);
                log.info("rabbitmq_connected", "Connected to RabbitMQ queue 'notifications_queue'")
                    .took(started.elapsed())
                    .emit();
                match read(session, messages, &mut position, shutdown, &mut show).await {
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
        shutdown.or(tokio::time::sleep(pause)).await;
    }
}

struct Position {
    start: StartAt,
    first_connected: Option<u64>,
    last_shown: Option<i64>,
}

impl Position {
    /// The value of `x-stream-offset` (RabbitMQ's stream queues).
    fn offset(&self) -> FieldValue {
        match (self.last_shown, &self.start) {
            (Some(shown), _) => FieldValue::l(shown.saturating_add(1)),
            // Whoever has shown nothing yet must not miss what came while the connection was lost.
            (None, StartAt::Next) => {
                self.first_connected.map_or_else(|| session::text("next"), FieldValue::T)
            }
            (None, StartAt::First) => session::text("first"),
            (None, StartAt::Ago(seconds)) => session::text(&format!("{seconds}s")),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the broker finds the place in the stream by its own clock")]
fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

async fn open(
    settings: &Rabbitmq,
    position: &Position,
) -> Result<(Session, mpsc::UnboundedReceiver<ConsumerMessage>), SessionError> {
    let mut session = Session::open(settings, "notification-subscriber").await?;
    let consuming = async {
        topology::declare_notifications(&session.channel).await?;
        rpc("setting the prefetch", session.channel.basic_qos(BasicQosArguments::new(0, PREFETCH, false)))
            .await?;
        let mut offset = FieldTable::new();
        session::insert(&mut offset, "x-stream-offset", position.offset());
        let arguments =
            BasicConsumeArguments::new(topology::NOTIFICATIONS_QUEUE, "").arguments(offset).finish();
        rpc("reading 'notifications_queue'", session.channel.basic_consume_rx(arguments)).await
    };
    match consuming.await {
        Ok((_, messages)) => Ok((session, messages)),
        Err(why) => {
            let why = session.explain(why);
            session.close().await;
            Err(why)
        }
    }
}

async fn read(
    mut session: Session,
    mut messages: mpsc::UnboundedReceiver<ConsumerMessage>,
    position: &mut Position,
    shutdown: &Shutdown,
    show: &mut impl FnMut(&Delivery),
) -> Result<(), SessionError> {
    let (settlements, _unused) = mpsc::unbounded_channel();
    let result = loop {
        tokio::select! {
            biased;
            () = shutdown.begun() => break Ok(()),
            message = messages.recv() => {
                let Some(delivery) = message.and_then(|message| Delivery::new(message, settlements.clone())) else {
                    break Err(SessionError::Lost("the broker ended the consumer".to_owned()));
                };
                show(&delivery);
                position.last_shown = delivery.stream_offset().or(position.last_shown);
                let ack = BasicAckArguments::new(delivery.receipt.tag, false);
                if let Err(why) = rpc("acknowledging", session.channel.basic_ack(ack)).await {
                    break Err(why);
                }
            }
            event = session.events.recv() => match event {
                Some(Event::Closed(reason)) => break Err(SessionError::Lost(reason)),
                Some(_) => {}
                None => break Err(SessionError::Lost("its tasks ended".to_owned())),
            },
        }
    };
    session.close().await;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_start() {
        for (text, start) in [
            ("next", StartAt::Next),
            ("first", StartAt::First),
            ("90s", StartAt::Ago(90)),
            ("1h", StartAt::Ago(3_600)),
            ("2d", StartAt::Ago(172_800)),
        ] {
            assert_eq!(text.parse(), Ok(start));
        }
        for text in ["", "h", "1", "0s", "-1h", "1w", "1é", "99999999999999999999d"] {
            assert_eq!(text.parse::<StartAt>(), Err(NotAStart(text.to_owned())));
        }
    }
}
