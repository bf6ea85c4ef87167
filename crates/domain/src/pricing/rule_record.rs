//! Price rules as records of a file, and back.

use time::Date;
use time::macros::format_description;

use super::adjustment::AdjustmentKind;
use super::conditions::Conditions;
use super::rule::{Effect, PriceRule, Reduction, Target};
use super::weekdays::Weekdays;
use crate::label::Label;
use crate::order_types::OrderTypes;
use crate::record::{Fault, Field, FieldKind, Record, RecordReader};
use crate::{Category, MenuItemId, Money};

/// The largest priority. Higher ones apply later.
pub const MAX_PRIORITY: u16 = 10_000;

const fn text(name: &'static str) -> Field {
    Field { name, kind: FieldKind::Text }
}

const fn list(name: &'static str) -> Field {
    Field { name, kind: FieldKind::List }
}

impl PriceRule {
    /// The fields of a rule, in the order in which files have them.
    pub const FIELDS: [Field; 17] = [
        text("id"),
        text("kind"),
        text("label"),
        text("priority"),
        text("percent"),
        text("amount"),
        text("item"),
        text("category"),
        text("below"),
        text("rate"),
        text("included"),
        text("min_total"),
        list("order_types"),
        list("weekdays"),
        text("hours"),
        text("valid_from"),
        text("valid_until"),
    ];

    /// Checks a record.
    ///
    /// # Errors
    /// Every fault, each with its field.
    pub fn from_record(record: &Record) -> Result<Self, Vec<Fault>> {
        let mut reader = RecordReader::of(record);
        for field in ["id", "kind", "label"] {
            reader.require(field);
        }
        let id = reader.parsed("id");
        let label = reader.parsed::<Label>("label");
        let priority = reader.number("priority", MAX_PRIORITY);
        let conditions = conditions(&mut reader);
        let effect = effect(&mut reader);
        let rule = || Some(Self { id: id?, label: label?, priority, conditions, effect: effect? });
        let rule = rule();
        reader.finish(rule)
    }

    /// The record that [`Self::from_record`] parses as this rule. Defaults are left out.
    pub fn to_record(&self) -> Record {
        let record = Record::default().with("id", &self.id).with("label", &self.label);
        let record = match &self.effect {
            Effect::Discount { target, reduction } => {
                let record = with_target(record.with("kind", AdjustmentKind::Discount.as_str()), target);
                match reduction {
                    Reduction::Percent(percent) => record.with("percent", percent),
                    Reduction::Amount(amount) => record.with("amount", amount),
                }
            }
            Effect::Fee { amount, below } => record
                .with("kind", AdjustmentKind::Fee.as_str())
                .with("amount", amount)
                .with_some("below", below.as_ref()),
            Effect::Tax { target, rate, included } => {
                with_target(record.with("kind", AdjustmentKind::Tax.as_str()), target)
                    .with("rate", rate)
                    .with_some("included", included.then_some(true))
            }
        };
        let Conditions { min_total, order_types, weekdays, hours, valid_from, valid_until } =
            &self.conditions;
        let mut record = record
            .with_some("priority", (self.priority > 0).then_some(self.priority))
            .with_some("min_total", min_total.as_ref())
            .with_some("hours", *hours)
            .with_some("valid_from", *valid_from)
            .with_some("valid_until", *valid_until);
        if *order_types != OrderTypes::ALL {
            record = record.with_list("order_types", order_types.iter());
        }
        if *weekdays != Weekdays::ALL {
            record = record.with_list("weekdays", weekdays.names());
        }
        record
    }
}

fn with_target(record: Record, target: &Target) -> Record {
    match target {
        Target::Order => record,
        Target::Category(category) => record.with("category", category),
        Target::Item(item) => record.with("item", item),
    }
}

fn conditions(reader: &mut RecordReader<'_>) -> Conditions {
    let (valid_from, valid_until) = (date(reader, "valid_from"), date(reader, "valid_until"));
    if let (Some(first), Some(last)) = (valid_from, valid_until)
        && first > last
    {
        reader.add("valid_until", format_args!("must not be before valid_from, {first}"));
    }
    Conditions {
        min_total: limit(reader, "min_total"),
        order_types: reader.list("order_types", OrderTypes::parse).unwrap_or_default(),
        weekdays: reader.list("weekdays", Weekdays::parse).unwrap_or_default(),
        hours: reader.parsed("hours"),
        valid_from,
        valid_until,
    }
}

/// What the rule does. Fields of other kinds are refused: they would have no effect.
fn effect(reader: &mut RecordReader<'_>) -> Option<Effect> {
    let kind = reader.text("kind")?;
    match AdjustmentKind::ALL.into_iter().find(|known| known.as_str() == kind) {
        Some(AdjustmentKind::Discount) => {
            reader.forbid(&["below", "rate", "included"], "discount");
            let target = target(reader);
            let reduction = reduction(reader);
            Some(Effect::Discount { target: target?, reduction: reduction? })
        }
        Some(AdjustmentKind::Fee) => {
            reader.forbid(&["percent", "item", "category", "rate", "included"], "fee");
            reader.require("amount");
            let (amount, below) = (reader.parsed("amount"), limit(reader, "below"));
            Some(Effect::Fee { amount: amount?, below })
        }
        Some(AdjustmentKind::Tax) => {
            reader.forbid(&["percent", "amount", "below"], "tax");
            reader.require("rate");
            let target = target(reader);
            let (rate, included) = (reader.parsed("rate"), reader.switch("included", false));
            Some(Effect::Tax { target: target?, rate: rate?, included })
        }
        None => {
            reader.add("kind", "must be one of 'discount', 'fee', 'tax'");
            None
        }
    }
}

fn target(reader: &mut RecordReader<'_>) -> Option<Target> {
    match (reader.has("item"), reader.has("category")) {
        (false, false) => Some(Target::Order),
        (true, false) => reader.parsed::<MenuItemId>("item").map(Target::Item),
        (false, true) => reader.parsed::<Category>("category").map(Target::Category),
        (true, true) => {
            reader.add("category", "must not be present beside item: a rule has one of them");
            None
        }
    }
}

fn reduction(reader: &mut RecordReader<'_>) -> Option<Reduction> {
    match (reader.has("percent"), reader.has("amount")) {
        (true, false) => reader.parsed("percent").map(Reduction::Percent),
        (false, true) => reader.parsed("amount").map(Reduction::Amount),
        (true, true) => {
            reader.add("amount", "must not be present beside percent: a discount has one of them");
            None
        }
        (false, false) => {
            reader.add("percent", "or amount is required in a discount");
            None
        }
    }
}

/// A sum with which that of an order is compared.
fn limit(reader: &mut RecordReader<'_>, field: &'static str) -> Option<Money> {
    let limit: Money = reader.parsed(field)?;
    if (Money::from_cents(1)..=Money::from_cents(Money::MAX_CENTS)).contains(&limit) {
        return Some(limit);
    }
    reader.add(field, "must be between 0.01 and 99999999.99");
    None
}

/// A day such as 2026-12-31.
fn date(reader: &mut RecordReader<'_>, field: &'static str) -> Option<Date> {
    let text = reader.text(field)?;
    let date = Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    let date = date.filter(|date| date.to_string() == text);
    if date.is_none() {
        reader.add(field, "must be a day such as 2026-12-31");
    }
    date
}
