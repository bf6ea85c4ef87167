//! Lives of orders, whatever people and workers try: with recalls, an order is counted once, and
//! nothing leaves its end.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use domain::OrderStatus;
use domain::OrderStatus::{Cancelled, Completed, Cooking, Ready, Received};
use proptest::prelude::*;

/// What somebody tries.
#[derive(Clone, Copy, Debug)]
enum Attempt {
    Become(OrderStatus),
    Recall,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    prop_oneof![
        4 => prop::sample::select(OrderStatus::ALL.to_vec()).prop_map(Attempt::Become),
        2 => Just(Attempt::Recall),
        2 => Just(Attempt::Become(Ready)),
        1 => Just(Attempt::Become(Cooking)),
    ]
}

proptest! {
    #[test]
    fn no_life_leaves_its_end_and_every_order_counts_once(attempts in prop::collection::vec(attempt(), 0..60)) {
        let (mut status, mut counted, mut life) = (Received, 0, vec![Received]);
        for attempt in attempts {
            let before = status;
            match attempt {
                Attempt::Become(next) if status.may_become(next) => status = next,
                Attempt::Recall if status == OrderStatus::RECALL.0 => status = OrderStatus::RECALL.1,
                Attempt::Become(_) | Attempt::Recall => continue,
            }
            prop_assert!(![Completed, Cancelled].contains(&before), "{before} became {status}: {life:?}");
            if status == Ready {
                counted += 1;
            } else if (before, status) == OrderStatus::RECALL {
                counted -= 1;
            }
            life.push(status);
            let is_made = match status {
                Received | Cooking => false,
                Ready | Completed => true,
                Cancelled => before == Ready,
            };
            prop_assert_eq!(counted, i32::from(is_made), "{:?}", life);
        }
        // Only recalls make a status come again.
        let recalls = life.windows(2).filter(|pair| (pair[0], pair[1]) == OrderStatus::RECALL).count();
        let times = |status| life.iter().filter(|each| **each == status).count();
        prop_assert_eq!(times(Received), 1);
        prop_assert!(times(Cooking) <= 1 + recalls && times(Ready) <= 1 + recalls);
        prop_assert!(times(Completed) + times(Cancelled) <= 1);
    }
}
