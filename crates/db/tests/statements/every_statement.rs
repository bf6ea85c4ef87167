//! Runs every statement of each service, one after the other, as any user.
//!
//! PostgreSQL checks rights when a statement begins, whether it finds rows or not. A function of
//! several statements is led to its last one.

use std::time::Duration;

use db::claims::{self, LockMode};
use db::kitchen_tickets::of_worker;
use db::order_views::Contact;
use db::outbox::{self, Published, RequestStream};
use db::rescue::{self, UnroutedMessage};
use db::retention::Action;
use db::transitions::{self, Unsent};
use db::{
    Database, DbError, board, estimates, history, idempotency, intake, inventory, kitchen_tickets, menu,
    order_days, order_requests, order_views, orders, price_rules, retention, schema, secrets, staff_figures,
    startup, status_events, workers,
};
use domain::OrderStatus::{Cancelled, Received};
use domain::menu::SoldOutUntil;
use domain::{
    Fingerprint, IdempotencyKey, IdempotentRequest, OrderType, ServerUser, ServiceName, Specialisation,
};

use crate::outbox::LOOK;
use crate::requesting;
use crate::scene::{
    HEARTBEAT, LEASE, Scene, anna, finished, granted, identity, place, place_under, process, recalled,
    request_id, takeout, wish,
};
use crate::shop::{Basket, discount, fee, item, left, rules, sell};

const PATIENCE: Duration = Duration::from_mins(1);

/// What failed, and why.
#[derive(Debug)]
pub struct Undone {
    pub what: &'static str,
    pub why: DbError,
}

fn done<T>(what: &'static str, outcome: Result<T, DbError>) -> Result<T, Undone> {
    outcome.map_err(|why| Undone { what, why })
}

/// Everything that a user does. What others do before, the scene does.
pub async fn all(user: ServerUser, scene: &Scene, db: &Database) -> Result<(), Undone> {
    let service = match user {
        ServerUser::Service(service) => service,
        ServerUser::TrackingStaff | ServerUser::Exporter => return staff_lists(scene, db).await,
        ServerUser::Pruner => return what_is_old_goes(db).await,
    };
    done("schema::state", schema::state(db).await)?;
    done("startup::has_tables", startup::has_tables(db, service).await)?;
    match service {
        ServiceName::Order => {
            orders_are_placed(db).await?;
            orders_are_changed(scene, db).await?;
            orders_come_as_messages(db).await?;
            the_menu_is_edited(db).await?;
            the_stock_is_edited(db).await?;
            the_intake_is_paused(db).await?;
            messages_are_sent(scene, db).await?;
            orders_are_rescued(scene, db).await
        }
        ServiceName::Kitchen => kitchen(scene, db).await,
        ServiceName::Tracking => tracking(scene, db).await,
        ServiceName::Notifier => Ok(()),
    }
}

async fn orders_are_placed(db: &Database) -> Result<(), Undone> {
    let key = identity().to_string();
    let request = IdempotentRequest {
        key: IdempotencyKey::parse(key.as_bytes()).unwrap(),
        fingerprint: Fingerprint::of(b"a body"),
    };
    done("secrets::order_token_key", secrets::order_token_key(db).await)?;
    done("orders::place", place(db, &[takeout()]).await)?;
    done("orders::place with a key", place_under(db, &request).await)?;
    done("orders::find_out", orders::find_out(db, &[identity()]).await)?;
    done("idempotency::find", idempotency::find(db, &request.key).await)?;
    done("idempotency::prune", idempotency::prune(db, 1).await)?;
    Ok(())
}

async fn the_menu_is_edited(db: &Database) -> Result<(), Undone> {
    let soup = item("soup", "1.00");
    done("menu::put", menu::put(db, &soup).await)?;
    done("menu::put once more", menu::put(db, &item("soup", "2.00")).await)?;
    done("menu::merge", menu::merge(db, std::slice::from_ref(&soup)).await)?;
    done("menu::mark_sold_out", menu::mark_sold_out(db, &soup.id, SoldOutUntil::FurtherNotice).await)?;
    done("menu::bring_back", menu::bring_back(db, &soup.id).await)?;
    done("menu::version", menu::version(db).await)?;
    done("menu::read", menu::read(db).await)?;
    done("menu::snapshot", menu::snapshot(db).await)?;
    done("menu::delete", menu::delete(db, &soup.id, "staff").await)?;
    done("menu::replace", menu::replace(db, &[soup], "staff").await)?;
    for percent in ["5", "10"] {
        let rules = rules(&[discount("happy-hour", percent)]);
        done("price_rules::merge", price_rules::merge(db, &rules).await)?;
    }
    done("price_rules::read", price_rules::read(db).await)?;
    done("price_rules::replace", price_rules::replace(db, &rules(&[])).await)?;
    Ok(())
}

async fn the_stock_is_edited(db: &Database) -> Result<(), Undone> {
    let soup = item("soup", "1.00").id;
    for left in [None, Some(left(10)), None, Some(left(10))] {
        done("inventory::set_left", inventory::set_left(db, &soup, left, "staff").await)?;
    }
    done("inventory::restock", inventory::restock(db, &soup, 5, "staff").await)?;
    done("inventory::list", inventory::list(db).await)?;
    done("inventory::used_up", inventory::used_up(db).await)?;
    done("inventory::left_of", inventory::left_of(db, std::slice::from_ref(&soup)).await)?;
    done("inventory::movements", inventory::movements(db, &soup, None, 10).await)?;
    let sold = Basket::of(&[("soup", 2)]).with(&[fee("1.00")]);
    let outcomes = done("orders::place from the menu", sell(db, &[sold]).await)?;
    let order = outcomes[0].clone().placed().unwrap();
    let request_id = request_id("a-request");
    let change = transitions::change(db, &order.number, None, &[Received], Cancelled, "guest", &request_id);
    done("transitions::change of an order from the menu", change.await)?;
    Ok(())
}

async fn the_intake_is_paused(db: &Database) -> Result<(), Undone> {
    for message in ["first", "second"] {
        done("intake::pause", intake::pause(db, PATIENCE, message).await)?;
    }
    done("intake::current_pause", intake::current_pause(db).await)?;
    done("intake::resume", intake::resume(db).await)?;
    done("intake::waiting", intake::waiting(db).await)?;
    done("intake::kitchen_load", intake::kitchen_load(db, 1, &[identity()]).await)?;
    Ok(())
}

async fn orders_are_changed(scene: &Scene, db: &Database) -> Result<(), Undone> {
    let order = scene.place().await;
    let request_id = request_id("a-request");
    let (from, next, meant) = (&[Received], Cancelled, Some(&order.identity));
    let unsent = Unsent { identity: order.identity, request_id: &request_id, idempotency_key: None };
    let change = transitions::change(db, &order.number, meant, from, next, "guest", &request_id).await;
    done("transitions::change", change)?;
    done("transitions::take_back", transitions::take_back(db, &[unsent], "a reason").await)?;
    Ok(())
}

async fn orders_come_as_messages(db: &Database) -> Result<(), Undone> {
    let (new, refused) = (requesting::new_request(), requesting::new_request());
    let outcomes = done("orders::place with a request", requesting::place(db, &[new]).await)?;
    let order = outcomes[0].clone().placed().unwrap();
    done("orders::place with a known request", requesting::place(db, &[new]).await)?;
    done("order_requests::find", order_requests::find(db, &[new.order_id]).await)?;
    let request_id = request_id("a-request");
    let failed = order_requests::fail(db, &refused, &request_id, &requesting::failure()).await;
    done("order_requests::fail", failed)?;
    done("outbox::settle_orders with a request", outbox::settle_orders(db, &[order.identity]).await)?;
    for stream in RequestStream::ALL {
        let relayed = outbox::relay_request_events(db, stream, LOOK, async |rows| Published {
            confirmed: vec![rows[0].id],
            refused: rows[1..].iter().map(|row| row.id).collect(),
            ..Published::default()
        });
        done("outbox::relay_request_events", relayed.await)?;
    }
    Ok(())
}

async fn messages_are_sent(scene: &Scene, db: &Database) -> Result<(), Undone> {
    let orders = scene.place_many(2).await;
    for order in &orders {
        scene.granted(&anna(), order).await;
    }
    scene.all_due().await;
    done("outbox::due", outbox::due(db).await)?;
    let relayed = outbox::relay_orders(db, OrderType::Takeout, LOOK, async |rows| Published {
        confirmed: vec![rows[0].order_id],
        refused: rows[1..].iter().map(|row| row.order_id).collect(),
        ..Published::default()
    });
    done("outbox::relay_orders", relayed.await)?;
    let relayed = outbox::relay_status_updates(db, LOOK, async |rows| Published {
        confirmed: vec![rows[0].id],
        refused: rows[1..].iter().map(|row| row.id).collect(),
        ..Published::default()
    });
    done("outbox::relay_status_updates", relayed.await)?;
    done("outbox::settle_orders", outbox::settle_orders(db, &[orders[0].identity]).await)
}

async fn orders_are_rescued(scene: &Scene, db: &Database) -> Result<(), Undone> {
    let order = scene.place().await;
    let row = [scene.row_of(&order).await];
    let stray = UnroutedMessage { number: order.number, identity: Some(order.identity) };
    let of = OrderType::Takeout;
    done("claims::correct_leases", claims::correct_leases(db).await)?;
    done("workers::any_may_hold", workers::any_may_hold(db).await)?;
    done("rescue::waiting", rescue::waiting(db, of, PATIENCE, 10).await)?;
    done("rescue::still_waiting", rescue::still_waiting(db, &row, PATIENCE).await)?;
    done("rescue::redeliver", rescue::redeliver(db, &row, PATIENCE, 10).await)?;
    done("rescue::escalate", rescue::escalate(db, of, PATIENCE, 10).await)?;
    done("rescue::reclaim", rescue::reclaim(db, of, PATIENCE, 10).await)?;
    done("rescue::reroute", rescue::reroute(db, &[stray]).await)?;
    done("rescue::prune", rescue::prune(db).await)
}

async fn kitchen(scene: &Scene, db: &Database) -> Result<(), Undone> {
    let order = scene.place().await;
    // A row of its own, so that it takes a new id.
    let cook = process(&identity().to_string(), 7);
    let registered = workers::register(db, &cook, &Specialisation::General, HEARTBEAT, true).await;
    done("workers::register", registered)?;
    let claim = async || claims::claim(db, &cook, LEASE, &[wish(&order)], LockMode::Wait).await;
    done("claims::claim", claim().await)?;
    let claimed = done("claims::claim once more", claim().await)?.remove(0).unwrap();
    let claim = granted(claimed);
    done("claims::held", claims::held(db, &cook, &[claim.order_id]).await)?;
    done("workers::hold", workers::hold(db, &cook, &[order.number]).await)?;
    done("workers::heartbeat", workers::heartbeat(db, &cook, &[claim.order_id], LEASE).await)?;
    let cooked = claims::finish(db, &cook, &[finished(&order, &claim)], LockMode::Wait).await;
    done("claims::finish", cooked)?;
    let recall = async || claims::recall(db, &cook, LEASE, &recalled(&order)).await;
    done("claims::recall", recall().await)?;
    done("claims::recall once more", recall().await)?;
    done("of_worker::of_orders", of_worker::of_orders(db, &[order.number]).await)?;
    done("of_worker::recallable", of_worker::recallable(db, &cook.worker).await)?;
    done("of_worker::cooking_times", of_worker::cooking_times(db).await)?;
    done("of_worker::message", of_worker::message(db, order.number).await)?;
    let told = claim.status_update.iter().map(|row| row.id).collect::<Vec<_>>();
    done("outbox::settle_status_updates", outbox::settle_status_updates(db, &told).await)?;
    done("workers::all", workers::all(db).await)?;
    done("workers::go_offline", workers::go_offline(db, &cook).await)
}

async fn tracking(scene: &Scene, db: &Database) -> Result<(), Undone> {
    let order = scene.place().await;
    done("history::current_statuses", history::current_statuses(db, &[order.number]).await)?;
    done("history::history", history::history(db, &order.number).await)?;
    let request = requesting::new_request().order_id;
    done("order_requests::find", order_requests::find(db, &[request]).await)?;
    done("board::read", board::read(db, PATIENCE).await)?;
    done("estimates::bases", estimates::bases(db, &[order.number]).await)?;
    done("order_days::above", order_days::above(db, time::OffsetDateTime::UNIX_EPOCH).await)?;
    done("order_views::one", order_views::one(db, &order.number, Contact::Hidden).await)?;
    done("secrets::order_token_key", secrets::order_token_key(db).await)?;
    done("staff_figures::read", staff_figures::read(db).await)?;
    done("status_events::newest_ids", status_events::newest_ids(db, 1).await)?;
    done("status_events::read", status_events::read(db, &[(1, i64::MAX)], 1).await)?;
    done("status_events::look", status_events::look(db, &[(1, i64::MAX)], 1).await)?;
    done("status_events::of_orders", status_events::of_orders(db, &[order.number]).await)?;
    done("workers::all", workers::all(db).await)?;
    Ok(())
}

/// What the tracking service reads under its second role.
async fn staff_lists(scene: &Scene, db: &Database) -> Result<(), Undone> {
    let order = scene.place().await;
    done("kitchen_tickets::read", kitchen_tickets::read(db).await)?;
    let all = order_views::Filter { limit: 1, ..Default::default() };
    done("order_views::list", order_views::list(db, &all).await)?;
    done("order_views::one", order_views::one(db, &order.number, Contact::Shown).await)?;
    Ok(())
}

/// What `restaurant-ctl prune` does, of whatever age the orders are.
async fn what_is_old_goes(db: &Database) -> Result<(), Undone> {
    done("schema::state", schema::state(db).await)?;
    let horizon = done("retention::horizon", retention::horizon(db, retention::YOUNGEST).await)?;
    for action in [Action::CountNamed, Action::Anonymise, Action::Count, Action::Remove] {
        done("retention::order_piece", retention::order_piece(db, &horizon, action, None).await)?;
        done("retention::request_piece", retention::request_piece(db, &horizon, action, None).await)?;
    }
    done("retention::count_workers", retention::count_workers(db, &horizon).await)?;
    done("retention::remove_workers", retention::remove_workers(db, &horizon).await)?;
    Ok(())
}
