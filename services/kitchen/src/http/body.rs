//! The JSON of tickets and of the board.

use std::collections::BTreeMap;

use domain::order_status::OrderStatus;
use domain::timestamp::Timestamp;
use domain::{OrderNumber, OrderType};
use serde::Serialize;
use utoipa::ToSchema;

use super::described::cause;
use crate::manual::{CutOff, Snapshot, Ticket};

/// All that a display shows.
#[derive(Serialize, ToSchema)]
#[schema(as = Tickets)]
pub struct BoardBody {
    worker: String,
    /// Tells the boards of two processes apart.
    board: u32,
    /// A ticket, or an event, of a higher revision of this board is newer.
    revision: u64,
    /// Now, by the database's clock; ages are counted from it. `null` until it has answered.
    #[schema(required)]
    as_of: Option<Timestamp>,
    /// What is to be cooked, in the order in which it is cooked. Then what was cancelled.
    tickets: Vec<TicketBody>,
    /// What can be recalled: the latest first.
    done: Vec<TicketBody>,
    /// Pieces of each item in open tickets, by name.
    all_day: Vec<CountBody>,
    cooking_times: Vec<CookingTimeBody>,
    /// Why it may not be true; `null` if it is.
    #[schema(required)]
    cut_off: Option<CutOffBody>,
    /// Whether the worker stops: nothing is started any more.
    stopping: bool,
}

/// A ticket.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticket)]
pub struct TicketBody {
    order_number: OrderNumber,
    /// The board's revision with this ticket.
    revision: u64,
    #[schema(value_type = OrderType)]
    order_type: String,
    status: OrderStatus,
    priority: i32,
    customer_name: String,
    #[schema(required)]
    table_number: Option<i32>,
    #[schema(required)]
    processed_by: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[schema(required)]
    changed_by: Option<String>,
    #[schema(required)]
    estimated_completion: Option<Timestamp>,
    /// Whether this worker cooks it.
    ours: bool,
    /// Whether it is cooked once more.
    recalled: bool,
    /// Whether it was cancelled while it cooked.
    was_cooking: bool,
    items: Vec<LineBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TicketLine)]
struct LineBody {
    name: String,
    quantity: i32,
    /// Whether it was ticked off.
    done: bool,
}

#[derive(Default, Serialize, ToSchema)]
#[schema(as = ItemCount)]
struct CountBody {
    name: String,
    received: i64,
    cooking: i64,
}

/// Seconds that orders of one type cooked in the last hour, whoever cooked them.
#[derive(Serialize, ToSchema)]
#[schema(as = CookingTime)]
pub struct CookingTimeBody {
    #[schema(value_type = OrderType)]
    order_type: String,
    finished: i32,
    median_seconds: u64,
    p90_seconds: u64,
}

/// Why the board may not be true.
#[derive(Serialize, ToSchema)]
#[schema(as = CutOff)]
pub struct CutOffBody {
    #[schema(schema_with = cause)]
    cause: &'static str,
    /// The last moment at which it was true, if it ever was.
    #[schema(required)]
    since: Option<Timestamp>,
}

impl BoardBody {
    /// The board, and whether its worker stops.
    pub fn of(snapshot: Snapshot, stopping: bool) -> Self {
        let all_day = all_day(&snapshot.tickets);
        let (mut done, mut tickets): (Vec<_>, Vec<_>) =
            snapshot.tickets.into_iter().partition(|ticket| ticket.status == OrderStatus::Ready);
        tickets.retain(|ticket| ticket.status != OrderStatus::Completed);
        tickets.sort_by_key(|ticket| {
            let row = &ticket.held.ticket;
            (!ticket.is_open(), -row.priority, row.created_at, ticket.number)
        });
        done.sort_by_key(|ticket| std::cmp::Reverse((ticket.held.ticket.updated_at, ticket.number)));
        Self {
            worker: snapshot.worker.as_str().to_owned(),
            board: snapshot.board,
            revision: snapshot.revision,
            as_of: snapshot.as_of.map(Into::into),
            tickets: tickets.into_iter().map(Into::into).collect(),
            done: done.into_iter().map(Into::into).collect(),
            all_day,
            cooking_times: snapshot.cooking_times.into_iter().map(Into::into).collect(),
            cut_off: snapshot.cut_off.map(Into::into),
            stopping,
        }
    }
}

/// Counts come from the tickets themselves: both show the same moment.
fn all_day(tickets: &[Ticket]) -> Vec<CountBody> {
    let mut counts: BTreeMap<&str, CountBody> = BTreeMap::new();
    for ticket in tickets.iter().filter(|ticket| ticket.is_open()) {
        for (name, quantity) in &ticket.held.ticket.items {
            let count = counts.entry(name).or_default();
            let counted = match ticket.status {
                OrderStatus::Cooking => &mut count.cooking,
                _ => &mut count.received,
            };
            *counted += i64::from(*quantity);
        }
    }
    counts.into_iter().map(|(name, count)| CountBody { name: name.to_owned(), ..count }).collect()
}

impl From<Ticket> for TicketBody {
    fn from(ticket: Ticket) -> Self {
        let was_cooking = ticket.was_cooking();
        let Ticket { number, status, held, is_ours, ticked, revision } = ticket;
        let row = held.ticket;
        let items = row.items.into_iter().enumerate().map(|(place, (name, quantity))| LineBody {
            name,
            quantity,
            done: ticked.contains(&place),
        });
        Self {
            order_number: number,
            revision,
            order_type: row.order_type,
            status,
            priority: row.priority,
            customer_name: row.customer_name,
            table_number: row.table_number,
            processed_by: row.processed_by,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            changed_by: held.changed_by,
            estimated_completion: held.estimated_completion.map(Into::into),
            ours: is_ours,
            recalled: held.is_recalled && status == OrderStatus::Cooking,
            was_cooking,
            items: items.collect(),
        }
    }
}

impl From<db::kitchen_tickets::CookingTime> for CookingTimeBody {
    fn from(time: db::kitchen_tickets::CookingTime) -> Self {
        Self {
            order_type: time.order_type,
            finished: time.finished,
            median_seconds: time.median.as_secs(),
            p90_seconds: time.p90.as_secs(),
        }
    }
}

impl From<CutOff> for CutOffBody {
    fn from(CutOff { cause, since }: CutOff) -> Self {
        Self { cause, since: since.map(Into::into) }
    }
}
