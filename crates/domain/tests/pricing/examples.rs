//! One example for each sentence of the order of application.

use domain::OrderType;
use domain::pricing::{PricedLine, QuoteError, RuleSet, RuleSetError, quote};
use time::macros::datetime;

use crate::scene::{NOON, adjustments, line, money, rule, rules, sums, takeout};

#[test]
fn without_rules_the_total_is_the_sum_of_the_lines() {
    let lines = [line("pho-bo", "Soups", 7, "15.99"), line("tea", "Drinks", 1, "2.00")];
    let quote = takeout(&lines, &RuleSet::default());
    assert_eq!(sums(&quote), ["113.93", "0.00", "0.00", "0.00", "113.93"]);
    assert_eq!(adjustments(&quote), [""; 0]);
    assert_eq!(quote.lines[0].net, money("111.93"));
    let nothing = takeout(&[], &RuleSet::default());
    assert_eq!(sums(&nothing), ["0.00"; 5]);
}

#[test]
fn a_percentage_is_rounded_once_for_the_rule_and_not_for_each_piece() {
    // 10 % of 11 × 1.05 = 11.55 is 1.155. Each piece alone would give 11 × 0.11 = 1.21.
    let ten = rules(&[&[("id", "ten"), ("kind", "discount"), ("percent", "10"), ("item", "a")]]);
    let quote = takeout(&[line("a", "Soups", 11, "1.05")], &ten);
    assert_eq!(adjustments(&quote), ["ten 0 11.55 -1.16"]);
    // Three lines of 0.05: 10 % of 0.15 is 0.015, so 0.02. Each line alone would give 0.03.
    let lines = ["a", "b", "c"].map(|item| line(item, "Soups", 1, "0.05"));
    let ten = rules(&[&[("id", "ten"), ("kind", "discount"), ("percent", "10")]]);
    let quote = takeout(&lines, &ten);
    assert_eq!(adjustments(&quote), ["ten 0 0.05 -0.01", "ten 1 0.05 -0.01"]);
    assert_eq!(sums(&quote), ["0.15", "0.02", "0.00", "0.00", "0.13"]);
}

#[test]
fn items_come_before_the_order_whatever_their_priorities_are() {
    let rules = rules(&[
        &[("id", "order"), ("kind", "discount"), ("percent", "10"), ("priority", "0")],
        &[("id", "item"), ("kind", "discount"), ("amount", "2.00"), ("item", "a"), ("priority", "9")],
    ]);
    let quote = takeout(&[line("a", "Soups", 1, "10.00"), line("b", "Soups", 1, "10.00")], &rules);
    assert_eq!(adjustments(&quote), ["item 0 10.00 -2.00", "order 0 8.00 -0.80", "order 1 10.00 -1.00"]);
    assert_eq!(sums(&quote), ["20.00", "3.80", "0.00", "0.00", "16.20"]);
}

#[test]
fn each_discount_is_on_what_the_previous_one_left_by_priority_and_id() {
    let fixed = [("kind", "discount"), ("amount", "4.00")];
    let percent = [("kind", "discount"), ("percent", "50")];
    let with = |fields: [(&'static str, &'static str); 2], id, priority| {
        rule(&[&fields[..], &[("id", id), ("priority", priority)]].concat())
    };
    let total = |rules: Vec<_>| {
        takeout(&[line("a", "Soups", 1, "10.00")], &RuleSet::new(rules).unwrap()).total.to_string()
    };
    // (10 - 4) / 2 or 10 / 2 - 4, by the priority, then by the id, never by the place in the list.
    for (fixed_at, percent_at, expected) in [
        (("b", "1"), ("a", "2"), "3.00"),
        (("b", "2"), ("a", "1"), "1.00"),
        (("a", "1"), ("b", "1"), "3.00"),
        (("b", "1"), ("a", "1"), "1.00"),
    ] {
        let one = with(fixed, fixed_at.0, fixed_at.1);
        let other = with(percent, percent_at.0, percent_at.1);
        assert_eq!(total(vec![one.clone(), other.clone()]), expected);
        assert_eq!(total(vec![other, one]), expected);
    }
}

#[test]
fn an_amount_is_for_each_piece_of_an_item_and_at_most_its_price() {
    let rules = rules(&[
        &[("id", "soups"), ("kind", "discount"), ("amount", "2.00"), ("category", "Soups")],
        &[("id", "tea"), ("kind", "discount"), ("amount", "5.00"), ("item", "tea")],
    ]);
    let lines = [
        line("pho", "Soups", 3, "9.50"),
        line("tea", "Drinks", 2, "1.50"),
        line("broth", "Soups", 2, "1.00"),
    ];
    let quote = takeout(&lines, &rules);
    assert_eq!(adjustments(&quote), ["soups 0 28.50 -6.00", "soups 2 2.00 -2.00", "tea 1 3.00 -3.00"]);
    assert_eq!(sums(&quote), ["33.50", "11.00", "0.00", "0.00", "22.50"]);
}

#[test]
fn an_amount_on_the_order_is_taken_once_and_at_most_the_order() {
    let five = rules(&[&[("id", "five"), ("kind", "discount"), ("amount", "5.00")]]);
    let quote = takeout(&[line("a", "Soups", 3, "10.00"), line("b", "Soups", 1, "10.00")], &five);
    assert_eq!(adjustments(&quote), ["five 0 30.00 -3.75", "five 1 10.00 -1.25"]);
    let quote = takeout(&[line("a", "Soups", 1, "3.00")], &five);
    assert_eq!(sums(&quote), ["3.00", "3.00", "0.00", "0.00", "0.00"]);
}

#[test]
fn a_spread_goes_by_largest_remainder_and_not_by_the_place_of_a_line() {
    // 1.00 over three equal lines: one gets the cent that is left, the one whose id comes first.
    let one = rules(&[&[("id", "one"), ("kind", "discount"), ("amount", "1.00")]]);
    let lines = [line("c", "Soups", 1, "5.00"), line("a", "Soups", 1, "5.00"), line("b", "Soups", 1, "5.00")];
    let quote = takeout(&lines, &one);
    assert_eq!(adjustments(&quote), ["one 0 5.00 -0.33", "one 1 5.00 -0.34", "one 2 5.00 -0.33"]);
    // A line that costs nothing any more gets no cent.
    let free = rules(&[
        &[("id", "one"), ("kind", "discount"), ("amount", "0.01")],
        &[("id", "free"), ("kind", "discount"), ("percent", "100"), ("item", "a")],
    ]);
    let quote = takeout(&lines, &free);
    assert_eq!(adjustments(&quote), ["free 1 5.00 -5.00", "one 2 5.00 -0.01"]);
}

#[test]
fn conditions_look_at_the_sum_before_discounts() {
    let rules = rules(&[
        &[("id", "half"), ("kind", "discount"), ("percent", "50"), ("priority", "1")],
        &[
            ("id", "over"),
            ("kind", "discount"),
            ("amount", "1.00"),
            ("min_total", "20.00"),
            ("priority", "2"),
        ],
        &[("id", "small"), ("kind", "fee"), ("amount", "2.00"), ("below", "20.00")],
    ]);
    let of = |price| takeout(&[line("a", "Soups", 1, price)], &rules);
    assert_eq!(sums(&of("20.00")), ["20.00", "11.00", "0.00", "0.00", "9.00"]);
    assert_eq!(sums(&of("19.99")), ["19.99", "10.00", "2.00", "0.00", "11.99"]);
}

#[test]
fn fees_are_added_once_and_not_taxed() {
    let rules = rules(&[
        &[("id", "delivery"), ("kind", "fee"), ("amount", "3.50"), ("order_types", "delivery")],
        &[("id", "small"), ("kind", "fee"), ("amount", "2.00"), ("below", "15.00")],
        &[("id", "tax"), ("kind", "tax"), ("rate", "10")],
    ]);
    let lines = [line("a", "Soups", 2, "5.00")];
    let delivered = quote(&lines, OrderType::Delivery, NOON, &rules).unwrap();
    assert_eq!(adjustments(&delivered), ["delivery - 10.00 3.50", "small - 10.00 2.00", "tax - 10.00 1.00"]);
    assert_eq!(sums(&delivered), ["10.00", "0.00", "5.50", "1.00", "16.50"]);
    assert_eq!(sums(&takeout(&lines, &rules)), ["10.00", "0.00", "2.00", "1.00", "13.00"]);
}

#[test]
fn tax_is_on_what_discounts_left_rounded_once_for_the_order() {
    let rules = rules(&[
        &[("id", "half"), ("kind", "discount"), ("percent", "50"), ("item", "a")],
        &[("id", "tax"), ("kind", "tax"), ("rate", "7.5")],
    ]);
    // 7.5 % of 0.50 + 0.33 + 0.33 = 1.16 is 0.087. Each line alone would give 0.08 in all.
    let lines = [line("a", "Soups", 1, "1.00"), line("b", "Soups", 1, "0.33"), line("c", "Soups", 1, "0.33")];
    let quote = takeout(&lines, &rules);
    assert_eq!(adjustments(&quote), ["half 0 1.00 -0.50", "tax - 1.16 0.09"]);
    assert_eq!(sums(&quote), ["1.66", "0.50", "0.00", "0.09", "1.25"]);
}

#[test]
fn an_included_tax_is_named_and_adds_nothing() {
    let vat = rules(&[&[("id", "vat"), ("kind", "tax"), ("rate", "10"), ("included", "true")]]);
    let quote = takeout(&[line("a", "Drinks", 1, "11.00")], &vat);
    assert_eq!(adjustments(&quote), ["vat - 11.00 0.00 included 1.00"]);
    assert_eq!(sums(&quote), ["11.00", "0.00", "0.00", "0.00", "11.00"]);
}

#[test]
fn the_most_specific_tax_wins_and_then_priority_and_id() {
    let lines = [
        line("a", "Soups", 1, "10.00"),
        line("beer", "Drinks", 1, "10.00"),
        line("tea", "Drinks", 1, "10.00"),
    ];
    let taxes = rules(&[
        &[("id", "all"), ("kind", "tax"), ("rate", "5"), ("priority", "0")],
        &[("id", "drinks"), ("kind", "tax"), ("rate", "20"), ("category", "Drinks"), ("priority", "1")],
        &[("id", "tea"), ("kind", "tax"), ("rate", "0"), ("item", "tea"), ("priority", "2")],
        &[("id", "zz-tea"), ("kind", "tax"), ("rate", "50"), ("item", "tea"), ("priority", "2")],
        &[("id", "a-tea"), ("kind", "tax"), ("rate", "60"), ("item", "tea"), ("priority", "3")],
    ]);
    let quote = takeout(&lines, &taxes);
    assert_eq!(adjustments(&quote), ["all - 10.00 0.50", "drinks - 10.00 2.00", "tea - 10.00 0.00"]);
    assert_eq!(quote.total, money("32.50"));
}

#[test]
fn rules_of_one_rate_are_rounded_together() {
    // 10 % of 0.05 + 0.05 is 0.01. Each rule alone would give 0.02.
    let taxes = rules(&[
        &[("id", "soups"), ("kind", "tax"), ("rate", "10"), ("category", "Soups")],
        &[("id", "drinks"), ("kind", "tax"), ("rate", "10.0"), ("category", "Drinks")],
    ]);
    let quote = takeout(&[line("a", "Soups", 1, "0.05"), line("tea", "Drinks", 1, "0.05")], &taxes);
    assert_eq!(adjustments(&quote), ["drinks - 0.05 0.01", "soups - 0.05 0.00"]);
    assert_eq!(sums(&quote), ["0.10", "0.00", "0.00", "0.01", "0.11"]);
}

#[test]
fn a_free_order_costs_nothing_and_has_no_tax() {
    let rules = rules(&[
        &[("id", "free"), ("kind", "discount"), ("percent", "100")],
        &[("id", "tax"), ("kind", "tax"), ("rate", "10")],
    ]);
    let quote = takeout(&[line("a", "Soups", 3, "9.99")], &rules);
    assert_eq!(adjustments(&quote), ["free 0 29.97 -29.97"]);
    assert_eq!(sums(&quote), ["29.97", "29.97", "0.00", "0.00", "0.00"]);
}

#[test]
fn what_is_not_on_the_menu_has_rules_for_the_order_only() {
    let rules = rules(&[
        &[("id", "item"), ("kind", "discount"), ("percent", "50"), ("item", "a")],
        &[("id", "order"), ("kind", "discount"), ("percent", "10")],
    ]);
    let price = "10.00".parse().unwrap();
    let quote = takeout(&[PricedLine { item_id: None, category: None, price, quantity: 1 }], &rules);
    assert_eq!(adjustments(&quote), ["order 0 10.00 -1.00"]);
}

#[test]
fn a_happy_hour_lasts_from_its_first_to_its_last_minute() {
    let happy = rules(&[&[
        ("id", "happy-hour"),
        ("kind", "discount"),
        ("percent", "10"),
        ("category", "Soups"),
        ("min_total", "20.00"),
        ("order_types", "takeout"),
        ("weekdays", "mon,tue"),
        ("hours", "15:00-18:00"),
        ("valid_from", "2026-01-01"),
        ("valid_until", "2026-12-31"),
    ]]);
    let lines = [line("pho-bo", "Soups", 2, "10.00")];
    for (at, discount) in [
        (datetime!(2026-11-30 15:00), "2.00"),
        (datetime!(2026-12-01 17:59:59), "2.00"),
        (datetime!(2026-11-30 14:59:59), "0.00"),
        (datetime!(2026-11-30 18:00), "0.00"),
        (datetime!(2026-12-02 16:00), "0.00"),
        (datetime!(2025-12-30 16:00), "0.00"),
        (datetime!(2027-01-04 16:00), "0.00"),
    ] {
        let quote = quote(&lines, OrderType::Takeout, at, &happy).unwrap();
        assert_eq!(quote.discount, money(discount), "{at}");
    }
}

#[test]
fn an_order_that_no_column_holds_is_refused() {
    let largest = |quantity| {
        quote(&[line("a", "Soups", quantity, "999.99")], OrderType::Takeout, NOON, &RuleSet::default())
    };
    assert_eq!(largest(100_000).unwrap().total, money("99999000.00"));
    assert_eq!(largest(u32::MAX), Err(QuoteError::TooLarge));
    let taxed = rules(&[&[("id", "tax"), ("kind", "tax"), ("rate", "10")]]);
    let lines = [line("a", "Soups", 100_000, "999.99")];
    assert_eq!(quote(&lines, OrderType::Takeout, NOON, &taxed), Err(QuoteError::TooLarge));
}

#[test]
fn two_rules_of_one_id_are_no_set() {
    let twin =
        |priority| rule(&[("id", "twin"), ("kind", "fee"), ("amount", "1.00"), ("priority", priority)]);
    let other = rule(&[("id", "other"), ("kind", "fee"), ("amount", "1.00")]);
    let refused = RuleSet::new(vec![twin("1"), other, twin("2")]).unwrap_err();
    assert_eq!(refused, RuleSetError::DuplicateId("twin".parse().unwrap()));
    assert_eq!(refused.to_string(), "two price rules have the id 'twin'");
}

#[test]
fn a_quote_in_json_has_exact_decimals() {
    let rules = rules(&[
        &[
            ("id", "two-off"),
            ("kind", "discount"),
            ("amount", "2.00"),
            ("item", "pho-bo"),
            ("label", "Two off"),
        ],
        &[("id", "vat"), ("kind", "tax"), ("rate", "10"), ("included", "true"), ("label", "VAT")],
    ]);
    let quote = takeout(&[line("pho-bo", "Soups", 1, "9.5")], &rules);
    assert_eq!(
        serde_json::to_string(&quote).unwrap(),
        r#"{"subtotal":9.50,"discount":2.00,"fees":0.00,"tax":0.00,"total":7.50,"adjustments":[{"kind":"discount","rule":"two-off","label":"Two off","line":0,"base":9.50,"amount":-2.00},{"kind":"tax","rule":"vat","label":"VAT","base":7.50,"amount":0.00,"included":0.68}]}"#
    );
}
