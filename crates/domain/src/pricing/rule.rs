//! A price rule: what it does, to what, and when.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::conditions::Conditions;
use super::percent::{Percent, TaxRate};
use crate::label::Label;
use crate::menu::{self, Category, MenuItemId};
use crate::{Money, Price};

/// The id of a rule, such as `happy-hour`: of the form of an item's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Arc<str>);

/// The text is not the id of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 of the characters a-z, 0-9 and '-', and must not begin with '-'")]
pub struct ParseRuleIdError;

/// A rule of the restaurant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRule {
    /// Unique among the rules.
    pub id: RuleId,
    /// What the guest reads.
    pub label: Label,
    /// Rules of one stage apply in the order of (priority, id), lower ones first.
    pub priority: u16,
    /// When it applies.
    pub conditions: Conditions,
    /// What it does.
    pub effect: Effect,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Takes something off.
    Discount {
        /// What it makes cheaper.
        target: Target,
        /// How much it takes off.
        reduction: Reduction,
    },
    /// Adds an amount to the order.
    Fee {
        /// How much.
        amount: Price,
        /// Only if the sum of the lines before discounts is below this amount.
        below: Option<Money>,
    },
    /// Adds a tax to the order, or names the tax that its prices include.
    Tax {
        /// What it taxes. Of several rules for one line, the most specific one taxes it.
        target: Target,
        /// The rate.
        rate: TaxRate,
        /// Whether the prices include it.
        included: bool,
    },
}

/// What a discount or a tax is about. Later ones are more specific.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The whole order.
    Order,
    /// All items of a category.
    Category(Category),
    /// One item.
    Item(MenuItemId),
}

/// How much a discount takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// A part of what earlier rules left, rounded half up once for the rule.
    Percent(Percent),
    /// An amount for each piece of an item or a category, or once for the order. It never takes off
    /// more than there is.
    Amount(Price),
}

impl RuleId {
    /// The id as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RuleId {
    type Err = ParseRuleIdError;

    fn from_str(text: &str) -> Result<Self, ParseRuleIdError> {
        if menu::is_id(text) { Ok(Self(text.into())) } else { Err(ParseRuleIdError) }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl PriceRule {
    /// What it is about; `None`: it is a fee.
    pub fn target(&self) -> Option<&Target> {
        match &self.effect {
            Effect::Discount { target, .. } | Effect::Tax { target, .. } => Some(target),
            Effect::Fee { .. } => None,
        }
    }
}

impl Target {
    /// Whether it includes an item of this id and category. What is not on the menu has neither,
    /// and belongs to the order only.
    pub(super) fn includes(&self, item: Option<&MenuItemId>, category: Option<&Category>) -> bool {
        match self {
            Self::Order => true,
            Self::Category(own) => category == Some(own),
            Self::Item(own) => item == Some(own),
        }
    }
}
