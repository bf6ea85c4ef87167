//! RabbitMQ in isolation: the same confirmed publishing, without a database.

use std::collections::VecDeque;
use std::time::Duration;

use bus::{Outgoing, Publisher};
use domain::{OrderIdentity, OrderMessage, OrderNumber, ServiceName, StatusUpdate};
use logging::{Level, Log};
use time::macros::date;
use time::{Date, OffsetDateTime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::cluster::Sandbox;
use crate::error::Error;
use crate::figures::Latencies;
use crate::isolated::{NAME, request_id};
use crate::orders::Orders;

/// The largest number of unconfirmed messages.
const MAX_UNCONFIRMED: usize = 256;
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// The day of messages that nobody consumes.
pub const DAY: Date = date!(2026 - 01 - 01);

/// A publisher on a virtual host.
pub struct Broker {
    publisher: Publisher,
    task: JoinHandle<()>,
    orders: Orders,
}

impl Broker {
    /// Connects, and declares the topology.
    ///
    /// # Errors
    /// RabbitMQ does not accept messages in time.
    pub async fn connect(sandbox: &Sandbox<'_>, log: &Log) -> Result<Self, Error> {
        let orders = Orders::of_every_kind()?;
        let (publisher, task) = Publisher::start(&sandbox.broker(), ServiceName::Order, NAME, log);
        let possible =
            async { tokio::join!(publisher.orders_possible(), publisher.status_updates_possible()) };
        timeout(CONNECT_LIMIT, possible)
            .await
            .map_err(|_| Error::Invalid("RabbitMQ takes no messages".to_owned()))?;
        Ok(Self { publisher, task, orders })
    }

    fn message(&self, day: Date, sequence: u32) -> Result<Outgoing, Error> {
        let order =
            self.orders.get(sequence).ok_or_else(|| Error::Invalid("there are no orders".to_owned()))?;
        let message = OrderMessage::of(OrderNumber::new(day, sequence), order);
        let identity = OrderIdentity::new(0, [0; 10]);
        Ok(Outgoing::order(&message, Some(&identity), OffsetDateTime::UNIX_EPOCH.into(), &request_id())?)
    }

    /// Publishes messages of a day's orders, of all types and priorities, with many confirms
    /// outstanding. Returns the rate per second.
    ///
    /// # Errors
    /// A message was not confirmed.
    pub async fn publish(&self, day: Date, count: u32) -> Result<f64, Error> {
        let start = Instant::now();
        let mut under_way = VecDeque::with_capacity(MAX_UNCONFIRMED);
        for sequence in 1..=count {
            if under_way.len() == MAX_UNCONFIRMED {
                confirmed(under_way.pop_front()).await?;
            }
            under_way.push_back(self.publisher.send(self.message(day, sequence)?).await);
        }
        while !under_way.is_empty() {
            confirmed(under_way.pop_front()).await?;
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    }

    /// Publishes messages one after the other. Returns how long each confirm took.
    ///
    /// # Errors
    /// A message was not confirmed.
    pub async fn one_by_one(&self, day: Date, count: u32) -> Result<Latencies, Error> {
        let mut micros = Vec::new();
        for sequence in 1..=count {
            let message = self.message(day, sequence)?;
            let start = Instant::now();
            confirmed(Some(self.publisher.send(message).await)).await?;
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
        Ok(Latencies::of_micros(micros))
    }

    /// Publishes an order's message, and waits for its confirm.
    ///
    /// # Errors
    /// It was not confirmed.
    pub async fn send_order(&self, number: OrderNumber) -> Result<(), Error> {
        let message = self.message(number.day(), number.sequence())?;
        confirmed(Some(self.publisher.send(message).await)).await
    }

    /// Publishes a status update, and waits for its confirm.
    ///
    /// # Errors
    /// It was not confirmed.
    pub async fn publish_update(&self, update: &StatusUpdate) -> Result<(), Error> {
        let message = Outgoing::status_update(update, &request_id())?;
        confirmed(Some(self.publisher.send(message).await)).await
    }

    /// Closes the connection.
    pub async fn close(self) {
        drop(self.publisher);
        // The task ends with its last publisher. A failure would have shown before.
        let _ = timeout(CONNECT_LIMIT, self.task).await;
    }
}

async fn confirmed(confirm: Option<bus::publisher::Confirm>) -> Result<(), Error> {
    let Some(confirm) = confirm else { return Ok(()) };
    confirm
        .received()
        .await
        .map_err(|why| Error::Invalid(format!("RabbitMQ did not confirm a message: {why}")))
}

/// A log of errors only.
pub fn quiet_log() -> (Log, logging::FlushOnDrop) {
    logging::start(NAME, Level::Error)
}
