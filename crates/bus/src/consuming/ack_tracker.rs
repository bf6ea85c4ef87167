//! Tracks the settled delivery tags of a channel, to acknowledge many with one frame.

use std::collections::BTreeSet;

use amqprs::channel::{BasicAckArguments, BasicNackArguments, BasicPublishArguments};

use super::leased_delivery::{Settlement, Verdict};
use crate::session::{Session, SessionError, rpc};

/// A channel numbers its deliveries from 1.
#[derive(Default)]
pub(super) struct AckTracker {
    /// All tags up to this one are settled.
    all_up_to: u64,
    /// Settled tags above the first unsettled one.
    settled_beyond: BTreeSet<u64>,
    /// The channel is in transaction mode: nothing is settled before a commit.
    in_transactions: bool,
}

impl AckTracker {
    /// For a new channel.
    pub(super) async fn new(session: &Session, in_transactions: bool) -> Result<Self, SessionError> {
        if in_transactions {
            rpc("switching transactions on", session.channel.tx_select()).await?;
        }
        Ok(Self { in_transactions, ..Self::default() })
    }

    /// Sends the settlements to RabbitMQ, with one commit for all of them.
    pub(super) async fn settle(
        &mut self,
        session: &Session,
        mut settlements: Vec<Settlement>,
    ) -> Result<(), SessionError> {
        if settlements.is_empty() {
            return Ok(());
        }
        let channel = &session.channel;
        for mut copy in settlements.iter_mut().filter_map(|settlement| settlement.copy.take()) {
            session.sign(&mut copy.properties);
            let route = BasicPublishArguments::new(copy.exchange, &copy.routing_key);
            rpc("replacing a message", channel.basic_publish(copy.properties, copy.body, route)).await?;
        }
        let (done, others): (Vec<_>, Vec<_>) =
            settlements.iter().partition(|settlement| settlement.verdict == Verdict::Ack);
        // Nacks go first: a later `ack` with `multiple` would include their tags.
        for settlement in others {
            self.add(settlement.tag);
            let requeue = settlement.verdict == Verdict::Requeue;
            let nack = BasicNackArguments::new(settlement.tag, false, requeue);
            rpc("returning a message", channel.basic_nack(nack)).await?;
        }
        let (all_up_to, single) =
            self.acknowledge(done.into_iter().map(|settlement| settlement.tag).collect());
        for (tag, multiple) in
            all_up_to.map(|tag| (tag, true)).into_iter().chain(single.into_iter().map(|tag| (tag, false)))
        {
            rpc("acknowledging", channel.basic_ack(BasicAckArguments::new(tag, multiple))).await?;
        }
        if self.in_transactions {
            rpc("committing", channel.tx_commit()).await?;
        }
        Ok(())
    }

    /// Splits tags to acknowledge: the highest one that `multiple` may acknowledge, and those that
    /// need a frame each.
    fn acknowledge(&mut self, tags: BTreeSet<u64>) -> (Option<u64>, BTreeSet<u64>) {
        for tag in &tags {
            self.add(*tag);
        }
        let mut together = tags;
        let single = together.split_off(&(self.all_up_to + 1));
        (together.pop_last(), single)
    }

    fn add(&mut self, tag: u64) {
        self.settled_beyond.insert(tag);
        while self.settled_beyond.remove(&(self.all_up_to + 1)) {
            self.all_up_to += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_up_to_a_delivery_are_acknowledged_together_only_if_nothing_below_it_is_open() {
        let mut tracker = AckTracker::default();
        assert_eq!(tracker.acknowledge([1, 2, 4].into()), (Some(2), [4].into()));
        assert_eq!(tracker.acknowledge([6].into()), (None, [6].into()));
        // Tag 3 closes the gap below 4. Tag 5 may not have been handled yet.
        assert_eq!(tracker.acknowledge([3, 8].into()), (Some(3), [8].into()));
        assert_eq!(tracker.acknowledge([5, 7].into()), (Some(7), [].into()));
        assert_eq!(tracker.acknowledge([].into()), (None, [].into()));
    }

    #[test]
    fn what_was_returned_leaves_no_gap() {
        let mut tracker = AckTracker::default();
        tracker.add(1);
        assert_eq!(tracker.acknowledge([2, 3].into()), (Some(3), [].into()));
    }
}
