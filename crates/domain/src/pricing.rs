//! What an order costs: rules of discounts, fees and taxes, and the one function that applies them.
//!
//! `docs/menu.md` has the order of application as a table, with worked examples. [`quote`] is the
//! only place that computes it, so that a quote and the order that follows cost the same.

mod adjustment;
mod cents;
mod conditions;
mod hours;
mod percent;
mod quote;
mod rule;
mod rule_record;
mod rule_set;
mod weekdays;

pub use self::adjustment::{Adjustment, AdjustmentKind};
pub use self::conditions::{Circumstances, Conditions};
pub use self::hours::{Hours, ParseHoursError};
pub use self::percent::{ParsePercentError, Percent, TaxRate};
pub use self::quote::{PricedLine, Quote, QuoteError, QuotedLine, quote};
pub use self::rule::{Effect, ParseRuleIdError, PriceRule, Reduction, RuleId, Target};
pub use self::rule_record::MAX_PRIORITY;
pub use self::rule_set::{RuleSet, RuleSetError};
pub use self::weekdays::{ParseWeekdaysError, Weekdays};
