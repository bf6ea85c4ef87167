//! When a rule applies.

use time::{Date, PrimitiveDateTime};

use super::hours::Hours;
use super::weekdays::Weekdays;
use crate::order_types::OrderTypes;
use crate::{Money, OrderType};

/// What the conditions of a rule look at. All rules of one quote look at the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The type of the order.
    pub order_type: OrderType,
    /// The moment of the order, in the restaurant's local time.
    pub at: PrimitiveDateTime,
    /// The sum of the lines before any discount.
    pub subtotal: Money,
}

/// All of these must hold. By default they hold always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The least sum of the lines before any discount.
    pub min_total: Option<Money>,
    /// The order types to which the rule applies.
    pub order_types: OrderTypes,
    /// The days. With hours that cross midnight, the day on which they began counts.
    pub weekdays: Weekdays,
    /// The hours of the day; `None`: all day.
    pub hours: Option<Hours>,
    /// The first day, in the restaurant's local time.
    pub valid_from: Option<Date>,
    /// The last day, which is included.
    pub valid_until: Option<Date>,
}

impl Conditions {
    /// Whether all of them hold.
    pub fn hold(&self, circumstances: &Circumstances) -> bool {
        let Circumstances { order_type, at, subtotal } = circumstances;
        let weekday = match self.hours {
            Some(hours) => hours.weekday_at(*at),
            None => Some(at.weekday()),
        };
        weekday.is_some_and(|day| self.weekdays.contains(day))
            && self.order_types.contains(*order_type)
            && self.valid_from.is_none_or(|first| at.date() >= first)
            && self.valid_until.is_none_or(|last| at.date() <= last)
            && self.min_total.as_ref().is_none_or(|least| subtotal >= least)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    fn monday_noon() -> Circumstances {
        Circumstances {
            order_type: OrderType::Takeout,
            at: datetime!(2026-11-30 12:00),
            subtotal: Money::from_cents(2_000),
        }
    }

    #[test]
    fn without_conditions_a_rule_applies_always() {
        assert!(Conditions::default().hold(&monday_noon()));
    }

    #[test]
    fn each_condition_has_its_borders() {
        let hours = Some("12:00-14:00".parse().unwrap());
        let takeout = OrderTypes::of(&[OrderType::Takeout]).unwrap();
        let monday = Weekdays::parse(&["mon"]).unwrap();
        let conditions = Conditions {
            min_total: Some(Money::from_cents(2_000)),
            order_types: takeout,
            weekdays: monday,
            hours,
            valid_from: Some(date!(2026 - 11 - 30)),
            valid_until: Some(date!(2026 - 11 - 30)),
        };
        assert!(conditions.hold(&monday_noon()));
        for other in [
            Circumstances { subtotal: Money::from_cents(1_999), ..monday_noon() },
            Circumstances { order_type: OrderType::Delivery, ..monday_noon() },
            Circumstances { at: datetime!(2026-11-30 11:59:59), ..monday_noon() },
            Circumstances { at: datetime!(2026-11-30 14:00), ..monday_noon() },
            Circumstances { at: datetime!(2026-11-23 12:00), ..monday_noon() },
            Circumstances { at: datetime!(2026-12-07 12:00), ..monday_noon() },
        ] {
            assert!(!conditions.hold(&other), "{other:?}");
        }
    }

    #[test]
    fn the_last_day_ends_at_midnight_even_if_the_hours_cross_it() {
        let conditions = Conditions {
            hours: Some("22:00-02:00".parse().unwrap()),
            weekdays: Weekdays::parse(&["mon"]).unwrap(),
            valid_until: Some(date!(2026 - 11 - 30)),
            ..Conditions::default()
        };
        let at = |at| Circumstances { at, ..monday_noon() };
        assert!(conditions.hold(&at(datetime!(2026-11-30 23:59:59))));
        assert!(!conditions.hold(&at(datetime!(2026-12-01 00:00))));
        assert!(conditions.hold(&at(datetime!(2026-11-24 01:00))), "Tuesday 1 a.m. belongs to Monday");
        assert!(!conditions.hold(&at(datetime!(2026-11-23 01:00))), "Monday 1 a.m. belongs to Sunday");
    }
}
