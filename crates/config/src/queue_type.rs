//! What kind of queue orders wait in.

use std::fmt;
use std::str::FromStr;

/// A type of RabbitMQ's queues, named as in `x-queue-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueType {
    /// On one node of the cluster, with priorities.
    #[default]
    Classic,
    /// On several nodes of the cluster: it is there as long as most of them are.
    Quorum,
}

impl FromStr for QueueType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = [Self::Classic, Self::Quorum];
        known.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl QueueType {
    /// RabbitMQ's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }
}

impl fmt::Display for QueueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
