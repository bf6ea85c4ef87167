//! `GET /orders` and `GET /orders/{order_number}`: whole orders, for those who may see them.

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use db::order_views::{self, Contact, ItemView, OrderView, StepView, WholeOrder};
use db::{order_days, secrets};
use domain::pricing::Adjustment;
use domain::timestamp::Timestamp;
use domain::{Money, OrderNumber, OrderStatus, OrderType};
use http_service::staff::Access;
use logging::action;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::described::{ListParameters, ListRefused};
use super::orders_query::Asked;
use super::{Api, RequestContext, orders_query, problems};

/// Carries the right to see and to cancel one order.
const ORDER_TOKEN: HeaderName = HeaderName::from_static("x-order-token");

#[derive(Serialize, ToSchema)]
#[schema(as = OrderList)]
struct ListBody {
    orders: Vec<OrderBody>,
    #[schema(required)]
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WholeOrder)]
pub struct OrderBody {
    order_number: String,
    #[schema(value_type = OrderType)]
    order_type: String,
    #[schema(value_type = OrderStatus)]
    status: String,
    /// Left out, as the address is, where the service has no right to it: to a guest, while nobody
    /// is staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customer_name: Option<String>,
    #[schema(required)]
    table_number: Option<i32>,
    #[schema(required)]
    delivery_address: Option<String>,
    items: Vec<ItemBody>,
    /// What price rules changed. With the items they make the total. A list has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Vec<Adjustment>)]
    adjustments: Option<Box<RawValue>>,
    total_amount: Money,
    priority: i32,
    #[schema(required)]
    processed_by: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// When it last got each status that it had.
    #[schema(value_type = std::collections::BTreeMap<String, Timestamp>)]
    times: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    history: Option<Vec<StepBody>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderedItem)]
struct ItemBody {
    name: String,
    quantity: i32,
    price: Money,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderStep)]
struct StepBody {
    #[schema(value_type = OrderStatus)]
    status: String,
    timestamp: Timestamp,
    changed_by: String,
    /// Why, if somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// What was noted, the reason too. For the staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
}

/// How much of an order a client sees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    InList,
    OwnOrder,
    ForStaff,
}

impl OrderBody {
    fn new(order: OrderView, detail: Detail) -> Self {
        let times = order.history.iter().filter(|step| step.status.parse::<OrderStatus>().is_ok());
        let times = times.map(|step| (step.status.clone(), Timestamp(step.changed_at).to_string().into()));
        let times = times.collect();
        let step = |step: StepView| StepBody {
            status: step.status,
            timestamp: step.changed_at.into(),
            changed_by: step.changed_by,
            reason: step.reason,
            notes: step.notes.filter(|_| detail == Detail::ForStaff),
        };
        let history = order.history.into_iter().map(step).collect();
        let item = |ItemView { name, quantity, price }| ItemBody { name, quantity, price };
        Self {
            order_number: order.number,
            order_type: order.order_type,
            status: order.status,
            customer_name: order.customer_name,
            table_number: order.table_number,
            delivery_address: order.delivery_address,
            items: order.items.into_iter().map(item).collect(),
            adjustments: None,
            total_amount: order.total_amount,
            priority: order.priority,
            processed_by: order.processed_by,
            created_at: order.created_at.into(),
            updated_at: order.updated_at.into(),
            times,
            history: (detail != Detail::InList).then_some(history),
        }
    }

    fn whole(whole: WholeOrder, detail: Detail) -> Self {
        Self { adjustments: whole.adjustments, ..Self::new(whole.order, detail) }
    }
}

/// The orders that fit the parameters, for the staff.
#[utoipa::path(
    get, path = "/orders", tag = "For the staff", operation_id = "orders",
    params(ListParameters),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "A page of orders, the latest first", body = ListBody), ListRefused),
)]
pub async fn list(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let context = RequestContext::new(&api, request, "/orders", None);
    if let Err(refusal) = api.gate.verify(&context.request, Access::Read) {
        return refusal.answer(&context.log).await;
    }
    let Asked { mut filter, until } = match orders_query::parse(context.request.query_string()) {
        Ok(asked) => asked,
        Err(violations) => return refused(&context, &violations),
    };
    if let Some(until) = until {
        match order_days::above(&api.db, until).await {
            Ok(None) => {}
            Ok(Some(end)) => filter.before = Some(filter.before.map_or(end, |before| before.min(end))),
            Err(why) => return context.failed("The database could not answer", &why),
        }
    }
    // Whoever is staff has a key, so the lists have their role.
    let staff_db = api.staff_db.as_ref().unwrap_or(&api.db);
    match order_views::list(staff_db, &filter).await {
        Ok(page) => {
            let is_in_time = |order: &OrderView| until.is_none_or(|until| order.created_at < until);
            let in_time = page.orders.into_iter().filter(is_in_time);
            let orders = in_time.map(|order| OrderBody::new(order, Detail::InList)).collect();
            private(&ListBody { orders, next_cursor: page.next.map(|cursor| cursor.to_string()) })
        }
        Err(why) => context.failed_with_names(&why.into()),
    }
}

fn refused(context: &RequestContext, violations: &[orders_query::Violation]) -> HttpResponse {
    let problem = problems::wrong_parameters(violations, context.id());
    let line = context.log.error(action::VALIDATION_FAILED, "The request was refused", &problem);
    line.detail("endpoint", context.endpoint).emit_limited();
    problem.error_response()
}

/// One order, for the staff and for whoever placed it.
pub async fn one(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let asked = path.into_inner();
    let context = RequestContext::new(&api, request, "/orders/{order_number}", Some(&asked));
    let token = context.request.headers().get(ORDER_TOKEN);
    if token.is_none()
        && let Err(refusal) = api.gate.verify(&context.request, Access::Read)
    {
        return refusal.answer(&context.log).await;
    }
    let Ok(number) = asked.parse::<OrderNumber>() else { return context.unknown(&asked) };
    let guest = match token {
        None => None,
        Some(token) => match secrets::order_token_key(&api.db).await {
            Ok(key) => match key.verify(&number, token.as_bytes()) {
                Some(identity) => Some(identity),
                None => return wrong_token(&context, number),
            },
            Err(why) => return context.failed("The key of the order tokens could not be read", &why),
        },
    };
    let found = match &api.staff_db {
        Some(db) => order_views::one(db, &number, Contact::Shown).await,
        None => order_views::one(&api.db, &number, Contact::Hidden).await,
    };
    match (found, guest) {
        (Ok(Some(order)), Some(guest)) if order.identity == Some(guest) => {
            private(&OrderBody::whole(order, Detail::OwnOrder))
        }
        // A token does not tell its guest whether there is an order of this number.
        (Ok(_), Some(_)) => wrong_token(&context, number),
        (Ok(Some(order)), None) => private(&OrderBody::whole(order, Detail::ForStaff)),
        (Ok(None), None) => context.unknown(&asked),
        (Err(why), _) => context.failed_with_names(&why.into()),
    }
}

fn wrong_token(context: &RequestContext, number: OrderNumber) -> HttpResponse {
    let problem = problems::wrong_token(context.id());
    let line = context.log.error(action::VALIDATION_FAILED, "The request was refused", &problem);
    line.detail("endpoint", context.endpoint).detail("order_number", number.to_string()).emit_limited();
    problem.error_response()
}

/// It has names: nobody keeps it.
fn private(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
