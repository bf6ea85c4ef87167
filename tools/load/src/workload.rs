//! The requests that a load consists of.

use std::str::FromStr;
use std::time::Duration;

use domain::OrderNumber;
use restaurant_load::connection::Connection;

use crate::orders::Order;
use crate::response::Response;

/// Pause after a failure, so that an unreachable server gets no thousand requests a second.
pub const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// An odd constant without a short period: orders are read in a sequence that no cache can predict.
const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

/// The kind of requests.
#[derive(Debug)]
pub enum Workload {
    /// Place these orders, which are reused when all have been sent.
    Order(Vec<Order>),
    /// Read the status of orders in this range.
    Ask(OrderRange),
}

impl Workload {
    /// Sends the request of this number.
    pub async fn run(&self, number: u64, connection: &mut Connection) -> Response {
        match self {
            Self::Order(orders) => {
                let place = usize::try_from(number).unwrap_or(usize::MAX) % orders.len().max(1);
                match orders.get(place) {
                    Some(order) => order.place(connection).await,
                    None => Response::Failed("there is no order to place".to_owned()),
                }
            }
            Self::Ask(orders) => {
                let path = format!("/orders/{}/status", orders.pick(number));
                match connection.send("GET", &path, String::new()).await {
                    Ok((200, _)) => Response::Status,
                    Ok((status, _)) => Response::Refused(status),
                    Err(why) => Response::Failed(why.to_string()),
                }
            }
        }
    }
}

/// A range of a day's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRange {
    first: OrderNumber,
    last: u32,
}

/// The text is not a range of order numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no range of orders such as ORD_20261121_001..5000")]
pub struct ParseOrderRangeError;

impl FromStr for OrderRange {
    type Err = ParseOrderRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once("..").ok_or(ParseOrderRangeError)?;
        let first: OrderNumber = first.parse().map_err(|_| ParseOrderRangeError)?;
        let last = last.parse().map_err(|_| ParseOrderRangeError)?;
        if last < first.sequence() { Err(ParseOrderRangeError) } else { Ok(Self { first, last }) }
    }
}

impl OrderRange {
    /// One of the orders. The same number always picks the same order.
    fn pick(self, number: u64) -> OrderNumber {
        let count = u64::from(self.last - self.first.sequence()) + 1;
        let place = (number.wrapping_mul(STRIDE) >> 16) % count;
        let place = u32::try_from(place).unwrap_or(0);
        OrderNumber::new(self.first.day(), self.first.sequence() + place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_and_stays_within() {
        let range: OrderRange = "ORD_20261121_010..1012".parse().unwrap();
        let picked: Vec<u32> = (0..50_000).map(|number| range.pick(number).sequence()).collect();
        assert_eq!((picked.iter().min(), picked.iter().max()), (Some(&10), Some(&1_012)));
        for text in ["", "ORD_20261121_010", "ORD_20261121_010..9", "ORD_20261121_010..", "..5", "ORD_x..5"] {
            assert_eq!(text.parse::<OrderRange>(), Err(ParseOrderRangeError), "{text}");
        }
    }
}
