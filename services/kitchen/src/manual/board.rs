//! All tickets of a manual worker, and who watches them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bus::LinkState;
use db::kitchen_tickets::CookingTime;
use db::kitchen_tickets::of_worker::{HeldTicket, HeldTickets};
use domain::order_status::RECALL_WINDOW;
use domain::{OrderNumber, OrderStatus, WorkerName};
use time::OffsetDateTime;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio::time::Instant;

use super::command::{Bump, Command, MOST_WAITING, Reply};
use super::snapshot::{Change, CutOff, Snapshot};
use super::ticket::Ticket;

/// How long a cancelled ticket is kept for displays that are opened later.
const CANCELLED_FOR: Duration = Duration::from_mins(10);
/// The most tickets that are kept after their orders have left the worker.
const MOST_PAST: usize = 500;
/// Changes that a display may lag behind before its stream is cut.
const MOST_UNSEEN: usize = 1_024;
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
    changes: broadcast::Sender<Change>,
    /// Wakes the follower: a ticket is new.
    is_unread: Notify,
    /// Wakes whoever waits until an order is no longer in flight.
    closed: Notify,
    /// The connection over which orders come. There is none until the worker is registered.
    link: OnceLock<LinkState>,
}

#[derive(Default)]
struct State {
    entries: HashMap<OrderNumber, Entry>,
    /// Grows with each change that displays are told. They drop what is older than what they show.
    revision: u64,
    /// The database's time at the last look, and when that was.
    read: Option<(OffsetDateTime, Instant)>,
    /// The database's time at the last look at which orders could come in.
    proof: Option<OffsetDateTime>,
    cooking_times: Vec<CookingTime>,
}

#[derive(Default)]
struct Entry {
    /// `None` until the database has told.
    ticket: Option<Ticket>,
    /// The way to the task that has the order in flight.
    task: Option<TaskHandle>,
    is_ours: bool,
    /// It was made ready here, and its task is about to end.
    is_finished: bool,
    /// The database says that there is nothing to cook: the claim is to find out why.
    is_over: bool,
    /// Grows with each change that is made here. A look that began before it tells the past.
    version: u64,
}

struct TaskHandle {
    commands: mpsc::Sender<Command>,
    is_over: Arc<Notify>,
}

/// The other end of a [`TaskHandle`].
pub(super) struct TaskInbox {
    /// What people ask.
    pub commands: mpsc::Receiver<Command>,
    /// Woken when the database says that there is nothing to cook.
    pub is_over: Arc<Notify>,
}

impl Entry {
    fn open(&mut self) -> TaskInbox {
        let (sender, commands) = mpsc::channel(MOST_WAITING);
        let is_over = Arc::new(Notify::new());
        self.task = Some(TaskHandle { commands: sender, is_over: Arc::clone(&is_over) });
        self.is_finished = false;
        self.version += 1;
        TaskInbox { commands, is_over }
    }
}

/// Why the ticket of an order cannot be opened to recall it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOpened {
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
pub(super) enum Hold {
    /// This worker has claimed it.
    Ours,
    /// This worker has no claim on it.
    NotOurs,
    /// This worker has made it ready, and is about to let it go.
    Finished,
}

impl Board {
    /// An empty board.
    pub fn new(worker: WorkerName) -> Self {
        Self(Arc::new(Inner {
            worker,
            id: rand::random(),
            state: Mutex::default(),
            changes: broadcast::Sender::new(MOST_UNSEEN),
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
        let mut state = self.lock();
        let inbox = state.entries.entry(number).or_default().open();
        drop(state);
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
        let mut state = self.lock();
        if stored.is_some() {
            let entry = state.entries.entry(number).or_default();
            entry.ticket = entry.ticket.take().or(stored);
        }
        let entry = state.entries.get_mut(&number).ok_or(NotOpened::NotHere)?;
        let is_ready = entry.ticket.as_ref().is_some_and(|ticket| ticket.status == OrderStatus::RECALL.0);
        match &entry.task {
            Some(_) if entry.is_finished => Err(NotOpened::Finishing),
            Some(_) => Err(NotOpened::InFlight),
            None if is_ready => Ok(entry.open()),
            None => Err(NotOpened::NotReady),
        }
    }

    /// Waits until any order is no longer in flight. It counts from the call on.
    pub(super) fn closed(&self) -> Notified<'_> {
        self.0.closed.notified()
    }

    /// The order is no longer in flight. Its ticket stays if it can be recalled, or was cancelled.
    pub(super) fn close(&self, number: OrderNumber, inbox: &TaskInbox) {
        let mut state = self.lock();
        let Some(entry) = state.entries.get_mut(&number) else { return };
        if !entry.task.as_ref().is_some_and(|task| Arc::ptr_eq(&task.is_over, &inbox.is_over)) {
            return;
        }
        entry.task = None;
        entry.is_ours = false;
        entry.is_over = false;
        entry.version += 1;
        entry.is_finished = false;
        let read = state.read.map(|(time, _)| time);
        self.prune(&mut state, number, read);
        drop(state);
        self.0.closed.notify_waiters();
    }

    /// Shows orders that this worker finished before it was started again.
    pub(super) fn remember(&self, numbers: &[OrderNumber]) {
        let mut state = self.lock();
        for number in numbers {
            state.entries.entry(*number).or_default();
        }
    }

    /// Changes a ticket as the database has just been changed, and shows it.
    pub(super) fn change(&self, number: OrderNumber, hold: Hold, change: impl FnOnce(&mut Ticket)) {
        let mut state = self.lock();
        let State { entries, revision, .. } = &mut *state;
        let Some(entry) = entries.get_mut(&number) else { return };
        entry.version += 1;
        entry.is_ours = hold == Hold::Ours;
        entry.is_finished = hold == Hold::Finished;
        if let Some(ticket) = &mut entry.ticket {
            ticket.is_ours = entry.is_ours;
            change(ticket);
            self.tell_ticket(revision, ticket);
        }
    }

    /// Ticks a line off, or on again. The ticket; `None` if there is no such line.
    pub fn tick(&self, number: OrderNumber, line: usize, is_done: bool) -> Option<Ticket> {
        let mut state = self.lock();
        let State { entries, revision, .. } = &mut *state;
        let ticket = entries.get_mut(&number)?.ticket.as_mut()?;
        if line >= ticket.held.ticket.items.len() || !ticket.is_open() {
            return None;
        }
        let is_new = if is_done { ticket.ticked.insert(line) } else { ticket.ticked.remove(&line) };
        if is_new {
            self.tell_ticket(revision, ticket);
        }
        Some(ticket.clone())
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
        let task = state.entries.get(&number)?.task.as_ref()?;
        task.commands.try_send(Command { bump, seen, reply }).ok()?;
        Some(answer)
    }

    /// The ticket of this number.
    pub fn ticket(&self, number: OrderNumber) -> Option<Ticket> {
        self.lock().entries.get(&number)?.ticket.clone()
    }

    /// Whether the database says that there is nothing to cook. It is said once for each look.
    pub(super) fn takes_over(&self, number: OrderNumber) -> bool {
        let mut state = self.lock();
        state.entries.get_mut(&number).is_some_and(|entry| std::mem::take(&mut entry.is_over))
    }

    /// All changes from now on, and what was before.
    pub fn join(&self) -> (broadcast::Receiver<Change>, Snapshot) {
        let state = self.lock();
        (self.0.changes.subscribe(), self.snapshot_of(&state))
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
            revision: state.revision,
            as_of: now(state),
            tickets: state.entries.values().filter_map(|entry| entry.ticket.clone()).collect(),
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
        self.lock().entries.iter().map(|(number, entry)| (*number, entry.version)).collect()
    }

    /// Takes over what the database says about these tickets.
    pub(super) fn read(&self, asked: &[(OrderNumber, u64)], rows: HeldTickets) {
        let as_of = rows.as_of;
        let mut found: HashMap<OrderNumber, HeldTicket> =
            rows.tickets.into_iter().filter_map(|row| Some((row.ticket.number.parse().ok()?, row))).collect();
        let mut state = self.lock();
        state.read = Some((as_of, Instant::now()));
        if self.can_receive() {
            state.proof = Some(as_of);
        }
        for (number, version) in asked {
            let State { entries, revision, .. } = &mut *state;
            let Some(entry) = entries.get_mut(number).filter(|entry| entry.version == *version) else {
                continue;
            };
            let ticket = found.remove(number).and_then(|row| Ticket::of(*number, row));
            entry.is_over = entry.task.is_some()
                && !entry.is_ours
                && ticket.as_ref().is_none_or(|ticket| !ticket.is_open());
            if let (true, Some(task)) = (entry.is_over, &entry.task) {
                task.is_over.notify_one();
            }
            let known = entry.ticket.take();
            entry.ticket = ticket.map(|ticket| Ticket {
                is_ours: entry.is_ours,
                ticked: known.as_ref().map(|known| known.ticked.clone()).unwrap_or_default(),
                revision: known.as_ref().map(|known| known.revision).unwrap_or_default(),
                ..ticket
            });
            if let Some(ticket) = entry.ticket.as_mut().filter(|ticket| known.as_ref() != Some(&**ticket)) {
                self.tell_ticket(revision, ticket);
            }
            self.prune(&mut state, *number, Some(as_of));
        }
        self.limit_past(&mut state);
    }

    /// Takes over how long orders cooked.
    pub(super) fn read_times(&self, cooking_times: Vec<CookingTime>) {
        self.lock().cooking_times = cooking_times;
    }

    /// Removes a ticket that nothing more can be done with.
    fn prune(&self, state: &mut State, number: OrderNumber, now: Option<OffsetDateTime>) {
        let Some(entry) = state.entries.get(&number).filter(|entry| entry.task.is_none()) else { return };
        let is_kept = entry.ticket.as_ref().is_some_and(|ticket| {
            let is_within =
                |window: Duration| now.is_none_or(|now| now < ticket.held.ticket.updated_at + window);
            match ticket.status {
                OrderStatus::Ready => {
                    ticket.held.ticket.processed_by.as_deref() == Some(self.0.worker.as_str())
                        && is_within(RECALL_WINDOW)
                }
                OrderStatus::Cancelled => is_within(CANCELLED_FOR),
                OrderStatus::Received | OrderStatus::Cooking | OrderStatus::Completed => false,
            }
        });
        if !is_kept {
            state.entries.remove(&number);
            self.tell_gone(state, number);
        }
    }

    fn limit_past(&self, state: &mut State) {
        let past = state.entries.iter().filter(|(_, entry)| entry.task.is_none());
        let mut past: Vec<(Option<OffsetDateTime>, OrderNumber)> = past
            .map(|(number, entry)| {
                (entry.ticket.as_ref().map(|ticket| ticket.held.ticket.updated_at), *number)
            })
            .collect();
        let beyond = past.len().saturating_sub(MOST_PAST);
        past.sort_unstable();
        for (_, number) in past.into_iter().take(beyond) {
            state.entries.remove(&number);
            self.tell_gone(state, number);
        }
    }

    fn tell_ticket(&self, revision: &mut u64, ticket: &mut Ticket) {
        *revision += 1;
        ticket.revision = *revision;
        self.tell(Change::Ticket(Box::new(ticket.clone())));
    }

    fn tell_gone(&self, state: &mut State, number: OrderNumber) {
        state.revision += 1;
        self.tell(Change::Gone { number, revision: state.revision });
    }

    /// The state is locked, so that changes come in the sequence of their revisions.
    fn tell(&self, change: Change) {
        // Perhaps nobody watches.
        let _ = self.0.changes.send(change);
    }
}

/// The time of the last look, and what has passed since.
fn now(state: &State) -> Option<OffsetDateTime> {
    state.read.map(|(time, at)| time + at.elapsed())
}

#[cfg(test)]
mod tests {
    use db::kitchen_tickets::Ticket as Row;

    use super::*;

    fn number() -> OrderNumber {
        "ORD_20261130_001".parse().unwrap()
    }

    /// A ticket that chef_anna has made ready.
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
        let board = Board::new("chef_anna".parse().unwrap());
        assert_eq!(why(board.open_again(number(), None)), Some(NotOpened::NotHere));
        let recalling = board.open_again(number(), Some(ready())).unwrap();
        assert_eq!(why(board.open_again(number(), None)), Some(NotOpened::InFlight));
        board.change(number(), Hold::Ours, |ticket| ticket.status = OrderStatus::Cooking);
        assert_eq!(why(board.open_again(number(), Some(ready()))), Some(NotOpened::InFlight));
        board.change(number(), Hold::Finished, |ticket| ticket.status = OrderStatus::Ready);
        assert_eq!(why(board.open_again(number(), None)), Some(NotOpened::Finishing));
        let closed = board.closed();
        board.close(number(), &recalling);
        assert!(futures_util::FutureExt::now_or_never(closed).is_some(), "who waits is woken");
        assert!(board.open_again(number(), None).is_ok());
    }

    #[test]
    fn each_change_has_the_next_revision() {
        let board = Board::new("chef_anna".parse().unwrap());
        let (mut changes, before) = board.join();
        let inbox = board.open_again(number(), Some(ready())).unwrap();
        board.change(number(), Hold::Ours, |ticket| ticket.status = OrderStatus::Cooking);
        board.tick(number(), 0, true).unwrap();
        board.close(number(), &inbox);
        let mut revisions = vec![before.revision];
        while let Ok(change) = changes.try_recv() {
            revisions.push(match change {
                Change::Ticket(ticket) => ticket.revision,
                Change::Gone { revision, .. } => revision,
            });
        }
        assert_eq!(revisions, [0, 1, 2, 3]);
        assert_eq!(board.snapshot().revision, 3);
    }
}
