//! All tickets of a manual worker, and who watches them.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bus::LinkState;
use db::kitchen_tickets::CookingTime;
use db::kitchen_tickets::of_worker::HeldTickets;
use domain::{OrderNumber, OrderStatus, WorkerName};
use time::OffsetDateTime;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, broadcast, oneshot};
use tokio::time::Instant;

use super::command::{Bump, Command, Reply};
use super::snapshot::{Change, CutOff, Snapshot};
use super::ticket::Ticket;

mod entry;
mod tickets;

pub(super) use self::entry::{Hold, NotOpened, TaskInbox};
use self::tickets::Tickets;

/// What was read longer ago is no proof that the board is true.
const FRESH: Duration = Duration::from_secs(3);

/// The tickets of this worker. Cheap to clone.
#[derive(Clone)]
pub struct Board(Arc<Inner>);

struct Inner {
    worker: WorkerName,
    /// Tells this board from that of another process of the worker.
    id: u32,
    state: Mutex<State>,
    /// Wakes the follower: a ticket is new.
    is_unread: Notify,
    /// Wakes whoever waits until an order is no longer in flight.
    closed: Notify,
    /// The connection over which orders come. There is none until the worker is registered.
    link: OnceLock<LinkState>,
}

struct State {
    tickets: Tickets,
    /// The database's time at the last look, and when that was.
    read: Option<(OffsetDateTime, Instant)>,
    /// The database's time at the last look at which orders could come in.
    proof: Option<OffsetDateTime>,
    cooking_times: Vec<CookingTime>,
}

impl Board {
    /// An empty board.
    pub fn new(worker: WorkerName) -> Self {
        let tickets = Tickets::new(worker.clone());
        Self(Arc::new(Inner {
            worker,
            id: rand::random(),
            state: Mutex::new(State { tickets, read: None, proof: None, cooking_times: Vec::new() }),
            is_unread: Notify::new(),
            closed: Notify::new(),
            link: OnceLock::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose board it is.
    pub fn worker(&self) -> &WorkerName {
        &self.0.worker
    }

    /// Orders come over this connection.
    pub fn registered(&self, link: LinkState) {
        // A worker registers once.
        let _ = self.0.link.set(link);
    }

    /// An order is in flight: its ticket is shown as soon as the database has told of it.
    pub(super) fn open(&self, number: OrderNumber) -> TaskInbox {
        let inbox = self.lock().tickets.add(number).open();
        self.0.is_unread.notify_one();
        inbox
    }

    /// As [`Board::open`], for an order that this worker has made ready, to recall it. `stored`:
    /// its ticket as the database has it, if it may not be on the board.
    ///
    /// # Errors
    /// It cannot be opened now.
    pub(super) fn open_again(
        &self,
        number: OrderNumber,
        stored: Option<Ticket>,
    ) -> Result<TaskInbox, NotOpened> {
        self.lock().tickets.open_again(number, stored)
    }

    /// Waits until any order is no longer in flight. It counts from the call on.
    pub(super) fn closed(&self) -> Notified<'_> {
        self.0.closed.notified()
    }

    /// The order is no longer in flight. Its ticket stays if it can be recalled, or was cancelled.
    pub(super) fn close(&self, number: OrderNumber, inbox: &TaskInbox) {
        let mut state = self.lock();
        let read = state.read.map(|(time, _)| time);
        let is_closed = state.tickets.close(number, inbox, read);
        drop(state);
        if is_closed {
            self.0.closed.notify_waiters();
        }
    }

    /// Shows orders that this worker finished before it was started again.
    pub(super) fn remember(&self, numbers: &[OrderNumber]) {
        let mut state = self.lock();
        for number in numbers {
            state.tickets.add(*number);
        }
    }

    /// Changes a ticket as the database has just been changed, and shows it.
    pub(super) fn change(&self, number: OrderNumber, hold: Hold, change: impl FnOnce(&mut Ticket)) {
        self.lock().tickets.change(number, hold, change);
    }

    /// Ticks a line off, or on again. The ticket; `None` if there is no such line.
    pub fn tick(&self, number: OrderNumber, line: usize, is_done: bool) -> Option<Ticket> {
        self.lock().tickets.tick(number, line, is_done)
    }

    /// Asks for a step of an order in flight. `None` if it is not in flight, or too many ask.
    pub(super) fn ask(
        &self,
        number: OrderNumber,
        bump: Bump,
        seen: OrderStatus,
    ) -> Option<oneshot::Receiver<()>> {
        let (reply, answer) = Reply::new();
        let state = self.lock();
        let task = state.tickets.entry(number)?.task.as_ref()?;
        task.commands.try_send(Command { bump, seen, reply }).ok()?;
        Some(answer)
    }

    /// The ticket of this number.
    pub fn ticket(&self, number: OrderNumber) -> Option<Ticket> {
        self.lock().tickets.entry(number)?.ticket.clone()
    }

    /// Whether the database says that there is nothing to cook. It is said once for each look.
    pub(super) fn takes_over(&self, number: OrderNumber) -> bool {
        self.lock().tickets.takes_over(number)
    }

    /// All changes from now on, and what was before.
    pub fn join(&self) -> (broadcast::Receiver<Change>, Snapshot) {
        let state = self.lock();
        (state.tickets.subscribe(), self.snapshot_of(&state))
    }

    /// The board now.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_of(&self.lock())
    }

    /// Now, by the database's clock, if the board is true; else why it may not be.
    ///
    /// # Errors
    /// A server does not answer.
    pub fn proof(&self) -> Result<OffsetDateTime, CutOff> {
        let state = self.lock();
        match (self.cut_off(&state), now(&state)) {
            (None, Some(now)) => Ok(now),
            (cut_off, _) => Err(cut_off.unwrap_or(CutOff { cause: "database", since: state.proof })),
        }
    }

    fn snapshot_of(&self, state: &State) -> Snapshot {
        Snapshot {
            worker: self.0.worker.clone(),
            board: self.0.id,
            revision: state.tickets.revision(),
            as_of: now(state),
            tickets: state.tickets.known(),
            cooking_times: state.cooking_times.clone(),
            cut_off: self.cut_off(state),
        }
    }

    fn cut_off(&self, state: &State) -> Option<CutOff> {
        let is_fresh = state.read.is_some_and(|(_, at)| at.elapsed() < FRESH);
        let cause = match (is_fresh, self.can_receive()) {
            (false, _) => "database",
            (true, false) => "broker",
            (true, true) => return None,
        };
        Some(CutOff { cause, since: state.proof })
    }

    fn can_receive(&self) -> bool {
        self.0.link.get().is_some_and(LinkState::is_up)
    }

    /// Waits until a ticket is new.
    pub(super) async fn unread(&self) {
        self.0.is_unread.notified().await;
    }

    /// What the database is to be asked about, and how it stands here.
    pub(super) fn to_read(&self) -> Vec<(OrderNumber, u64)> {
        self.lock().tickets.to_read()
    }

    /// Takes over what the database says about these tickets.
    pub(super) fn read(&self, asked: &[(OrderNumber, u64)], rows: HeldTickets) {
        let mut state = self.lock();
        state.read = Some((rows.as_of, Instant::now()));
        if self.can_receive() {
            state.proof = Some(rows.as_of);
        }
        state.tickets.read(asked, rows);
    }

    /// Takes over how long orders cooked.
    pub(super) fn read_times(&self, cooking_times: Vec<CookingTime>) {
        self.lock().cooking_times = cooking_times;
    }
}

/// The time of the last look, and what has passed since.
fn now(state: &State) -> Option<OffsetDateTime> {
    state.read.map(|(time, at)| time + at.elapsed())
}
