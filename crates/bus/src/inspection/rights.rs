//! The permissions that the parts of the topology need.

use std::fmt;

use super::Needs;
use super::probe::Probe;
use crate::session::SessionError;
use crate::topology::{DEFAULT_EXCHANGE, Exchange, NOTIFICATIONS_QUEUE, Queue};

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

/// RabbitMQ's name for the default exchange, as it stands in permissions.
const DEFAULT_EXCHANGE_NAME: &str = "amq.default";

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

/// Replies go to the default exchange.
pub(super) async fn missing_for_replies(probe: &mut Probe) -> Result<Missing, SessionError> {
    let may = probe.may_publish(DEFAULT_EXCHANGE).await?;
    Ok(if may { Vec::new() } else { vec![(Right::Write, DEFAULT_EXCHANGE_NAME)] })
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
    if let Some((exchange, _)) = queue.binding
        && let Some(refusal) = probe.may_bind(queue.name, exchange).await?
    {
        // One request needs two permissions. RabbitMQ names the first missing one.
        missing.push(if refusal.0.contains(&format!("'{}'", queue.name)) {
            (Right::Write, queue.name)
        } else {
            (Right::Read, exchange)
        });
    }
    // Only operators read dead letters.
    let reads = queue.holds_orders() || needs.notifications && queue.name == NOTIFICATIONS_QUEUE;
    if reads && !probe.may_consume(queue.name).await? {
        missing.push((Right::Read, queue.name));
    }
    Ok(missing)
}
