//! RabbitMQ in isolation: the same confirmed publishing, without a database.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result};
use bus::publisher::Confirm;
use bus::{Outgoing, Publisher};
use domain::{OrderIdentity, OrderMessage, OrderNumber, ServiceName, StatusUpdate};
use logging::{FlushOnDrop, Level, Log};
use time::macros::date;
use time::{Date, OffsetDateTime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::cluster::Sandbox;
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
    _flush: FlushOnDrop,
}

impl Broker {
    /// Connects, and declares the topology.
    pub async fn connect(sandbox: &Sandbox<'_>) -> Result<Self> {
        let (log, flush) = quiet_log();
        let orders = Orders::of_every_kind()?;
        let (publisher, task) = Publisher::start(&sandbox.broker(), ServiceName::Order, NAME, &[], &log);
        let possible =
            async { tokio::join!(publisher.orders_possible(), publisher.status_updates_possible()) };
        timeout(CONNECT_LIMIT, possible).await.context("RabbitMQ takes no messages")?;
        Ok(Self { publisher, task, orders, _flush: flush })
    }

    fn message(&self, day: Date, sequence: u32) -> Result<Outgoing> {
        let order = self.orders.get(sequence).context("there are no orders")?;
        let message = OrderMessage::of(OrderNumber::new(day, sequence), order);
        let identity = OrderIdentity::new(0, [0; 10]);
        Ok(Outgoing::order(&message, Some(&identity), OffsetDateTime::UNIX_EPOCH.into(), &request_id())?)
    }

    /// Publishes messages of a day's orders, of all types and priorities, with many confirms
    /// outstanding. Returns the rate per second.
    pub async fn publish(&self, day: Date, count: u32) -> Result<f64> {
        let start = Instant::now();
        let mut under_way = VecDeque::with_capacity(MAX_UNCONFIRMED);
        for sequence in 1..=count {
            if under_way.len() == MAX_UNCONFIRMED
                && let Some(oldest) = under_way.pop_front()
            {
                confirmed(oldest).await?;
            }
            under_way.push_back(self.publisher.send(self.message(day, sequence)?).await);
        }
        for confirm in under_way {
            confirmed(confirm).await?;
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    }

    /// Publishes messages one after the other. Returns how long each confirm took.
    pub async fn one_by_one(&self, day: Date, count: u32) -> Result<Latencies> {
        let mut micros = Vec::new();
        for sequence in 1..=count {
            let message = self.message(day, sequence)?;
            let start = Instant::now();
            confirmed(self.publisher.send(message).await).await?;
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
        Ok(Latencies::of_micros(micros))
    }

    /// Publishes an order's message, and waits for its confirm.
    pub async fn send_order(&self, number: OrderNumber) -> Result<()> {
        let message = self.message(number.day(), number.sequence())?;
        confirmed(self.publisher.send(message).await).await
    }

    /// Publishes a status update, and waits for its confirm.
    pub async fn publish_update(&self, update: &StatusUpdate) -> Result<()> {
        let message = Outgoing::status_update(update, &request_id())?;
        confirmed(self.publisher.send(message).await).await
    }

    /// Closes the connection.
    pub async fn close(self) {
        drop(self.publisher);
        // The task ends with its last publisher. A failure would have shown before.
        let _ = timeout(CONNECT_LIMIT, self.task).await;
    }
}

async fn confirmed(confirm: Confirm) -> Result<()> {
    confirm.received().await.context("RabbitMQ did not confirm a message")
}

/// A log of errors only.
pub fn quiet_log() -> (Log, FlushOnDrop) {
    logging::start(NAME, Level::Error)
}
