//! Queues that reject every message of a connection.
//!
//! A quorum queue rejects what it cannot take, for example while it is full. A channel of RabbitMQ
//! 3.10 also rejects if it publishes to the queue for the first time while the node of its leader
//! is away. It goes on asking that node, and rejects for as long as the node is away, although
//! there is a new leader. A new channel asks the new one. From here both cases look the same. So
//! another connection is tried, and less often the longer that does not help.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long a queue may reject everything at first, until another connection is tried.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause between two connections for this reason.
const LONGEST: Duration = Duration::from_mins(1);

/// By routing key: since when nothing was confirmed and something was rejected.
#[derive(Default)]
pub(super) struct Rejections(BTreeMap<String, Instant>);

impl Rejections {
    /// A message with this routing key was rejected.
    pub(super) fn rejected(&mut self, routing_key: &str, now: Instant) {
        if !self.0.contains_key(routing_key) {
            self.0.insert(routing_key.to_owned(), now);
        }
    }

    /// A message with this routing key was confirmed.
    pub(super) fn confirmed(&mut self, routing_key: &str) {
        if !self.0.is_empty() {
            self.0.remove(routing_key);
        }
    }

    /// The routing key that is rejected for longest, and since when.
    pub(super) fn longest(&self) -> Option<(&str, Instant)> {
        let all = self.0.iter().map(|(routing_key, since)| (routing_key.as_str(), *since));
        all.min_by_key(|(_, since)| *since)
    }
}

/// How long a queue may reject everything until another connection is tried. Kept across
/// connections.
pub(super) struct Patience(Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Patience {
    /// Whether it is over: `since` then a queue has rejected everything, on a connection that has
    /// `begun` then. Of one that worked for long nothing is known yet.
    pub(super) fn is_over(&mut self, begun: Instant, since: Instant, now: Instant) -> bool {
        if since.duration_since(begun) > LONGEST {
            self.0 = FIRST;
        }
        now.duration_since(since) >= self.0
    }

    /// Another connection is tried.
    pub(super) fn lengthen(&mut self) {
        self.0 = (self.0 * 2).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rejected_for_longest_counts_until_something_is_confirmed() {
        let (start, mut rejections) = (Instant::now(), Rejections::default());
        let later = start + FIRST;
        rejections.rejected("a", start);
        rejections.rejected("b", later);
        rejections.rejected("a", later);
        assert_eq!(rejections.longest(), Some(("a", start)));
        rejections.confirmed("a");
        assert_eq!(rejections.longest(), Some(("b", later)));
        rejections.confirmed("b");
        assert_eq!(rejections.longest(), None);
    }

    #[test]
    fn a_queue_that_stays_full_costs_few_connections_and_a_later_fault_is_mended_soon() {
        let (start, mut patience) = (Instant::now(), Patience::default());
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let pause = (0..100)
                .map(Duration::from_secs)
                .find(|pause| patience.is_over(start, start, start + *pause));
            pauses.extend(pause.map(|pause| pause.as_secs()));
            patience.lengthen();
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
        let long_after = start + LONGEST * 2;
        assert!(!patience.is_over(start, long_after, long_after));
        assert!(patience.is_over(start, long_after, long_after + FIRST));
    }
}
