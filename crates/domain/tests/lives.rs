//! Lives of orders, whatever people and workers try: nothing leaves its end, and only recalls make
//! a status come again. That each order counts once is a matter of the statements (`db`).
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
    fn no_life_leaves_its_end_and_only_recalls_repeat_a_status(
        attempts in prop::collection::vec(attempt(), 0..60),
    ) {
        let mut life = vec![Received];
        for attempt in attempts {
            let before = *life.last().unwrap();
            let next = match attempt {
                Attempt::Become(next) if before.may_become(next) => next,
                Attempt::Recall if before == OrderStatus::RECALL.0 => OrderStatus::RECALL.1,
                Attempt::Become(_) | Attempt::Recall => continue,
            };
            prop_assert!(![Completed, Cancelled].contains(&before), "{before} became {next}: {life:?}");
            life.push(next);
        }
        let recalls = life.windows(2).filter(|pair| (pair[0], pair[1]) == OrderStatus::RECALL).count();
        let times = |status| life.iter().filter(|each| **each == status).count();
        prop_assert_eq!(times(Received), 1);
        prop_assert!(times(Cooking) <= 1 + recalls && times(Ready) <= 1 + recalls);
        prop_assert!(times(Completed) + times(Cancelled) <= 1);
    }
}
