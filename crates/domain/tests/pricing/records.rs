//! Rules as records of a file.

use domain::pricing::{PriceRule, Reduction, Target};
use proptest::prelude::*;

use crate::properties::any_rule;
use crate::scene::{record, rule};

fn faults(fields: &[(&'static str, &str)]) -> Vec<String> {
    let all = [&[("id", "a"), ("label", "A")], fields].concat();
    match PriceRule::from_record(&record(&all)) {
        Ok(rule) => panic!("accepted: {rule:?}"),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_fault_is_named_with_its_field() {
    let refused = PriceRule::from_record(&record(&[
        ("id", "Happy Hour"),
        ("kind", "discount"),
        ("label", " Happy"),
        ("priority", "-1"),
        ("percent", "130"),
        ("min_total", "0"),
        ("order_types", "takeout,drone"),
        ("weekdays", ""),
        ("hours", "15-18"),
        ("valid_from", "2026-13-01"),
        ("valid_until", "31.12.2026"),
    ]))
    .unwrap_err();
    let refused: Vec<_> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [
            "id must be 1 to 64 of the characters a-z, 0-9 and '-', and must not begin with '-'",
            "label must not begin or end with a space",
            "priority must be a whole number from 0 to 10000",
            "valid_from must be a day such as 2026-12-31",
            "valid_until must be a day such as 2026-12-31",
            "min_total must be between 0.01 and 99999999.99",
            "order_types names the unknown order type 'drone' (allowed: dine_in, takeout, delivery)",
            "weekdays names no weekday (leave it out for all of them)",
            "hours must be two times such as \"15:00-18:00\", from 00:00 to 24:00",
            "percent must be above 0 and at most 100",
        ]
    );
}

#[test]
fn a_field_that_would_have_no_effect_is_refused() {
    for (fields, fault) in [
        (&[("kind", "discount")][..], "percent or amount is required in a discount"),
        (
            &[("kind", "discount"), ("percent", "5"), ("amount", "1.00")],
            "amount must not be present beside percent: a discount has one of them",
        ),
        (
            &[("kind", "discount"), ("percent", "5"), ("item", "a"), ("category", "A")],
            "category must not be present beside item: a rule has one of them",
        ),
        (
            &[("kind", "discount"), ("percent", "5"), ("below", "5")],
            "below must not be present in a discount",
        ),
        (&[("kind", "fee")], "amount is required"),
        (&[("kind", "fee"), ("amount", "1"), ("percent", "5")], "percent must not be present in a fee"),
        (&[("kind", "fee"), ("amount", "1"), ("item", "a")], "item must not be present in a fee"),
        (&[("kind", "fee"), ("amount", "0")], "amount must be between 0.01 and 999.99"),
        (&[("kind", "fee"), ("amount", "1.001")], "amount must have at most two decimals"),
        (&[("kind", "tax")], "rate is required"),
        (&[("kind", "tax"), ("rate", "101")], "rate must be between 0 and 100"),
        (&[("kind", "tax"), ("rate", "5"), ("amount", "1")], "amount must not be present in a tax"),
        (&[("kind", "tax"), ("rate", "5"), ("included", "yes")], "included must be true or false"),
        (&[("kind", "gift")], "kind must be one of 'discount', 'fee', 'tax'"),
        (&[], "kind is required"),
        (
            &[("kind", "tax"), ("rate", "5"), ("valid_from", "2026-12-31"), ("valid_until", "2026-12-30")],
            "valid_until must not be before valid_from, 2026-12-31",
        ),
    ] {
        assert_eq!(faults(fields), [fault], "{fields:?}");
    }
}

#[test]
fn a_discount_of_all_is_allowed() {
    let rule = rule(&[("id", "free"), ("kind", "discount"), ("percent", "100.00"), ("category", "Soups")]);
    let domain::pricing::Effect::Discount { target, reduction } = rule.effect else { panic!("a discount") };
    assert_eq!(target, Target::Category("Soups".parse().unwrap()));
    assert_eq!(reduction, Reduction::Percent(domain::pricing::Percent::ALL));
}

proptest! {
    #[test]
    fn record_and_back(rule in any_rule(7)) {
        prop_assert_eq!(PriceRule::from_record(&rule.to_record()), Ok(rule));
    }
}
