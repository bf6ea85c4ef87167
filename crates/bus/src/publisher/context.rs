//! What the task of a publishing connection keeps across reconnects.

use config::Rabbitmq;
use logging::Log;
use tokio::sync::{mpsc, watch};

use super::Request;
use super::connection::Purpose;
use super::rejections::Patience;
use super::size_limit::SizeLimit;
use super::state::State;

/// See the module.
pub(super) struct Context {
    pub(super) settings: Rabbitmq,
    pub(super) purpose: Purpose,
    /// The connection's name, as RabbitMQ lists it.
    pub(super) name: String,
    pub(super) log: Log,
    /// The messages to publish.
    pub(super) incoming: mpsc::Receiver<Request>,
    /// The connection's state, for the publishers.
    pub(super) state: watch::Sender<State>,
    pub(super) size_limit: SizeLimit,
    pub(super) patience: Patience,
}
