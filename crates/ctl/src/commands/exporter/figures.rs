//! From what was read to what is shown.

use bus::inspection::{Found, Queues};
use bus::topology::DEAD_LETTER_QUEUE;
use db::audit::{Audit, Invariant};
use db::system_figures::SystemFigures;
use domain::{OrderStatus, OrderType};
use telemetry::labels::{Label, Outbox, PriorityLevel, WorkerState};
use telemetry::metrics::{
    AUDIT_FINDINGS, DEAD_LETTERS, LAST_BACKUP, ORDERS_HELD, ORDERS_NOW, OUTBOX_OLDEST, OUTBOX_ROWS,
    QUEUE_MESSAGES, WAITING, WAITING_OLDEST, WORKERS,
};

/// In the order of `SystemFigures::outboxes`.
const OUTBOXES: [Outbox; 3] = [Outbox::Orders, Outbox::StatusUpdates, Outbox::Requests];

pub(super) fn show_database(figures: &SystemFigures) {
    for order_type in OrderType::ALL {
        for status in OrderStatus::ALL {
            let counted = figures.orders.iter();
            let these = counted.filter(|these| these.order_type == order_type && these.status == status);
            ORDERS_NOW.set((order_type, status), total(these.map(|these| these.count)));
        }
        let waiting = || figures.waiting.iter().filter(move |these| these.order_type == order_type);
        for level in PriorityLevel::ALL {
            let these = waiting().filter(|these| PriorityLevel::of(these.priority) == *level);
            WAITING.set((order_type, *level), total(these.map(|these| these.count)));
        }
        let oldest = waiting().map(|these| these.oldest).max().unwrap_or_default();
        WAITING_OLDEST.set(order_type, oldest.as_secs_f64());
        for (state, online) in [(WorkerState::Online, true), (WorkerState::Offline, false)] {
            let workers = figures.workers.iter();
            let cooks =
                workers.filter(|these| these.online == online && these.specialisation.cooks(order_type));
            WORKERS.set((order_type, state), total(cooks.map(|these| these.count)));
        }
    }
    for (outbox, found) in OUTBOXES.into_iter().zip(figures.outboxes) {
        OUTBOX_ROWS.set(outbox, found.rows);
        OUTBOX_OLDEST.set(outbox, found.oldest);
    }
    ORDERS_HELD.set((), figures.held);
    LAST_BACKUP.set((), figures.last_backup);
}

/// What `sum` makes of nothing is -0.0, and would be shown so.
fn total(counts: impl Iterator<Item = f64>) -> f64 {
    counts.fold(0.0, |total, count| total + count)
}

pub(super) fn forget_database() {
    ORDERS_NOW.forget();
    WAITING.forget();
    WAITING_OLDEST.forget();
    WORKERS.forget();
    OUTBOX_ROWS.forget();
    OUTBOX_OLDEST.forget();
    ORDERS_HELD.forget();
    LAST_BACKUP.forget();
    forget_audit();
}

/// A stream keeps its messages: their number says nothing.
pub(super) fn show_queues(queues: &Queues) {
    let depths = queues.0.iter().filter_map(|queue| Some((queue.name, queue.found.depth()?)));
    let waiting = depths.filter(|(_, depth)| depth.consumers.is_some());
    QUEUE_MESSAGES.replace(waiting.map(|(name, depth)| (name, f64::from(depth.messages))));
    DEAD_LETTERS.replace(dead_letters(queues).map(|dead| (DEAD_LETTER_QUEUE, dead)));
}

/// 0 without their queue. `None` if RabbitMQ does not tell: there may be some.
fn dead_letters(queues: &Queues) -> Option<f64> {
    match queues.found(DEAD_LETTER_QUEUE)? {
        Found::There(depth) => Some(f64::from(depth.messages)),
        Found::Absent => Some(0.0),
        Found::Untold(_) => None,
    }
}

pub(super) fn forget_queues() {
    QUEUE_MESSAGES.forget();
    DEAD_LETTERS.forget();
}

pub(super) fn show_audit(audit: &Audit) {
    let count = |invariant: Invariant| {
        let found = audit.findings.iter().filter(|finding| finding.invariant == invariant);
        total(found.map(|finding| f64::from(u32::try_from(finding.count).unwrap_or(u32::MAX))))
    };
    let checked = Invariant::ALL.into_iter().filter(|invariant| *invariant != Invariant::AtRest);
    AUDIT_FINDINGS.replace(checked.map(|invariant| (invariant.as_str(), count(invariant))));
}

pub(super) fn forget_audit() {
    AUDIT_FINDINGS.forget();
}

#[cfg(test)]
mod tests {
    use bus::inspection::{Depth, QueueDepth};

    use super::*;

    fn dead_letters_of(found: Found) -> Option<u64> {
        let queues = Queues(vec![QueueDepth { name: DEAD_LETTER_QUEUE, found }]);
        dead_letters(&queues).map(f64::to_bits)
    }

    /// Zero is a claim.
    #[test]
    fn dead_letters_that_rabbitmq_does_not_tell_are_not_shown_as_none() {
        let three = Found::There(Depth { messages: 3, consumers: Some(0) });
        assert_eq!(dead_letters_of(three), Some(3.0_f64.to_bits()));
        assert_eq!(dead_letters_of(Found::Absent), Some(0.0_f64.to_bits()));
        assert_eq!(dead_letters_of(Found::Untold("its node is down".to_owned())), None);
    }
}
