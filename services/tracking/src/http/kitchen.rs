//! `GET /kitchen/tickets`: what a kitchen display shows.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use db::kitchen_tickets::{CookingTime, ItemCount, Kitchen, Ticket};
use domain::timestamp::Timestamp;
use domain::{OrderStatus, OrderType};
use http_service::staff::{Access, StaffRefused};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, RequestContext};

/// Most open tickets of an answer. The counts are of all.
const MOST_TICKETS: usize = 200;

#[derive(Serialize, ToSchema)]
#[schema(as = KitchenTickets)]
struct KitchenBody<'a> {
    as_of: Timestamp,
    tickets: Vec<TicketBody<'a>>,
    /// Open orders that are not among the tickets.
    beyond: i64,
    /// Pieces of each item in open orders, by name.
    all_day: Vec<CountBody<'a>>,
    cooking_times: Vec<CookingTimeBody<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = KitchenTicket)]
struct TicketBody<'a> {
    order_number: &'a str,
    #[schema(value_type = OrderType)]
    order_type: &'a str,
    #[schema(value_type = OrderStatus)]
    status: &'a str,
    priority: i32,
    customer_name: &'a str,
    #[schema(required)]
    table_number: Option<i32>,
    #[schema(required)]
    processed_by: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
    items: Vec<LineBody<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = KitchenTicketLine)]
struct LineBody<'a> {
    name: &'a str,
    quantity: i32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ItemCount)]
struct CountBody<'a> {
    name: &'a str,
    received: i64,
    cooking: i64,
}

/// Seconds that orders of one type cooked in the last hour.
#[derive(Serialize, ToSchema)]
#[schema(as = CookingTime)]
struct CookingTimeBody<'a> {
    #[schema(value_type = OrderType)]
    order_type: &'a str,
    finished: i32,
    median_seconds: u64,
    p90_seconds: u64,
}

/// Tickets of the kitchen
#[utoipa::path(
    get, path = "/kitchen/tickets", tag = "For the staff", operation_id = "kitchen_tickets",
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses(
        (status = 200, description = "What a kitchen display shows", body = KitchenBody<'_>),
        StaffRefused,
    ),
)]
pub async fn tickets(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let context = RequestContext::new(&api, request, "/kitchen/tickets", None);
    if let Err(refusal) = api.gate.verify(&context.request, Access::Read) {
        return refusal.answer(&context.log).await;
    }
    match api.lookups.kitchen(context.id()).await {
        Ok(kitchen) => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body(&kitchen))
        }
        Err(why) => context.failed_with_names(&why),
    }
}

fn body(kitchen: &Kitchen) -> KitchenBody<'_> {
    let open = kitchen.open_tickets.iter().take(MOST_TICKETS);
    let shown = i64::try_from(open.len()).unwrap_or(i64::MAX);
    KitchenBody {
        as_of: kitchen.as_of.into(),
        beyond: kitchen.open.saturating_sub(shown).max(0),
        tickets: open.chain(&kitchen.cancelled_tickets).map(TicketBody::from).collect(),
        all_day: kitchen.all_day.iter().map(CountBody::from).collect(),
        cooking_times: kitchen.cooking.iter().map(CookingTimeBody::from).collect(),
    }
}

impl<'a> From<&'a Ticket> for TicketBody<'a> {
    fn from(ticket: &'a Ticket) -> Self {
        let items = ticket.items.iter().map(|(name, quantity)| LineBody { name, quantity: *quantity });
        Self {
            order_number: &ticket.number,
            order_type: &ticket.order_type,
            status: &ticket.status,
            priority: ticket.priority,
            customer_name: &ticket.customer_name,
            table_number: ticket.table_number,
            processed_by: ticket.processed_by.as_deref(),
            created_at: ticket.created_at.into(),
            updated_at: ticket.updated_at.into(),
            items: items.collect(),
        }
    }
}

impl<'a> From<&'a ItemCount> for CountBody<'a> {
    fn from(count: &'a ItemCount) -> Self {
        Self { name: &count.name, received: count.received, cooking: count.cooking }
    }
}

impl<'a> From<&'a CookingTime> for CookingTimeBody<'a> {
    fn from(time: &'a CookingTime) -> Self {
        Self {
            order_type: &time.order_type,
            finished: time.finished,
            median_seconds: time.median.as_secs(),
            p90_seconds: time.p90.as_secs(),
        }
    }
}
