//! `GET /staff/figures`: the restaurant in figures, for its staff.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use db::staff_figures::{Figures, Minute, Stay, TypeFigures, WorkerFigures};
use domain::timestamp::Timestamp;
use domain::{OrderStatus, OrderType};
use http_service::staff::{Access, StaffRefused};
use serde::Serialize;
use utoipa::ToSchema;

use super::described::worker_status;
use super::{Api, RequestContext};

#[derive(Serialize, ToSchema)]
#[schema(as = Figures)]
struct FiguresBody {
    as_of: Timestamp,
    minutes: Vec<MinuteBody>,
    types: Vec<TypeBody>,
    time_in_status: Vec<StayBody>,
    workers: Vec<WorkerBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MinuteFigures)]
struct MinuteBody {
    start: Timestamp,
    placed: u32,
    ready: u32,
    cancelled: u32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TypeFigures)]
struct TypeBody {
    order_type: OrderType,
    waiting: u32,
    #[schema(required)]
    oldest_waiting: Option<Timestamp>,
    cooking: u32,
    cooks: u32,
}

/// `start`: the begin of five minutes, or null for the whole hour.
#[derive(Serialize, ToSchema)]
#[schema(as = TimeInStatus)]
struct StayBody {
    status: OrderStatus,
    #[schema(required)]
    start: Option<Timestamp>,
    orders: u32,
    median_seconds: u64,
    p90_seconds: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WorkerFigures)]
struct WorkerBody {
    worker_name: String,
    order_types: Vec<String>,
    #[schema(schema_with = worker_status)]
    status: &'static str,
    #[schema(required)]
    last_seen: Option<Timestamp>,
    orders_processed: i32,
}

/// The restaurant in figures
#[utoipa::path(
    get, path = "/staff/figures", tag = "For the staff", operation_id = "figures",
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "The last hour", body = FiguresBody), StaffRefused),
)]
pub async fn figures(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let context = RequestContext::new(&api, request, "/staff/figures", None);
    if let Err(refusal) = api.gate.verify(&context.request, Access::Read) {
        return refusal.answer(&context.log).await;
    }
    match api.figures.read().await {
        Ok(figures) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(FiguresBody::from(&*figures)),
        Err(why) => context.failed("The database could not answer", &*why),
    }
}

impl From<&Figures> for FiguresBody {
    fn from(figures: &Figures) -> Self {
        let Figures { as_of, minutes, types, stays, workers } = figures;
        Self {
            as_of: (*as_of).into(),
            minutes: minutes.iter().copied().map(MinuteBody::from).collect(),
            types: types.iter().copied().map(TypeBody::from).collect(),
            time_in_status: stays.iter().copied().map(StayBody::from).collect(),
            workers: workers.iter().map(WorkerBody::from).collect(),
        }
    }
}

impl From<Minute> for MinuteBody {
    fn from(minute: Minute) -> Self {
        let Minute { start, placed, ready, cancelled } = minute;
        Self { start: start.into(), placed, ready, cancelled }
    }
}

impl From<TypeFigures> for TypeBody {
    fn from(figures: TypeFigures) -> Self {
        let TypeFigures { order_type, waiting, oldest_waiting, cooking, cooks } = figures;
        Self { order_type, waiting, oldest_waiting: oldest_waiting.map(Into::into), cooking, cooks }
    }
}

impl From<Stay> for StayBody {
    fn from(stay: Stay) -> Self {
        Self {
            status: stay.status,
            start: stay.start.map(Into::into),
            orders: stay.orders,
            median_seconds: stay.median.as_secs(),
            p90_seconds: stay.p90.as_secs(),
        }
    }
}

impl From<&WorkerFigures> for WorkerBody {
    fn from(worker: &WorkerFigures) -> Self {
        let order_types = match worker.specialisation.as_str() {
            "general" => OrderType::ALL.map(|each| each.as_str().to_owned()).into(),
            named => named.split(',').map(str::to_owned).collect(),
        };
        Self {
            worker_name: worker.name.clone(),
            order_types,
            status: if worker.online { "online" } else { "offline" },
            last_seen: worker.last_seen.map(Into::into),
            orders_processed: worker.orders_processed,
        }
    }
}
