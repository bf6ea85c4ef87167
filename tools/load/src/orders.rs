//! The orders that a load places, and what each of them should cost.

use std::sync::{Mutex, MutexGuard, PoisonError};

use devcluster::customers::customers;
use devcluster::menu::{Menu, MenuError};
use domain::{Money, place_order};
use restaurant_load::connection::{Connection, RequestError};
use runtime::{Exit, with_causes};
use serde::Deserialize;

use crate::response::Response;
use crate::service::Service;

/// The number of prepared orders, which are reused when all have been sent.
const PRICED_BY_GUESTS: usize = 4_096;
/// Fewer from a menu: the service quotes each of them beforehand.
const FROM_MENU: usize = 512;

/// An order, again and again.
#[derive(Debug)]
pub struct Order {
    body: String,
    /// What it should cost.
    total: Mutex<Money>,
    /// Whether the service says what it costs. That may change: there are rules for hours.
    is_quoted: bool,
}

#[derive(Deserialize)]
struct Placed {
    order_number: String,
    total_amount: Money,
}

#[derive(Deserialize)]
struct Quote {
    total: Money,
}

/// Orders whose guests say what they cost.
pub fn priced_by_guests(seed: u64) -> Vec<Order> {
    let order = |body: String| {
        let total = place_order::parse(body.as_bytes()).ok()?.total_amount;
        Some(Order { body, total: Mutex::new(total), is_quoted: false })
    };
    let customers = customers(&Menu::priced_by_guests(), seed, PRICED_BY_GUESTS);
    customers.into_iter().filter_map(|customer| order(customer.body.to_string())).collect()
}

/// Orders from the menu of this service, by `item_id` and without prices.
///
/// # Errors
/// It has no menu, nothing on it can be ordered, or it quotes no price.
pub async fn from_menu(service: Service, seed: u64) -> Result<Vec<Order>, Exit> {
    let failed = |why: &str| Exit::Failed(format!("--menu: {service}: {why}"));
    let menu = Menu::of_service(service.address).await.map_err(|why| {
        let advice = match why {
            MenuError::Off => ". Switch it on (MENU_MODE=on), or leave out --menu",
            MenuError::Empty => {
                ". Import one ('restaurant-ctl menu import deploy/menu.yaml'), or restock what is sold out"
            }
            MenuError::Unanswered(_) | MenuError::Refused(_) | MenuError::Unreadable(_) => "",
        };
        failed(&format!("{}{advice}", with_causes(&why)))
    })?;
    let mut connection = Connection::to(service.address);
    let mut orders = Vec::with_capacity(FROM_MENU);
    for customer in customers(&menu, seed, FROM_MENU) {
        let body = customer.body.to_string();
        let total = quote(&mut connection, &body).await;
        let total =
            total.map_err(|why| failed(&format!("it quotes no price for {body}: {}", with_causes(&*why))))?;
        orders.push(Order { body, total: Mutex::new(total), is_quoted: true });
    }
    Ok(orders)
}

/// What the service says that an order costs at this moment.
async fn quote(connection: &mut Connection, body: &str) -> Result<Money, RequestError> {
    let (status, answer) = connection.send("POST", "/calculate_price", body.to_owned()).await?;
    if status != 200 {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into());
    }
    Ok(serde_json::from_slice::<Quote>(&answer)?.total)
}

impl Order {
    /// Places it.
    pub async fn place(&self, connection: &mut Connection) -> Response {
        let (status, body) = match connection.send("POST", "/orders", self.body.clone()).await {
            Ok(answer) => answer,
            Err(why) => return Response::Failed(why.to_string()),
        };
        if status != 200 {
            return Response::refused(status, &body);
        }
        match serde_json::from_slice(&body) {
            Ok(Placed { order_number, total_amount }) => {
                let mispriced = self.mispriced(&order_number, total_amount, connection).await;
                Response::Accepted { number: order_number, mispriced }
            }
            Err(why) => Response::Failed(format!("an answer that cannot be read: {why}")),
        }
    }

    /// Compares the total of an answer with what the order should cost. If they differ, a rule may
    /// apply now that did not before: then it is quoted once more.
    async fn mispriced(&self, number: &str, total: Money, connection: &mut Connection) -> Option<String> {
        if *self.total() == total {
            return None;
        }
        let quoted = if self.is_quoted { quote(connection, &self.body).await.ok() } else { None };
        let mut expected = self.total();
        if let Some(quoted) = quoted {
            *expected = quoted;
        }
        (*expected != total).then(|| format!("{number} costs {total}, and should cost {expected}"))
    }

    fn total(&self) -> MutexGuard<'_, Money> {
        self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
