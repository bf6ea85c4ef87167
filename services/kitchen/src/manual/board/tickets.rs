//! The tickets of the board, when each of them goes, and what displays are told of it.

use std::collections::HashMap;
use std::time::Duration;

use db::kitchen_tickets::of_worker::{HeldTicket, HeldTickets};
use domain::order_status::RECALL_WINDOW;
use domain::{OrderNumber, OrderStatus, WorkerName};
use time::OffsetDateTime;
use tokio::sync::broadcast;

use super::entry::{Entry, Hold, NotOpened, TaskInbox};
use crate::manual::snapshot::Change;
use crate::manual::ticket::Ticket;

/// How long a cancelled ticket is kept for displays that are opened later.
const CANCELLED_FOR: Duration = Duration::from_mins(10);
/// The most tickets that are kept after their orders have left the worker.
const MOST_PAST: usize = 500;
/// Changes that a display may lag behind before its stream is cut.
const MOST_UNSEEN: usize = 1_024;

/// All tickets of a worker.
pub(super) struct Tickets {
    worker: WorkerName,
    entries: HashMap<OrderNumber, Entry>,
    /// Grows with each change that displays are told. They drop what is older than what they show.
    revision: u64,
    changes: broadcast::Sender<Change>,
}

impl Tickets {
    pub fn new(worker: WorkerName) -> Self {
        Self { worker, entries: HashMap::new(), revision: 0, changes: broadcast::Sender::new(MOST_UNSEEN) }
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// The tickets that the database has told of, in no sequence.
    pub fn known(&self) -> Vec<Ticket> {
        self.entries.values().filter_map(|entry| entry.ticket.clone()).collect()
    }

    pub fn entry(&self, number: OrderNumber) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// Puts an order on the board. Its ticket is shown once the database has told of it.
    pub fn add(&mut self, number: OrderNumber) -> &mut Entry {
        self.entries.entry(number).or_default()
    }

    /// An order that this worker has made ready is in flight again.
    pub fn open_again(
        &mut self,
        number: OrderNumber,
        stored: Option<Ticket>,
    ) -> Result<TaskInbox, NotOpened> {
        if stored.is_some() {
            let entry = self.add(number);
            entry.ticket = entry.ticket.take().or(stored);
        }
        let entry = self.entries.get_mut(&number).ok_or(NotOpened::NotHere)?;
        let is_ready = entry.ticket.as_ref().is_some_and(|ticket| ticket.status == OrderStatus::RECALL.0);
        match &entry.task {
            Some(_) if entry.is_finished => Err(NotOpened::Finishing),
            Some(_) => Err(NotOpened::InFlight),
            None if is_ready => Ok(entry.open()),
            None => Err(NotOpened::NotReady),
        }
    }

    /// An order is no longer in flight. `now`: the database's time, if known. Whether the inbox was
    /// that of the order.
    pub fn close(&mut self, number: OrderNumber, inbox: &TaskInbox, now: Option<OffsetDateTime>) -> bool {
        let Some(entry) = self.entries.get_mut(&number).filter(|entry| entry.is_task_of(inbox)) else {
            return false;
        };
        *entry = Entry { ticket: entry.ticket.take(), version: entry.version + 1, ..Entry::default() };
        self.prune(number, now);
        true
    }

    pub fn change(&mut self, number: OrderNumber, hold: Hold, change: impl FnOnce(&mut Ticket)) {
        let Self { entries, revision, changes, .. } = self;
        let Some(entry) = entries.get_mut(&number) else { return };
        entry.version += 1;
        entry.is_ours = hold == Hold::Ours;
        entry.is_finished = hold == Hold::Finished;
        if let Some(ticket) = &mut entry.ticket {
            ticket.is_ours = entry.is_ours;
            change(ticket);
            tell_ticket(changes, revision, ticket);
        }
    }

    pub fn tick(&mut self, number: OrderNumber, line: usize, is_done: bool) -> Option<Ticket> {
        let Self { entries, revision, changes, .. } = self;
        let ticket = entries.get_mut(&number)?.ticket.as_mut()?;
        if line >= ticket.held.ticket.items.len() || !ticket.is_open() {
            return None;
        }
        let is_new = if is_done { ticket.ticked.insert(line) } else { ticket.ticked.remove(&line) };
        if is_new {
            tell_ticket(changes, revision, ticket);
        }
        Some(ticket.clone())
    }

    pub fn takes_over(&mut self, number: OrderNumber) -> bool {
        self.entries.get_mut(&number).is_some_and(|entry| std::mem::take(&mut entry.is_over))
    }

    pub fn to_read(&self) -> Vec<(OrderNumber, u64)> {
        self.entries.iter().map(|(number, entry)| (*number, entry.version)).collect()
    }

    pub fn read(&mut self, asked: &[(OrderNumber, u64)], rows: HeldTickets) {
        let as_of = rows.as_of;
        let mut found: HashMap<OrderNumber, HeldTicket> =
            rows.tickets.into_iter().filter_map(|row| Some((row.ticket.number.parse().ok()?, row))).collect();
        for (number, version) in asked {
            let Self { entries, revision, changes, .. } = self;
            let Some(entry) = entries.get_mut(number).filter(|entry| entry.version == *version) else {
                continue;
            };
            let ticket = found.remove(number).and_then(|row| Ticket::of(*number, row));
            if let Some(ticket) = entry.read(ticket) {
                tell_ticket(changes, revision, ticket);
            }
            self.prune(*number, Some(as_of));
        }
        self.limit_past();
    }

    /// Removes a ticket that nothing more can be done with.
    fn prune(&mut self, number: OrderNumber, now: Option<OffsetDateTime>) {
        let Some(entry) = self.entries.get(&number).filter(|entry| entry.task.is_none()) else { return };
        let is_kept = entry.ticket.as_ref().is_some_and(|ticket| {
            let row = &ticket.held.ticket;
            let is_within = |window: Duration| now.is_none_or(|now| now < row.updated_at + window);
            match ticket.status {
                OrderStatus::Ready => {
                    row.processed_by.as_deref() == Some(self.worker.as_str()) && is_within(RECALL_WINDOW)
                }
                OrderStatus::Cancelled => is_within(CANCELLED_FOR),
                OrderStatus::Received | OrderStatus::Cooking | OrderStatus::Completed => false,
            }
        });
        if !is_kept {
            self.remove(number);
        }
    }

    /// Removes the oldest of too many tickets whose orders have left the worker.
    fn limit_past(&mut self) {
        let past = self.entries.iter().filter(|(_, entry)| entry.task.is_none());
        let mut past: Vec<(Option<OffsetDateTime>, OrderNumber)> = past
            .map(|(number, entry)| {
                (entry.ticket.as_ref().map(|ticket| ticket.held.ticket.updated_at), *number)
            })
            .collect();
        let beyond = past.len().saturating_sub(MOST_PAST);
        past.sort_unstable();
        for (_, number) in past.into_iter().take(beyond) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: OrderNumber) {
        self.entries.remove(&number);
        self.revision += 1;
        tell(&self.changes, Change::Gone { number, revision: self.revision });
    }
}

fn tell_ticket(changes: &broadcast::Sender<Change>, revision: &mut u64, ticket: &mut Ticket) {
    *revision += 1;
    ticket.revision = *revision;
    tell(changes, Change::Ticket(Box::new(ticket.clone())));
}

fn tell(changes: &broadcast::Sender<Change>, change: Change) {
    // Perhaps nobody watches.
    let _ = changes.send(change);
}

#[cfg(test)]
mod tests {
    use db::kitchen_tickets::Ticket as Row;

    use super::*;

    fn number() -> OrderNumber {
        "ORD_20261130_001".parse().unwrap()
    }

    /// A ticket that `chef_anna` has made ready.
    fn ready() -> Ticket {
        let at = OffsetDateTime::UNIX_EPOCH;
        let ticket = Row {
            number: number().to_string(),
            order_type: "takeout".to_owned(),
            status: "ready".to_owned(),
            priority: 1,
            customer_name: "Jane Doe".to_owned(),
            table_number: None,
            processed_by: Some("chef_anna".to_owned()),
            created_at: at,
            updated_at: at,
            items: vec![("Pho bo".to_owned(), 2)],
        };
        let held = HeldTicket {
            ticket,
            changed_by: Some("chef_anna".to_owned()),
            status_before: Some("cooking".to_owned()),
            estimated_completion: None,
            is_recalled: false,
        };
        Ticket::of(number(), held).unwrap()
    }

    fn why(opened: Result<TaskInbox, NotOpened>) -> Option<NotOpened> {
        opened.err()
    }

    #[test]
    fn a_ticket_is_opened_again_once_its_task_has_let_it_go() {
        let mut tickets = Tickets::new("chef_anna".parse().unwrap());
        assert_eq!(why(tickets.open_again(number(), None)), Some(NotOpened::NotHere));
        let recalling = tickets.open_again(number(), Some(ready())).unwrap();
        assert_eq!(why(tickets.open_again(number(), None)), Some(NotOpened::InFlight));
        tickets.change(number(), Hold::Ours, |ticket| ticket.status = OrderStatus::Cooking);
        assert_eq!(why(tickets.open_again(number(), Some(ready()))), Some(NotOpened::InFlight));
        tickets.change(number(), Hold::Finished, |ticket| ticket.status = OrderStatus::Ready);
        assert_eq!(why(tickets.open_again(number(), None)), Some(NotOpened::Finishing));
        assert!(tickets.close(number(), &recalling, None), "who waits is woken");
        assert!(!tickets.close(number(), &recalling, None), "it is closed once");
        assert!(tickets.open_again(number(), None).is_ok());
    }

    #[test]
    fn each_change_has_the_next_revision() {
        let mut tickets = Tickets::new("chef_anna".parse().unwrap());
        let (mut changes, before) = (tickets.subscribe(), tickets.revision());
        let inbox = tickets.open_again(number(), Some(ready())).unwrap();
        tickets.change(number(), Hold::Ours, |ticket| ticket.status = OrderStatus::Cooking);
        tickets.tick(number(), 0, true).unwrap();
        tickets.close(number(), &inbox, None);
        let mut revisions = vec![before];
        while let Ok(change) = changes.try_recv() {
            revisions.push(match change {
                Change::Ticket(ticket) => ticket.revision,
                Change::Gone { revision, .. } => revision,
            });
        }
        assert_eq!(revisions, [0, 1, 2, 3]);
        assert_eq!(tickets.revision(), 3);
    }
}
