//! How each operation refuses, by the very errors that it answers with.

use std::time::Duration;

use domain::basket::{RefusalCode, RefusedItem};
use domain::idempotency::ParseKeyError;
use domain::menu::parse_item;
use domain::timestamp::Timestamp;
use domain::{OrderNumber, OrderStatus, OrderType, place_order, quote_request, stock_edit};
use http_service::openapi::{Refused, failed};
use http_service::staff::refused_to_others;
use time::macros::{date, datetime};

use crate::acceptance::Closed;
use crate::admission::Busy;
use crate::changes::{Change, ChangeError, Principal};
use crate::http::menu_problem::MenuProblem;
use crate::http::refusal::Refusal;
use crate::menu::{EditError, MenuRefusal};
use crate::placing::PlaceError;
use crate::readiness::NotReady;

http_service::refusals! {
    /// Of `POST /orders`.
    PlacingRefused: placing();
    /// Of cancelling an order.
    CancelRefused: cancel();
    /// Of completing an order.
    CompleteRefused: complete();
    /// Of `GET /menu`.
    MenuRefused: vec![refused("menu_off", MenuProblem::Off), failed()];
    /// Of quotes.
    QuoteRefused: quote();
    /// Of `POST /check_inventory`.
    CheckRefused: check();
    /// Of edits of an item.
    ItemRefused: refused_to_others([unknown_item()]);
    /// Of a mark that an item is sold out.
    SoldOutRefused: sold_out();
    /// Of a new or replaced item.
    ItemEditRefused: item_edit();
    /// Of saying what is left.
    LeftRefused: left();
    /// Of bringing some in.
    RestockRefused: restock();
    /// Of a pause.
    PauseRefused: pause();
    /// Of the count of dead letters.
    DeadLettersRefused: refused_to_others([refused("broker_away", Refusal::BrokerAway)]);
    /// Of the page of the staff, which has the form to sign in.
    StaffPageRefused: refused_to_others([]), page: [403];
}

fn refused(name: &'static str, why: impl Into<Refusal>) -> Refused {
    Refused::new(name, why.into().problem(&Refused::request_id()))
}

/// The refusal that a parser has for a wrong body; none, if it takes it.
fn of_body<T, E: Into<Refusal>>(name: &'static str, parsed: Result<T, E>) -> Option<Refused> {
    parsed.err().map(|why| refused(name, why))
}

fn item(code: RefusalCode, pointer: &str, detail: &str) -> RefusedItem {
    let (price, left) = match code {
        RefusalCode::PriceChanged => ("9.00".parse().ok(), None),
        RefusalCode::OutOfStock => (None, Some(0)),
        RefusalCode::UnknownItem | RefusalCode::ItemUnavailable => (None, None),
    };
    RefusedItem {
        item_id: Some("pho-bo".to_owned()),
        name: Some("Phở bò".to_owned()),
        pointer: pointer.to_owned(),
        code,
        detail: detail.to_owned(),
        price,
        left,
    }
}

fn of_menu(code: RefusalCode, pointer: &str, detail: &str) -> MenuRefusal {
    MenuRefusal::Items(domain::basket::Refusal { code, items: vec![item(code, pointer, detail)] })
}

fn not_on_the_menu() -> MenuRefusal {
    of_menu(RefusalCode::UnknownItem, "/items/0/item_id", "is not the id of an item on the menu")
}

fn unavailable() -> MenuRefusal {
    of_menu(RefusalCode::ItemUnavailable, "/items/0", "is sold out until further notice")
}

fn placing() -> Vec<Refused> {
    let wrong = br#"{"customer_name": "J@ne", "order_type": "takeout", "items": []}"#;
    let refusals = [
        refused("bad_idempotency_key", ParseKeyError),
        refused("unknown_item", PlaceError::Menu(not_on_the_menu())),
        refused("item_unavailable", PlaceError::Menu(unavailable())),
        refused(
            "price_changed",
            PlaceError::Menu(of_menu(
                RefusalCode::PriceChanged,
                "/items/0/price",
                "is not the price on the menu, which is 9.00",
            )),
        ),
        refused(
            "out_of_stock",
            PlaceError::Menu(of_menu(RefusalCode::OutOfStock, "/items/0", "is sold out")),
        ),
        refused("key_in_flight", PlaceError::KeyInFlight),
        refused("key_reused", PlaceError::KeyReused),
        failed(),
        refused("starting", NotReady::Opening),
        refused("busy", PlaceError::Busy(Busy)),
        refused(
            "intake_paused",
            PlaceError::Closed(Closed::Paused {
                message: "The oven is broken. We are back in five minutes.".into(),
                left: Duration::from_mins(5),
            }),
        ),
        refused(
            "too_many_waiting",
            PlaceError::Closed(Closed::Full {
                order_type: OrderType::Takeout,
                most: 40,
                retry_after: Duration::from_mins(2),
            }),
        ),
        refused("database_away", PlaceError::DatabaseAway { left: Duration::from_secs(2) }),
        refused("outcome_unknown", PlaceError::OutcomeUnknown),
    ];
    let of_bodies =
        [of_body("malformed", place_order::parse(b"[]")), of_body("invalid", place_order::parse(wrong))];
    of_bodies.into_iter().flatten().chain(refusals).collect()
}

fn cancel() -> Vec<Refused> {
    let body = domain::cancel_request::parse(b"[]").map_err(MenuProblem::Body);
    let others = change(Change::Cancel, OrderStatus::Completed);
    refused_to_others(of_body("malformed", body).into_iter().chain(others))
}

fn complete() -> Vec<Refused> {
    let others = change(Change::Complete, OrderStatus::Cooking);
    refused_to_others(others.into_iter().chain([refused("staff_only", ChangeError::StaffOnly)]))
}

/// How both changes of an order are refused. The order has this status.
fn change(change: Change, status: OrderStatus) -> [Refused; 7] {
    let number = OrderNumber::new(date!(2026 - 11 - 30), 1);
    [
        refused("nobody", Refusal::Nobody),
        refused("wrong_token", Refusal::WrongToken),
        refused("unknown_order", ChangeError::UnknownOrder),
        refused("illegal", change.illegal(number, status, Principal::Staff)),
        refused("starting", NotReady::Database),
        refused("busy", ChangeError::Busy(Busy)),
        refused("outcome_unknown", ChangeError::OutcomeUnknown),
    ]
}

fn quote() -> Vec<Refused> {
    let body = quote_request::parse_quote(br#"{"items": []}"#).map_err(MenuProblem::Body);
    let refusals = [
        refused("unknown_item", MenuProblem::Refused(not_on_the_menu())),
        refused("item_unavailable", MenuProblem::Refused(unavailable())),
        failed(),
    ];
    of_body("invalid", body).into_iter().chain(refusals).collect()
}

fn check() -> Vec<Refused> {
    let body = quote_request::parse_check(br#"{"items": []}"#).map_err(MenuProblem::Body);
    of_body("invalid", body).into_iter().chain([failed()]).collect()
}

fn unknown_item() -> Refused {
    refused("unknown_item", MenuProblem::UnknownItem)
}

fn sold_out() -> Vec<Refused> {
    let body = stock_edit::parse_sold_out(br#"{"until": "tomorrow"}"#).map_err(MenuProblem::Body);
    let over = EditError::MarkIsOver { now: Timestamp(datetime!(2026-11-30 12:00 UTC)) };
    let others = [refused("mark_is_over", MenuProblem::Edit(over)), unknown_item()];
    refused_to_others(of_body("invalid", body).into_iter().chain(others))
}

fn item_edit() -> Vec<Refused> {
    let invalid = "pho-bo".parse().ok().map(|id| parse_item(&id, br#"{"name": "", "price": 0}"#));
    let invalid = invalid.and_then(|parsed| of_body("invalid", parsed.map_err(MenuProblem::Item)));
    let others = [
        refused("bad_id", MenuProblem::BadItemId),
        refused("name_taken", MenuProblem::Edit(EditError::NameTaken)),
    ];
    refused_to_others(invalid.into_iter().chain(others))
}

fn left() -> Vec<Refused> {
    let body = stock_edit::parse_left(b"{}").map_err(MenuProblem::Body);
    refused_to_others(of_body("invalid", body).into_iter().chain([unknown_item()]))
}

fn restock() -> Vec<Refused> {
    let body = stock_edit::parse_restock(br#"{"quantity": 0}"#).map_err(MenuProblem::Body);
    let others = [
        unknown_item(),
        refused("unlimited", MenuProblem::Edit(EditError::Unlimited)),
        refused("too_much", MenuProblem::Edit(EditError::TooMuch { left: 999_999_999 })),
    ];
    refused_to_others(of_body("invalid", body).into_iter().chain(others))
}

fn pause() -> Vec<Refused> {
    refused_to_others(of_body("invalid", domain::pause_request::parse(b"{}").map_err(MenuProblem::Body)))
}
