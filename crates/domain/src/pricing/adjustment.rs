//! What a rule changed about an order.

use serde::Serialize;

use super::rule::RuleId;
use crate::Money;
use crate::label::Label;

/// The kind of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    /// Takes something off a line.
    Discount,
    /// Adds something to the order.
    Fee,
    /// Adds a tax to the order, or names an included one.
    Tax,
}

impl AdjustmentKind {
    /// All kinds, in the order in which they apply.
    pub const ALL: [Self; 3] = [Self::Discount, Self::Fee, Self::Tax];

    /// The name used in JSON, SQL and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discount => "discount",
            Self::Fee => "fee",
            Self::Tax => "tax",
        }
    }
}

/// One step from the sum of the lines to the total. A discount has one for each line that it
/// changes, a fee and a tax one for the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Adjustment {
    /// What it is.
    pub kind: AdjustmentKind,
    /// The rule that applied.
    pub rule: RuleId,
    /// The rule's text for the guest.
    pub label: Label,
    /// The line that a discount changed, from 0; `None` for fees and taxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub line: Option<usize>,
    /// What the rule was applied to: what earlier discounts had left of the line; for a fee the sum
    /// of the lines; for a tax what discounts left of the lines that it taxes.
    pub base: Money,
    /// What it adds to the total: negative for a discount, 0 for an included tax.
    pub amount: Money,
    /// The tax that the base includes; `None` if it is added, or no tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub included: Option<Money>,
}
