//! One order on the board: its ticket, and the task that has it in flight.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use crate::manual::command::{Command, MOST_WAITING};
use crate::manual::ticket::Ticket;

/// What the board knows of an order.
#[derive(Default)]
pub(super) struct Entry {
    /// `None` until the database has told.
    pub ticket: Option<Ticket>,
    /// The way to the task that has the order in flight.
    pub task: Option<TaskHandle>,
    pub is_ours: bool,
    /// It was made ready here, and its task is about to end.
    pub is_finished: bool,
    /// The database says that there is nothing to cook: the claim is to find out why.
    pub is_over: bool,
    /// Grows with each change that is made here. A look that began before it tells the past.
    pub version: u64,
}

/// The way to a task that has an order in flight.
pub(super) struct TaskHandle {
    pub commands: mpsc::Sender<Command>,
    pub is_over: Arc<Notify>,
}

/// The other end of a [`TaskHandle`].
pub(in crate::manual) struct TaskInbox {
    /// What people ask.
    pub commands: mpsc::Receiver<Command>,
    /// Woken when the database says that there is nothing to cook.
    pub is_over: Arc<Notify>,
}

impl Entry {
    /// The order is in flight from now on.
    pub(in crate::manual) fn open(&mut self) -> TaskInbox {
        let (sender, commands) = mpsc::channel(MOST_WAITING);
        let is_over = Arc::new(Notify::new());
        self.task = Some(TaskHandle { commands: sender, is_over: Arc::clone(&is_over) });
        self.is_finished = false;
        self.version += 1;
        TaskInbox { commands, is_over }
    }

    /// Whether the order is in flight at the task of this inbox.
    pub fn is_task_of(&self, inbox: &TaskInbox) -> bool {
        self.task.as_ref().is_some_and(|task| Arc::ptr_eq(&task.is_over, &inbox.is_over))
    }

    /// Takes over the ticket that the database has, `None` if it has none. The ticket, if it is not
    /// as it was.
    pub fn read(&mut self, ticket: Option<Ticket>) -> Option<&mut Ticket> {
        self.is_over =
            self.task.is_some() && !self.is_ours && ticket.as_ref().is_none_or(|ticket| !ticket.is_open());
        if let (true, Some(task)) = (self.is_over, &self.task) {
            task.is_over.notify_one();
        }
        let known = self.ticket.take();
        self.ticket = ticket.map(|ticket| Ticket {
            is_ours: self.is_ours,
            ticked: known.as_ref().map(|known| known.ticked.clone()).unwrap_or_default(),
            revision: known.as_ref().map(|known| known.revision).unwrap_or_default(),
            ..ticket
        });
        self.ticket.as_mut().filter(|ticket| known.as_ref() != Some(&**ticket))
    }
}

/// Why the ticket of an order cannot be opened to recall it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::manual) enum NotOpened {
    /// It is not on the board.
    NotHere,
    /// Whoever made it ready is about to let it go.
    Finishing,
    /// It is in flight: perhaps somebody recalls it just now.
    InFlight,
    /// It is not ready.
    NotReady,
}

/// Who has an order after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::manual) enum Hold {
    /// This worker has claimed it.
    Ours,
    /// This worker has no claim on it.
    NotOurs,
    /// This worker has made it ready, and is about to let it go.
    Finished,
}
