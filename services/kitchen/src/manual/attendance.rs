//! Whether somebody attends to the tickets. Orders whose tickets nobody touches must not wait here
//! while other cooks are idle.

use std::time::Duration;

use bus::orders::{Rest, Resting};
use db::{Database, workers};
use domain::{OrderNumber, OrderType};
use tokio::time::sleep;

use super::board::Board;

/// How often it is asked whether another cook is idle, about an order that nobody touches.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The same while the worker takes no orders in: whoever is idle has taken by then what was handed
/// back.
const REST_INTERVAL: Duration = Duration::from_secs(10);

/// Watches over the tickets of a manual worker. Cheap to clone.
#[derive(Clone)]
pub struct Attendance {
    pub board: Board,
    pub db: Database,
    pub resting: Resting,
    /// For how long a ticket may stay untouched.
    pub hand_back_after: Duration,
}

impl Attendance {
    /// Waits until nobody has touched the ticket of an order for so long, and another cook is idle.
    pub async fn neglected(&self, number: OrderNumber, order_type: OrderType) {
        sleep(self.hand_back_after).await;
        while !(self.board.is_untouched(number) && self.is_another_idle(order_type).await) {
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// As long as it is held, no orders come in.
    pub fn rest(&self) -> Rest {
        self.resting.begin()
    }

    /// Waits until orders of this type are to come in again: somebody attends, or no other cook is
    /// idle any more.
    pub async fn needed(&self, order_type: OrderType) {
        let others_are_busy = async {
            sleep(REST_INTERVAL).await;
            while self.is_another_idle(order_type).await {
                sleep(REST_INTERVAL).await;
            }
        };
        tokio::select! {
            () = self.board.attended() => {}
            () = others_are_busy => {}
        }
    }

    /// No, while the database does not say so. An outage shows in the heartbeat.
    async fn is_another_idle(&self, order_type: OrderType) -> bool {
        workers::any_idle(&self.db, order_type).await.unwrap_or(false)
    }
}
