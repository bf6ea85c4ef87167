//! `GET /menu`, and the staff's `/menu/items/{id}`.

use std::collections::HashSet;

use actix_web::{HttpRequest, HttpResponse, web};
use db::inventory;
use domain::menu::{Menu, MenuCategory, MenuItem, parse_item};
use domain::stock_edit::parse_sold_out;
use domain::{MenuItemId, RequestId};
use http_service::staff::Access;
use http_service::{conditional, request_id};
use logging::action;
use serde::Serialize;

use super::Api;
use super::menu_problem::MenuProblem;
use super::refusal::Refusal;
use super::staff::answered;

/// The menu as guests see it.
#[derive(Serialize)]
struct Body<'a> {
    menu_version: u64,
    currency: &'a str,
    categories: Vec<MenuCategory<'a>>,
}

/// Shows the menu.
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
    let used_up = inventory::used_up(&api.db).await.map_err(|why| failed(&why))?;
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
