//! How many messages wait for a person, as the staff sees it. RabbitMQ is asked when somebody
//! looks.

use std::sync::Arc;
use std::time::Duration;

use bus::inspection;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::NAME;

/// How long an answer is good for: each costs a connection.
const LIFETIME: Duration = Duration::from_secs(5);
/// Longest time for an answer, turns of others included.
const DEADLINE: Duration = Duration::from_secs(8);

/// Why the dead letters could not be counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// RabbitMQ does not tell.
    #[error(transparent)]
    Broker(#[from] inspection::CountError),
    /// It did not answer in time.
    #[error("RabbitMQ did not answer within {} s", DEADLINE.as_secs())]
    Timeout,
}

/// What is known of the dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many there are.
    pub messages: u32,
    /// For how long each look of this process has found some. That is no age: between two looks all
    /// may have been removed, and others come. Zero if there are none.
    pub seen_for: Duration,
}

#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    messages: u32,
    /// The first of the looks in a row that found some.
    first_seen: Option<Instant>,
}

/// Counts them; cheap to clone.
#[derive(Clone)]
pub struct DeadLetters {
    broker: Arc<config::Rabbitmq>,
    last: Arc<Mutex<Option<Look>>>,
}

impl DeadLetters {
    /// Those of this broker.
    pub fn new(broker: config::Rabbitmq) -> Self {
        Self { broker: Arc::new(broker), last: Arc::default() }
    }

    /// Counts them, without taking any. One connection serves all that ask within a few seconds.
    ///
    /// # Errors
    /// RabbitMQ cannot be reached, or does not answer in time.
    pub async fn count(&self) -> Result<Counted, CountError> {
        let counting = async {
            let mut last = self.last.lock().await;
            if let Some(look) = last.filter(|look| look.at.elapsed() < LIFETIME) {
                return Ok::<_, CountError>(look.counted());
            }
            let name = format!("{NAME}: dead letters");
            // Without their queue there are none.
            let messages = inspection::dead_letters(&self.broker, &name).await?.unwrap_or(0);
            let look = Look::after(*last, messages, Instant::now());
            *last = Some(look);
            Ok(look.counted())
        };
        timeout(DEADLINE, counting).await.unwrap_or(Err(CountError::Timeout))
    }
}

impl Look {
    fn after(last: Option<Self>, messages: u32, at: Instant) -> Self {
        let seen = last.and_then(|last| last.first_seen).unwrap_or(at);
        Self { at, messages, first_seen: (messages > 0).then_some(seen) }
    }

    fn counted(self) -> Counted {
        let seen_for = self.first_seen.map_or(Duration::ZERO, |first| self.at.duration_since(first));
        Counted { messages: self.messages, seen_for }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_of_the_looks_in_a_row_counts() {
        let mut last = None;
        for (messages, seconds) in [(0, 0), (2, 0), (3, 10), (1, 20), (0, 0), (1, 0)] {
            let look = Look::after(last, messages, Instant::now());
            let expected = Counted { messages, seen_for: Duration::from_secs(seconds) };
            assert_eq!(look.counted(), expected);
            last = Some(look);
            tokio::time::advance(Duration::from_secs(10)).await;
        }
    }
}
