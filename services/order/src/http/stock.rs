//! `/inventory` of the staff, and `POST /check_inventory` of everybody.

use actix_web::{HttpRequest, HttpResponse, web};
use db::inventory::StockLevel;
use domain::MenuItemId;
use domain::inventory::StockLeft;
use domain::quote_request::parse_check;
use domain::stock_edit::{parse_left, parse_restock};
use domain::timestamp::Timestamp;
use http_service::openapi::{ItemIdInPath, RequestedWith};
use http_service::staff::{Access, StaffRefused};
use http_service::{read_json, request_id};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::described::requests::{InventoryCheckRequest, Restock, StockLeftEdit};
use super::described::{CheckRefused, LeftRefused, RestockRefused};
use super::menu::item_id;
use super::menu_problem::MenuProblem;
use super::refusal::Refusal;
use super::staff::answered;
use crate::menu::Checked;

#[derive(Serialize, ToSchema)]
#[schema(as = StockLevel)]
struct Level {
    item_id: MenuItemId,
    /// `null`: unlimited.
    #[schema(required)]
    left: Option<u32>,
    updated_at: Timestamp,
}

impl From<StockLevel> for Level {
    fn from(level: StockLevel) -> Self {
        let StockLevel { item_id, left, updated_at } = level;
        Self { item_id, left: left.map(StockLeft::get), updated_at: updated_at.into() }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = StockLevels)]
struct Levels {
    items: Vec<Level>,
}

/// Lists what is left.
#[utoipa::path(
    get, path = "/inventory", tag = "Menu and stock, for the staff", operation_id = "inventory",
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "Every item that is counted", body = Levels), StaffRefused),
)]
pub async fn list(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    answered(&request, body, &api, Access::Read, async |_, id| {
        let items = api.stock.list(id).await?.into_iter().map(Level::from).collect();
        Ok(HttpResponse::Ok().json(Levels { items }))
    })
    .await
}

/// Sets what is left of an item.
#[utoipa::path(
    put, path = "/inventory/{id}", tag = "Menu and stock, for the staff", operation_id = "set_left",
    params(ItemIdInPath, RequestedWith),
    request_body = StockLeftEdit,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "What is left now", body = Level), LeftRefused),
)]
pub async fn set_left(
    request: HttpRequest,
    body: web::Payload,
    path: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    answered(&request, body, &api, Access::Change, async |body, id| {
        let edit = parse_left(body).map_err(MenuProblem::Body)?;
        let level = api.stock.set_left(&item_id(&path)?, edit, id).await?;
        Ok(HttpResponse::Ok().json(Level::from(level)))
    })
    .await
}

/// Adds pieces to what is left of an item.
#[utoipa::path(
    post, path = "/inventory/{id}/restock", tag = "Menu and stock, for the staff", operation_id = "restock",
    params(ItemIdInPath, RequestedWith),
    request_body = Restock,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "What is left now", body = Level), RestockRefused),
)]
pub async fn restock(
    request: HttpRequest,
    body: web::Payload,
    path: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    answered(&request, body, &api, Access::Change, async |body, id| {
        let edit = parse_restock(body).map_err(MenuProblem::Body)?;
        let level = api.stock.restock(&item_id(&path)?, edit, id).await?;
        Ok(HttpResponse::Ok().json(Level::from(level)))
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = InventoryCheck)]
struct CheckBody {
    available: bool,
    items: Vec<Checked>,
}

/// Tells whether items can be had.
#[utoipa::path(
    post, path = "/check_inventory", tag = "Menu", operation_id = "check_inventory",
    request_body = InventoryCheckRequest,
    security((), ("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "Whether all of it can be had", body = CheckBody), CheckRefused),
)]
pub async fn check(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    let id = request_id::of(&request);
    let checked = async {
        let body = read_json(&request, body, &id).await.map_err(Refusal::Unreadable)?;
        let items = parse_check(&body).map_err(MenuProblem::Body)?;
        let items = api.stock.check(&items, api.gate.is_staff(&request), &id).await?;
        Ok::<_, Refusal>(CheckBody { available: items.iter().all(|item| item.available), items })
    };
    match checked.await {
        Ok(body) => HttpResponse::Ok().json(body),
        Err(refusal) => refusal.answer(None, &api.log.with_request_id(id)),
    }
}
