//! `GET /kitchen/tickets`: what a kitchen display shows.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use db::kitchen_tickets::{self, CookingTime, Kitchen, Ticket};
use domain::timestamp::Timestamp;
use http_service::staff::{Access, StaffRefused};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, RequestContext};

/// Most open tickets of an answer. The counts are of all.
const MOST_TICKETS: usize = 200;

#[derive(Serialize, ToSchema)]
#[schema(as = KitchenTickets)]
struct KitchenBody {
    as_of: Timestamp,
    tickets: Vec<TicketBody>,
    /// Open orders that are not among the tickets.
    beyond: i64,
    /// Pieces of each item in open orders, by name.
    all_day: Vec<CountBody>,
    cooking_times: Vec<CookingTimeBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = KitchenTicket)]
struct TicketBody {
    order_number: String,
    order_type: String,
    status: String,
    priority: i32,
    customer_name: String,
    #[schema(required)]
    table_number: Option<i32>,
    #[schema(required)]
    processed_by: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    items: Vec<LineBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TicketLine)]
struct LineBody {
    name: String,
    quantity: i32,
}

#[derive(Default, Serialize, ToSchema)]
#[schema(as = ItemCount)]
struct CountBody {
    name: String,
    received: i64,
    cooking: i64,
}

/// Seconds that orders of one type cooked in the last hour.
#[derive(Serialize, ToSchema)]
#[schema(as = CookingTime)]
struct CookingTimeBody {
    order_type: String,
    finished: i32,
    median_seconds: u64,
    p90_seconds: u64,
}

/// Tickets of the kitchen
#[utoipa::path(
    get, path = "/kitchen/tickets", tag = "For the staff", operation_id = "kitchen_tickets",
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "What a kitchen display shows", body = KitchenBody), StaffRefused),
)]
pub async fn tickets(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let context = RequestContext::new(&api, request, "/kitchen/tickets", None);
    if let Err(refusal) = api.gate.verify(&context.request, Access::Read) {
        return refusal.answer(&context.log).await;
    }
    match kitchen_tickets::read(&api.db).await {
        Ok(kitchen) => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body(kitchen))
        }
        Err(why) => context.failed("The database could not answer", &why),
    }
}

fn body(kitchen: Kitchen) -> KitchenBody {
    let all_day = all_day(&kitchen.tickets);
    let (gone, mut open): (Vec<_>, Vec<_>) =
        kitchen.tickets.into_iter().partition(|ticket| ticket.status == "cancelled");
    open.truncate(MOST_TICKETS);
    let shown = i64::try_from(open.len()).unwrap_or(i64::MAX);
    KitchenBody {
        as_of: kitchen.as_of.into(),
        beyond: kitchen.open.saturating_sub(shown).max(0),
        tickets: open.into_iter().chain(gone).map(TicketBody::from).collect(),
        all_day,
        cooking_times: kitchen.cooking.into_iter().map(CookingTimeBody::from).collect(),
    }
}

/// Counts come from the tickets themselves: both show the same moment.
fn all_day(tickets: &[Ticket]) -> Vec<CountBody> {
    let mut counts: BTreeMap<&str, CountBody> = BTreeMap::new();
    for ticket in tickets {
        for (name, quantity) in &ticket.items {
            let count = counts.entry(name).or_default();
            match ticket.status.as_str() {
                "received" => count.received += i64::from(*quantity),
                "cooking" => count.cooking += i64::from(*quantity),
                _ => {}
            }
        }
    }
    let named = counts.into_iter().map(|(name, count)| CountBody { name: name.to_owned(), ..count });
    named.filter(|count| count.received + count.cooking > 0).collect()
}

impl From<Ticket> for TicketBody {
    fn from(ticket: Ticket) -> Self {
        let items = ticket.items.into_iter().map(|(name, quantity)| LineBody { name, quantity });
        Self {
            items: items.collect(),
            order_number: ticket.number,
            order_type: ticket.order_type,
            status: ticket.status,
            priority: ticket.priority,
            customer_name: ticket.customer_name,
            table_number: ticket.table_number,
            processed_by: ticket.processed_by,
            created_at: ticket.created_at.into(),
            updated_at: ticket.updated_at.into(),
        }
    }
}

impl From<CookingTime> for CookingTimeBody {
    fn from(time: CookingTime) -> Self {
        Self {
            order_type: time.order_type,
            finished: time.finished,
            median_seconds: time.median.as_secs(),
            p90_seconds: time.p90.as_secs(),
        }
    }
}
