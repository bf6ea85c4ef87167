//! Lines and rules, written briefly.

use domain::pricing::{PriceRule, PricedLine, Quote, RuleSet, quote};
use domain::record::Record;
use domain::{Money, OrderType};
use time::PrimitiveDateTime;
use time::macros::datetime;

/// A Monday.
pub const NOON: PrimitiveDateTime = datetime!(2026-11-30 12:00);

/// A line of an item on the menu: id, category, quantity, price.
pub fn line(item: &str, category: &str, quantity: u32, price: &str) -> PricedLine {
    PricedLine {
        item_id: Some(item.parse().unwrap()),
        category: Some(category.parse().unwrap()),
        price: price.parse().unwrap(),
        quantity,
    }
}

/// A record with these fields. Lists are written with commas.
pub fn record(fields: &[(&'static str, &str)]) -> Record {
    fields.iter().fold(Record::default(), |record, (field, text)| match *field {
        "order_types" | "weekdays" => {
            record.with_list(field, text.split(',').filter(|name| !name.is_empty()))
        }
        field => record.with(field, text),
    })
}

/// A rule with these fields, and an id and label by default.
pub fn rule(fields: &[(&'static str, &str)]) -> PriceRule {
    let mut all = vec![("label", "Label")];
    all.extend(fields);
    PriceRule::from_record(&record(&all)).unwrap_or_else(|faults| panic!("{faults:?}"))
}

pub fn rules(list: &[&[(&'static str, &str)]]) -> RuleSet {
    RuleSet::new(list.iter().map(|fields| rule(fields)).collect()).unwrap()
}

/// A takeout order on Monday noon.
pub fn takeout(lines: &[PricedLine], rules: &RuleSet) -> Quote {
    quote(lines, OrderType::Takeout, NOON, rules).unwrap()
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// Each adjustment as `rule line base amount`, with the included tax if there is one.
pub fn adjustments(quote: &Quote) -> Vec<String> {
    let text = |adjustment: &domain::pricing::Adjustment| {
        let line = adjustment.line.map_or("-".to_owned(), |line| line.to_string());
        let included = adjustment.included.as_ref().map_or(String::new(), |tax| format!(" included {tax}"));
        format!("{} {line} {} {}{included}", adjustment.rule, adjustment.base, adjustment.amount)
    };
    quote.adjustments.iter().map(text).collect()
}

/// subtotal, discount, fees, tax and total.
pub fn sums(quote: &Quote) -> [String; 5] {
    [&quote.subtotal, &quote.discount, &quote.fees, &quote.tax, &quote.total].map(ToString::to_string)
}
