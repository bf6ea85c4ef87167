//! What the task of a publishing connection keeps from one connection to the next.

use config::Rabbitmq;
use logging::Log;
use tokio::sync::{mpsc, watch};

use super::Request;
use super::connection::Purpose;
use super::size_limit::SizeLimit;
use super::state::State;

/// See the module.
pub(super) struct Context {
    pub(super) settings: Rabbitmq,
    pub(super) purpose: Purpose,
    /// The connection's name, for people who look at the broker.
    pub(super) name: String,
    pub(super) log: Log,
    /// What is to be published.
    pub(super) incoming: mpsc::Receiver<Request>,
    /// What publishers see of the connection.
    pub(super) state: watch::Sender<State>,
    pub(super) size_limit: SizeLimit,
}
