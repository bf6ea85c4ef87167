//! The permissions that the parts of the topology need.

use std::fmt;

use super::Needs;
use super::probe::Probe;
use crate::session::SessionError;
use crate::topology::{Exchange, NOTIFICATIONS_QUEUE, Queue};

/// A permission of RabbitMQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To declare.
    Configure,
    /// To publish to an exchange, to bind a queue.
    Write,
    /// To consume a queue, to bind to an exchange.
    Read,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read => "read",
        })
    }
}

type Missing = Vec<(Right, &'static str)>;

pub(super) async fn missing_on_exchange(
    probe: &mut Probe,
    exchange: &Exchange,
    publishes: bool,
) -> Result<Missing, SessionError> {
    let mut missing = Vec::new();
    if !probe.may_configure_exchange(exchange.name).await? {
        missing.push((Right::Configure, exchange.name));
    }
    // A subscriber does not publish.
    if publishes && !probe.may_publish(exchange.name).await? {
        missing.push((Right::Write, exchange.name));
    }
    Ok(missing)
}

pub(super) async fn missing_on_queue(
    probe: &mut Probe,
    queue: &Queue,
    needs: Needs,
) -> Result<Missing, SessionError> {
    let mut missing = Vec::new();
    if !probe.may_configure_queue(queue.name).await? {
        missing.push((Right::Configure, queue.name));
    }
    if let Some(refusal) = probe.may_bind(queue.name, queue.binding.0).await? {
        // One request needs two permissions. RabbitMQ names the first missing one.
        missing.push(if refusal.0.contains(&format!("'{}'", queue.name)) {
            (Right::Write, queue.name)
        } else {
            (Right::Read, queue.binding.0)
        });
    }
    // Only operators read dead letters.
    let reads = queue.holds_orders() || needs.notifications && queue.name == NOTIFICATIONS_QUEUE;
    if reads && !probe.may_consume(queue.name).await? {
        missing.push((Right::Read, queue.name));
    }
    Ok(missing)
}
