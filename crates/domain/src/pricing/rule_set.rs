//! All rules of the restaurant, in their order.

use super::percent::TaxRate;
use super::rule::{Effect, PriceRule, Reduction, RuleId, Target};
use crate::Money;
use crate::price::Price;

/// Rules with distinct ids, sorted by (priority, id). The empty set changes no price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    rules: Vec<PriceRule>,
}

/// Why rules are not a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleSetError {
    /// Two rules have this id, so their order would be left to chance.
    #[error("two price rules have the id '{0}'")]
    DuplicateId(RuleId),
}

/// A rule that makes a target cheaper.
pub(super) struct Discount<'a> {
    pub(super) rule: &'a PriceRule,
    pub(super) target: &'a Target,
    pub(super) reduction: Reduction,
}

/// A rule that adds an amount.
pub(super) struct Fee<'a> {
    pub(super) rule: &'a PriceRule,
    pub(super) amount: Price,
    pub(super) below: Option<&'a Money>,
}

/// A rule that taxes a target.
pub(super) struct Tax<'a> {
    pub(super) rule: &'a PriceRule,
    pub(super) target: &'a Target,
    pub(super) rate: TaxRate,
    pub(super) included: bool,
}

impl RuleSet {
    /// Sorts the rules.
    ///
    /// # Errors
    /// Two rules have the same id.
    pub fn new(mut rules: Vec<PriceRule>) -> Result<Self, RuleSetError> {
        rules.sort_by(|one, other| one.id.cmp(&other.id));
        let twins = rules.iter().zip(rules.iter().skip(1)).find(|(one, other)| one.id == other.id);
        if let Some((twin, _)) = twins {
            return Err(RuleSetError::DuplicateId(twin.id.clone()));
        }
        // The sort is stable: rules of one priority stay in the order of their ids.
        rules.sort_by_key(|rule| rule.priority);
        Ok(Self { rules })
    }

    /// The rules, sorted by (priority, id).
    pub fn rules(&self) -> &[PriceRule] {
        &self.rules
    }

    /// The discounts: first those on items and categories, then those on the order.
    pub(super) fn discounts(&self) -> impl Iterator<Item = Discount<'_>> {
        let all = || {
            self.rules.iter().filter_map(|rule| match &rule.effect {
                Effect::Discount { target, reduction } => {
                    Some(Discount { rule, target, reduction: *reduction })
                }
                Effect::Fee { .. } | Effect::Tax { .. } => None,
            })
        };
        let on_items = all().filter(|discount| *discount.target != Target::Order);
        let on_the_order = all().filter(|discount| *discount.target == Target::Order);
        on_items.chain(on_the_order)
    }

    pub(super) fn fees(&self) -> impl Iterator<Item = Fee<'_>> {
        self.rules.iter().filter_map(|rule| match &rule.effect {
            Effect::Fee { amount, below } => Some(Fee { rule, amount: *amount, below: below.as_ref() }),
            Effect::Discount { .. } | Effect::Tax { .. } => None,
        })
    }

    pub(super) fn taxes(&self) -> impl Iterator<Item = Tax<'_>> {
        self.rules.iter().filter_map(|rule| match &rule.effect {
            Effect::Tax { target, rate, included } => {
                Some(Tax { rule, target, rate: *rate, included: *included })
            }
            Effect::Discount { .. } | Effect::Fee { .. } => None,
        })
    }
}
