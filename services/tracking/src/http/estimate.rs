//! `GET /orders/{order_number}/estimate`: when an order will be ready.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use config::CookingSeconds;
use db::estimates::Basis;
use domain::estimate::{Progress, estimate};
use domain::timestamp::Timestamp;
use domain::{OrderNumber, OrderStatus, OrderType};
use http_service::openapi::{IfNoneMatch, NotModified, OrderNumberInPath};
use serde::Serialize;
use utoipa::ToSchema;

use super::described::UnknownOrder;
use super::{Api, RequestContext, described};

/// `earliest` and `latest` are null for an order that neither waits nor cooks. The type says what
/// follows: the guest fetches it, or somebody brings it.
#[derive(Serialize, ToSchema)]
#[schema(as = Estimate)]
struct EstimateBody {
    #[schema(required)]
    earliest: Option<Timestamp>,
    #[schema(required)]
    latest: Option<Timestamp>,
    ahead: u32,
    order_type: OrderType,
    as_of: Timestamp,
    #[schema(schema_with = described::basis)]
    basis: &'static str,
}

/// When will it be ready?
#[utoipa::path(
    get, path = "/orders/{order_number}/estimate", tag = "Orders", operation_id = "estimate",
    params(OrderNumberInPath, IfNoneMatch),
    responses(
        (status = 200, description = "When it will be ready", body = EstimateBody),
        NotModified,
        UnknownOrder,
    ),
)]
pub async fn of_order(request: HttpRequest, path: web::Path<String>, api: web::Data<Api>) -> HttpResponse {
    let asked = path.into_inner();
    let context = RequestContext::new(&api, request, "/orders/{order_number}/estimate", Some(&asked));
    let Ok(order_number) = asked.parse::<OrderNumber>() else {
        return context.unknown(&asked);
    };
    let found = api.lookups.estimate(order_number, context.id()).await;
    let body = found
        .map(|found| found.map(|basis| body(&basis, configured(basis.order_type, &api.cooking_seconds))));
    context.answer(body, &asked)
}

/// How long an order of this type takes to cook, by the configuration.
fn configured(order_type: OrderType, times: &CookingSeconds) -> Duration {
    match order_type {
        OrderType::DineIn => times.dine_in,
        OrderType::Takeout => times.takeout,
        OrderType::Delivery => times.delivery,
    }
}

fn body(basis: &Basis, configured: Duration) -> EstimateBody {
    let progress = match basis.status {
        OrderStatus::Received => Some(Progress::Waiting { ahead: basis.ahead }),
        OrderStatus::Cooking => {
            let so_far = Duration::try_from(basis.as_of - basis.since).unwrap_or_default();
            Some(Progress::Cooking { so_far })
        }
        OrderStatus::Ready | OrderStatus::Completed | OrderStatus::Cancelled => None,
    };
    // For the basis, which is known of every order.
    let estimate = estimate(progress.unwrap_or(Progress::Waiting { ahead: 0 }), basis.pace, configured);
    let at = |time| progress.and(basis.as_of.checked_add(Duration::try_into(time).ok()?)).map(Into::into);
    EstimateBody {
        earliest: at(estimate.earliest),
        latest: at(estimate.latest),
        ahead: basis.ahead,
        order_type: basis.order_type,
        as_of: basis.as_of.into(),
        basis: estimate.basis.as_str(),
    }
}
