//! A program that orders by message, as any client of AMQP does.

use std::time::Duration;

use amqprs::BasicProperties;
use amqprs::channel::{BasicPublishArguments, Channel, QueueDeclareArguments};
use amqprs::connection::{Connection, OpenConnectionArguments};
use anyhow::{Context, Result};
use bus::topology::REQUESTS_QUEUE;
use devcluster::customers::customers;
use devcluster::menu::Menu;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::Sandbox;

/// The number of prepared orders, which are reused with other ids when all have been sent.
const BODIES: usize = 4_096;
/// Messages of a transaction of AMQP: its commit says that the queue has them.
const TOGETHER: usize = 64;
/// The pause while enough messages wait.
const POLL: Duration = Duration::from_millis(1);
const DECLARED_POLL: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(30);

/// A connection with a channel, and the orders to send.
pub struct Sender {
    connection: Connection,
    channel: Channel,
    bodies: Vec<Value>,
    /// The number of messages that the queue has got.
    pub sent: u64,
}

impl Sender {
    /// Connects, and waits for the queue of requests.
    pub async fn connect(sandbox: &Sandbox<'_>) -> Result<Self> {
        let rabbitmq = &sandbox.cluster.rabbitmq;
        let user = rabbitmq.credentials();
        let password = user.password.expose_secret();
        let arguments = OpenConnectionArguments::new("127.0.0.1", rabbitmq.port(), &user.user, password)
            .virtual_host(&sandbox.name)
            .finish();
        let connecting = async {
            let connection = Connection::open(&arguments).await?;
            // The service declares the queue. Until then, asking for it costs the channel.
            let channel = loop {
                let channel = connection.open_channel(None).await?;
                if ready(&channel).await.is_ok() {
                    break channel;
                }
                sleep(DECLARED_POLL).await;
            };
            channel.tx_select().await?;
            anyhow::Ok((connection, channel))
        };
        let (connection, channel) =
            timeout(LIMIT, connecting).await.context("RabbitMQ does not answer")??;
        let customers = customers(&Menu::priced_by_guests(), rand::random(), BODIES);
        let bodies = customers.into_iter().map(|customer| customer.body).collect();
        Ok(Self { connection, channel, bodies, sent: 0 })
    }

    /// Sends orders for this long. Never more than `waiting` messages and one transaction wait in
    /// the queue, beside those that a service has in work.
    pub async fn send_for(&mut self, duration: Duration, waiting: u32) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            let sending = async {
                if ready(&self.channel).await? >= waiting {
                    sleep(POLL).await;
                    return Ok(());
                }
                self.send().await
            };
            timeout(LIMIT, sending).await.context("RabbitMQ takes no messages")??;
        }
        Ok(())
    }

    /// Sends a transaction of persistent messages, each with an id of its own.
    async fn send(&mut self) -> Result<()> {
        for _ in 0..TOGETHER {
            let place = usize::try_from(self.sent)? % self.bodies.len().max(1);
            let body = self.bodies.get_mut(place).context("there are no orders")?;
            body["order_id"] = order_id(self.sent).into();
            let mut properties = BasicProperties::default();
            let properties = properties.with_persistence(true).with_content_type("application/json").finish();
            let arguments = BasicPublishArguments::new("", REQUESTS_QUEUE);
            self.channel.basic_publish(properties, serde_json::to_vec(body)?, arguments).await?;
            self.sent += 1;
        }
        Ok(self.channel.tx_commit().await.map(drop)?)
    }

    /// Closes the connection.
    pub async fn close(self) {
        // The measurement counts, however the connection ends.
        let _ = self.channel.close().await;
        let _ = self.connection.close().await;
    }
}

/// The number of messages that no service has in work.
async fn ready(channel: &Channel) -> Result<u32> {
    let passive = QueueDeclareArguments::new(REQUESTS_QUEUE).passive(true).finish();
    let (_, ready, _) = channel.queue_declare(passive).await?.context("RabbitMQ counts nothing")?;
    Ok(ready)
}

/// The id of a request. Ids of this kind begin with the time, as UUIDs of version 7 do: they are
/// placed side by side in an index.
fn order_id(number: u64) -> String {
    let [high, low] = [rand::random::<u16>() & 0x0fff, rand::random::<u16>() & 0x3fff | 0x8000];
    let tail = rand::random::<u64>() & 0xffff_ffff_ffff;
    format!("019ab6ce-{:04x}-7{high:03x}-{low:04x}-{tail:012x}", number >> 8 & 0xffff)
}

#[cfg(test)]
mod tests {
    use domain::OrderRequestId;

    use super::*;

    #[test]
    fn every_request_has_an_id_of_its_own() {
        let ids: std::collections::HashSet<_> = (0..1_000)
            .map(|number| order_id(number).parse::<OrderRequestId>().unwrap().to_string())
            .collect();
        assert_eq!(ids.len(), 1_000);
    }
}
