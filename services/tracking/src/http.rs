//! The HTTP interface: what orders and workers are, streams of changes, the pages, the staff's
//! sign-in and the probes.

mod board;
mod described;
mod estimate;
mod figures;
mod kitchen;
mod openapi;
mod orders;
mod orders_query;
mod pages;
mod problems;
mod streams;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use config::CookingSeconds;
use db::{Access, Database, Reads, history, workers};
use domain::order_request::RequestOutcome;
use domain::timestamp::Timestamp;
use domain::{OrderNumber, OrderRequestId, OrderStatus, RequestId, ServiceName};
use http_service::breaker::{Breaker, database_away};
use http_service::description::routes as description;
use http_service::health::{self, Check, Checks, Health};
use http_service::openapi::{Failed, IfNoneMatch, NotModified, OrderNumberInPath};
use http_service::resource::readable;
use http_service::staff::{self, Gate};
use http_service::{Problem, conditional, request_id};
use logging::{Log, action, printable};
use runtime::Shutdown;
use serde::Serialize;
use telemetry::labels::Overload;
use telemetry::metrics::OVERLOAD;
use utoipa::ToSchema;

use self::described::{RequestIdInPath, UnknownOrder, UnknownRequest};
use crate::NAME;
use crate::events::Events;
use crate::figures::SharedFigures;
use crate::lookups::{LookupError, Lookups};

/// The paths of this service before which the breaker is not asked. The first two are pages, and
/// need no database. The handlers of the others ask the breaker themselves: the data of the board
/// has the path of its page, and the last three may be answered by a replica.
const NOT_ASKED_BEFORE: &[&str] = &[
    "/kitchen",
    "/track/{order_number}",
    "/board",
    "/orders/{order_number}/status",
    "/orders/{order_number}/history",
    "/order_status/{order_id}",
];

/// After which a client comes back if all connections that read names were in use. It has waited
/// already.
const NAMES_RETRY: Duration = Duration::from_secs(2);

/// The state that handlers share.
#[derive(Clone)]
pub struct Api {
    pub db: Database,
    /// For what may be read from a replica.
    pub reads: Reads,
    /// Where names and addresses are read. `None`: nowhere, for nobody is staff.
    pub staff_db: Option<Database>,
    pub lookups: Lookups,
    /// Decides who is staff.
    pub gate: Gate,
    pub events: Events,
    pub figures: SharedFigures,
    /// What estimates come from while nothing is measured.
    pub cooking_seconds: CookingSeconds,
    /// Whether the tables exist.
    pub schema_ready: Arc<AtomicBool>,
    /// What the pages know of the configuration.
    pub pages: ::web::Settings,
    /// Streams end when it begins.
    pub shutdown: Shutdown,
    pub log: Log,
}

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api) {
    let health: Arc<dyn Health> = Arc::new(api.clone());
    let gate = api.gate.clone();
    let settings = api.pages.clone();
    let db = api.db.clone();
    let breaker = Breaker::new(move |needs_database| db.admit_request(needs_database), NOT_ASKED_BEFORE);
    app.app_data(breaker)
        .app_data(web::Data::new(api))
        .service(readable("/orders/{order_number}/status", status))
        .service(readable("/orders/{order_number}/history", history))
        .service(readable("/orders/{order_number}/events", streams::of_order))
        .service(readable("/orders/{order_number}/estimate", estimate::of_order))
        .service(readable("/orders/{order_number}", pages::order))
        .service(readable("/orders", orders::list))
        .service(readable("/events", streams::of_all))
        .service(readable("/kitchen", pages::kitchen))
        .service(readable("/kitchen/tickets", kitchen::tickets))
        .service(readable("/staff/figures", figures::figures))
        .service(readable("/order_status/{order_id}", order_status))
        .service(readable("/workers/status", workers))
        .configure(|app| staff::routes(app, &gate, "kitchen"))
        .service(readable("/track/{order_number}", pages::track))
        .service(readable("/board", pages::board))
        .configure(|app| health::routes(app, NAME, &health))
        .configure(|app| description(app, &openapi::DESCRIPTION))
        .configure(|app| ::web::asset_routes(app, settings))
        .default_service(web::to(::web::not_found));
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderState)]
struct StatusBody {
    order_number: OrderNumber,
    #[schema(value_type = OrderStatus)]
    current_status: String,
    updated_at: Timestamp,
    #[schema(required)]
    estimated_completion: Option<Timestamp>,
    #[schema(required)]
    processed_by: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StatusChange)]
struct HistoryItem {
    #[schema(value_type = OrderStatus)]
    status: String,
    timestamp: Timestamp,
    changed_by: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Worker)]
struct WorkerItem {
    worker_name: String,
    #[schema(schema_with = described::worker_status)]
    status: &'static str,
    orders_processed: i32,
    #[schema(required)]
    last_seen: Option<Timestamp>,
}

/// One request: its log, and its endpoint.
struct RequestContext {
    request: HttpRequest,
    log: Log,
    endpoint: &'static str,
}

impl RequestContext {
    fn new(api: &Api, request: HttpRequest, endpoint: &'static str, order_number: Option<&str>) -> Self {
        let log = api.log.with_request_id(request_id::of(&request));
        let message = format!("{} {}", request.method(), printable(request.path()));
        let mut line = log.debug(action::REQUEST_RECEIVED, message).detail("endpoint", endpoint);
        if let Some(order_number) = order_number {
            line = line.detail("order_number", printable(order_number));
        }
        line.emit();
        Self { request, log, endpoint }
    }

    fn id(&self) -> &RequestId {
        self.log.request_id()
    }

    fn answer<T: Serialize>(
        &self,
        found: Result<Option<T>, impl Into<LookupError>>,
        order_number: &str,
    ) -> HttpResponse {
        match found {
            Ok(Some(body)) => conditional::json(&self.request, &body)
                .unwrap_or_else(|why| self.failed("The answer could not be encoded", &why)),
            Ok(None) => self.unknown(order_number),
            Err(why) => self.unanswered(&why.into()),
        }
    }

    /// The answer if the database gave none.
    fn unanswered(&self, why: &LookupError) -> HttpResponse {
        match why.refused_for() {
            Some(left) => self.turned_away(left),
            None => self.failed("The database could not answer", why),
        }
    }

    /// The answer while the breaker is open for so long.
    fn turned_away(&self, left: Duration) -> HttpResponse {
        OVERLOAD.of(Overload::Breaker).inc();
        database_away(left, self.id()).error_response()
    }

    fn unknown(&self, order_number: &str) -> HttpResponse {
        problems::unknown_order(order_number, self.id()).error_response()
    }

    /// The answer if a statement failed that reads names. The connections under a role of its own
    /// are few, so they may all be in use while the database is well.
    fn failed_with_names(&self, why: &LookupError) -> HttpResponse {
        const MESSAGE: &str = "The database could not answer";
        if why.is_all_in_use() {
            let line = self.log.error(action::DB_QUERY_FAILED, MESSAGE, why);
            line.detail("endpoint", self.endpoint).emit_limited();
            return problems::connections_in_use(NAMES_RETRY, self.id()).error_response();
        }
        self.failed(MESSAGE, why)
    }

    fn failed(&self, message: &'static str, why: &dyn Error) -> HttpResponse {
        self.log.error(action::DB_QUERY_FAILED, message, why).detail("endpoint", self.endpoint).emit();
        Problem::internal(self.id()).error_response()
    }
}

/// Where an order stands
#[utoipa::path(
    get, path = "/orders/{order_number}/status", tag = "Orders", operation_id = "status",
    params(OrderNumberInPath, IfNoneMatch),
    responses(
        (status = 200, description = "Where it stands", body = StatusBody),
        NotModified,
        UnknownOrder,
    ),
)]
async fn status(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let asked = path.into_inner();
    let context = RequestContext::new(&api, request, "/orders/{order_number}/status", Some(&asked));
    // A text that is not an order number names no order.
    let Ok(order_number) = asked.parse::<OrderNumber>() else {
        return context.unknown(&asked);
    };
    if let Err(left) = api.reads.admit_request() {
        return context.turned_away(left);
    }
    let found = api.lookups.status(order_number, context.id()).await;
    let body = found.map(|found| {
        found.map(|current| StatusBody {
            order_number,
            current_status: current.status,
            updated_at: current.updated_at.into(),
            estimated_completion: current.estimated_completion.map(Into::into),
            processed_by: current.processed_by,
        })
    });
    context.answer(body, &asked)
}

/// What became of a message of the queue `validated_orders`.
#[utoipa::path(
    get, path = "/order_status/{order_id}", tag = "Orders", operation_id = "order_request",
    params(RequestIdInPath, IfNoneMatch),
    responses(
        (status = 200, description = "How far it is", body = RequestOutcome),
        NotModified,
        UnknownRequest,
    ),
)]
async fn order_status(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let asked = path.into_inner();
    let context = RequestContext::new(&api, request, "/order_status/{order_id}", None);
    let order_id: OrderRequestId = match asked.parse() {
        Ok(order_id) => order_id,
        Err(why) => return problems::no_request_id(&asked, why, context.id()).error_response(),
    };
    if let Err(left) = api.reads.admit_request() {
        return context.turned_away(left);
    }
    match api.lookups.request(order_id, context.id()).await {
        Ok(None) => problems::unknown_request(&asked, context.id()).error_response(),
        found => context.answer(found, &asked),
    }
}

/// What became of an order
#[utoipa::path(
    get, path = "/orders/{order_number}/history", tag = "Orders", operation_id = "history",
    params(OrderNumberInPath, IfNoneMatch),
    responses(
        (status = 200, description = "Its changes, the first one first", body = Vec<HistoryItem>),
        NotModified,
        UnknownOrder,
    ),
)]
async fn history(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let asked = path.into_inner();
    let context = RequestContext::new(&api, request, "/orders/{order_number}/history", Some(&asked));
    let Ok(order_number) = asked.parse::<OrderNumber>() else {
        return context.unknown(&asked);
    };
    if let Err(left) = api.reads.admit_request() {
        return context.turned_away(left);
    }
    let look = |db: Database| async move { history::history(&db, &order_number).await };
    let found = api.reads.read(|entries: &Vec<_>| !entries.is_empty(), look).await;
    let body = found.map(|entries| {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|entry| HistoryItem {
                status: entry.status,
                timestamp: entry.changed_at.into(),
                changed_by: entry.changed_by,
            })
            .collect();
        (!entries.is_empty()).then_some(entries)
    });
    context.answer(body, &asked)
}

/// Who cooks
#[utoipa::path(
    get, path = "/workers/status", tag = "Workers", operation_id = "workers",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "All that ever registered", body = Vec<WorkerItem>),
        NotModified,
        Failed,
    ),
)]
async fn workers(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let context = RequestContext::new(&api, request, "/workers/status", None);
    let found = workers::all(&api.db).await;
    let body = found.map(|workers| {
        let workers: Vec<_> = workers
            .into_iter()
            .map(|worker| WorkerItem {
                worker_name: worker.name,
                status: if worker.online { "online" } else { "offline" },
                orders_processed: worker.orders_processed,
                last_seen: worker.last_seen.map(Into::into),
            })
            .collect();
        Some(workers)
    });
    context.answer(body, "")
}

impl Health for Api {
    fn checks(&self) -> Checks<'_> {
        Box::pin(async {
            // A probe tells of itself what it finds.
            let db = self.db.in_background();
            let usable = db::startup::is_usable(&db, ServiceName::Tracking, Access::ReadPrimary).await
                && !db.lacks_tables();
            let mut checks =
                vec![Check::needed("database", usable && self.schema_ready.load(Ordering::Relaxed))];
            // Without it, the primary answers.
            checks.extend(self.reads.use_replica().map(|healthy| Check {
                name: "replica",
                healthy,
                dispensable: true,
            }));
            checks
        })
    }
}
