//! `GET /menu`, and the staff's `/menu/items/{id}`.

use std::collections::HashSet;

use actix_web::{HttpRequest, HttpResponse, web};
use db::inventory;
use domain::menu::{Menu, MenuCategory, MenuItem, parse_item};
use domain::stock_edit::parse_sold_out;
use domain::{MenuItemId, RequestId};
use http_service::openapi::{IfNoneMatch, ItemIdInPath, NotModified, RequestedWith};
use http_service::staff::Access;
use http_service::{conditional, request_id};
use logging::action;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::described::requests::{MenuItemEdit, SoldOutMark};
use super::described::{ItemEditRefused, ItemRefused, MenuRefused, SoldOutRefused};
use super::menu_problem::MenuProblem;
use super::refusal::Refusal;
use super::staff::answered;

/// The menu as guests see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Menu)]
struct Body<'a> {
    menu_version: u64,
    currency: &'a str,
    categories: Vec<MenuCategory<'a>>,
}

/// Shows the menu.
#[utoipa::path(
    get, path = "/menu", tag = "Menu", operation_id = "menu",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "The menu", body = Body<'_>),
        NotModified,
        MenuRefused,
    ),
)]
pub async fn show(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let id = request_id::of(&request);
    match shown(&request, &api, &id).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(None, &api.log.with_request_id(id)),
    }
}

async fn shown(request: &HttpRequest, api: &Api, id: &RequestId) -> Result<HttpResponse, Refusal> {
    if !api.board.is_on() {
        return Err(MenuProblem::Off.into());
    }
    let failed = |why: &dyn std::error::Error| {
        let log = api.log.with_request_id(id.clone());
        log.error(action::DB_QUERY_FAILED, "The menu could not be read", why).emit();
        Refusal::Failed
    };
    let shown = api.board.at_hand().await.map_err(|why| failed(&why))?;
    let used_up = inventory::used_up(&api.db.for_requests()).await.map_err(|why| failed(&why))?;
    let used_up: HashSet<MenuItemId> = used_up.into_iter().collect();
    let menu: &Menu = &shown.snapshot.menu;
    let body = Body {
        menu_version: menu.version(),
        currency: &api.currency,
        categories: menu.categories(|item| item.is_sold_out(shown.now) || used_up.contains(&item.id)),
    };
    conditional::json(request, &body).map_err(|why| failed(&why))
}

/// Adds or replaces an item.
#[utoipa::path(
    put, path = "/menu/items/{id}", tag = "Menu and stock, for the staff", operation_id = "put_menu_item",
    params(ItemIdInPath, RequestedWith),
    request_body = MenuItemEdit,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "It is on the menu", body = MenuItem), ItemEditRefused),
)]
pub async fn put(
    request: HttpRequest,
    body: web::Payload,
    path: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    answered(&request, body, &api, Access::Change, async |body, id| {
        // What cannot be an id is never one of the menu.
        let item: MenuItemId = path.parse().map_err(|_| MenuProblem::BadItemId)?;
        let item: MenuItem = parse_item(&item, body).map_err(MenuProblem::Item)?;
        Ok(HttpResponse::Ok().json(api.editing.put(item, id).await?))
    })
    .await
}

/// Takes an item off the menu.
#[utoipa::path(
    delete, path = "/menu/items/{id}", tag = "Menu and stock, for the staff", operation_id = "delete_menu_item",
    params(ItemIdInPath, RequestedWith),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 204, description = "It is off the menu"), ItemRefused),
)]
pub async fn delete(
    request: HttpRequest,
    body: web::Payload,
    path: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    answered(&request, body, &api, Access::Change, async |_, id| {
        api.editing.delete(&item_id(&path)?, id).await?;
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

/// Marks an item as sold out.
#[utoipa::path(
    post, path = "/menu/items/{id}/sold-out", tag = "Menu and stock, for the staff", operation_id = "mark_sold_out",
    params(ItemIdInPath, RequestedWith),
    request_body = Option<SoldOutMark>,
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "It is sold out", body = MenuItem), SoldOutRefused),
)]
pub async fn mark_sold_out(
    request: HttpRequest,
    body: web::Payload,
    path: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    answered(&request, body, &api, Access::Change, async |body, id| {
        let end = parse_sold_out(body).map_err(MenuProblem::Body)?;
        Ok(HttpResponse::Ok().json(api.editing.mark_sold_out(&item_id(&path)?, end, id).await?))
    })
    .await
}

/// Takes the mark off an item.
#[utoipa::path(
    post, path = "/menu/items/{id}/back", tag = "Menu and stock, for the staff", operation_id = "bring_back",
    params(ItemIdInPath, RequestedWith),
    security(("staff_key" = []), ("staff_cookie" = [])),
    responses((status = 200, description = "It can be had again, if there is some", body = MenuItem), ItemRefused),
)]
pub async fn bring_back(
    request: HttpRequest,
    body: web::Payload,
    path: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    answered(&request, body, &api, Access::Change, async |_, id| {
        Ok(HttpResponse::Ok().json(api.editing.bring_back(&item_id(&path)?, id).await?))
    })
    .await
}

/// The item that the path names.
pub fn item_id(path: &str) -> Result<MenuItemId, MenuProblem> {
    path.parse().map_err(|_| MenuProblem::UnknownItem)
}
