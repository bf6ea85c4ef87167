//! Applies the rules to the lines of an order. `docs/menu.md` has the order of application.

use std::cmp::Reverse;

use serde::Serialize;
use time::PrimitiveDateTime;

use super::adjustment::{Adjustment, AdjustmentKind};
use super::cents::{Cents, half_up, spread};
use super::conditions::Circumstances;
use super::percent::{Percent, TaxRate};
use super::rule::{PriceRule, Reduction, Target};
use super::rule_set::{Discount, RuleSet, Tax};
use crate::menu::{Category, MenuItemId};
use crate::price::Price;
use crate::{Money, OrderType};

/// A line of an order before any rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PricedLine {
    /// The item; `None` if it is not on the menu. Then only rules for the whole order apply.
    pub item_id: Option<MenuItemId>,
    /// The item's category; `None` if it is not on the menu.
    pub category: Option<Category>,
    /// Price of one piece.
    pub price: Price,
    /// Pieces.
    pub quantity: u32,
}

/// What an order costs. subtotal - discount + fees + tax = total, and subtotal + Σ amounts of the
/// adjustments = total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quote {
    /// The sum of the lines: price × quantity.
    pub subtotal: Money,
    /// The sum of all discounts, as a positive number.
    pub discount: Money,
    /// The sum of all fees.
    pub fees: Money,
    /// The sum of the taxes that are added. Included ones are in the adjustments only.
    pub tax: Money,
    /// What the guest pays, 0.00 or more.
    pub total: Money,
    /// What each rule changed, in the order of application.
    pub adjustments: Vec<Adjustment>,
    /// The lines, in the order in which they were given.
    #[serde(skip)]
    pub lines: Vec<QuotedLine>,
}

/// What a line costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedLine {
    /// Price × quantity.
    pub amount: Money,
    /// The line's share of all discounts, as a positive number.
    pub discount: Money,
    /// What is left of the amount. Taxes are computed from it.
    pub net: Money,
}

/// Why an order has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The sum of the lines, or the total, is more than the database holds.
    #[error("the order costs more than 99999999.99, which no order may: order less of it")]
    TooLarge,
}

/// Applies the rules to an order of these lines at a moment in the restaurant's local time.
///
/// The result of a line does not depend on its place among the others.
///
/// # Errors
/// The sum of the lines or the total is too large.
pub fn quote(
    lines: &[PricedLine],
    order_type: OrderType,
    at: PrimitiveDateTime,
    rules: &RuleSet,
) -> Result<Quote, QuoteError> {
    let mut bill = Bill::of(lines);
    let circumstances = Circumstances { order_type, at, subtotal: money(bill.subtotal)? };
    let applies = |rule: &PriceRule| rule.conditions.hold(&circumstances);
    for discount in rules.discounts().filter(|discount| applies(discount.rule)) {
        bill.discount(&discount)?;
    }
    for fee in rules.fees().filter(|fee| applies(fee.rule)) {
        if fee.below.is_none_or(|limit| circumstances.subtotal < *limit) {
            bill.fee(fee.rule, fee.amount)?;
        }
    }
    let taxes: Vec<_> = rules.taxes().filter(|tax| applies(tax.rule)).collect();
    bill.tax(&taxes)?;
    bill.quote()
}

/// The amount of some cents, if an order may have it.
fn money(cents: Cents) -> Result<Money, QuoteError> {
    let cents = i64::try_from(cents).ok().filter(|cents| *cents <= Money::MAX_CENTS);
    cents.map(Money::from_cents).ok_or(QuoteError::TooLarge)
}

/// A line, and what the discounts so far left of it.
struct BillLine<'a> {
    /// Its place among the lines that were given.
    index: usize,
    line: &'a PricedLine,
    amount: Cents,
    left: Cents,
}

impl BillLine<'_> {
    fn is_of(&self, target: &Target) -> bool {
        target.includes(self.line.item_id.as_ref(), self.line.category.as_ref())
    }
}

/// An order while the rules are applied.
struct Bill<'a> {
    /// Sorted by what they say, so that no result depends on the order in which they were given.
    lines: Vec<BillLine<'a>>,
    subtotal: Cents,
    fees: Cents,
    tax: Cents,
    adjustments: Vec<Adjustment>,
}

impl<'a> Bill<'a> {
    fn of(lines: &'a [PricedLine]) -> Self {
        let line = |(index, line): (usize, &'a PricedLine)| {
            let amount = Cents::from(line.price.cents()) * Cents::from(line.quantity);
            BillLine { index, line, amount, left: amount }
        };
        let mut lines: Vec<_> = lines.iter().enumerate().map(line).collect();
        lines.sort_by_key(|line| line.line);
        let subtotal = lines.iter().map(|line| line.amount).sum();
        Self { lines, subtotal, fees: 0, tax: 0, adjustments: Vec::new() }
    }

    fn discount(&mut self, discount: &Discount<'_>) -> Result<(), QuoteError> {
        let Discount { rule, target, reduction } = discount;
        let mut lines: Vec<_> = self.lines.iter_mut().filter(|line| line.is_of(target)).collect();
        let left: Vec<Cents> = lines.iter().map(|line| line.left).collect();
        let sum: Cents = left.iter().sum();
        let parts = match reduction {
            Reduction::Percent(percent) => spread(half_up(sum, percent.units(), Percent::WHOLE), &left),
            Reduction::Amount(amount) if **target == Target::Order => {
                spread(Cents::from(amount.cents()).min(sum), &left)
            }
            Reduction::Amount(amount) => {
                let of_line = |line: &&mut BillLine<'_>| {
                    (Cents::from(amount.cents()) * Cents::from(line.line.quantity)).min(line.left)
                };
                lines.iter().map(of_line).collect()
            }
        };
        let mut adjustments = Vec::new();
        for (line, part) in lines.iter_mut().zip(parts).filter(|(_, part)| *part > 0) {
            adjustments.push(Adjustment {
                line: Some(line.index),
                amount: -money(part)?,
                ..adjustment(rule, AdjustmentKind::Discount, line.left)?
            });
            line.left -= part;
        }
        adjustments.sort_by_key(|adjustment| adjustment.line);
        self.adjustments.append(&mut adjustments);
        Ok(())
    }

    fn fee(&mut self, rule: &PriceRule, amount: Price) -> Result<(), QuoteError> {
        self.adjustments.push(Adjustment {
            amount: amount.money(),
            ..adjustment(rule, AdjustmentKind::Fee, self.subtotal)?
        });
        self.fees += Cents::from(amount.cents());
        Ok(())
    }

    /// Each line is taxed by its most specific rule. The tax of a rate is rounded once for the
    /// order, even if several rules have that rate, and then spread over their rows.
    fn tax(&mut self, taxes: &[Tax<'_>]) -> Result<(), QuoteError> {
        let mut rows: Vec<_> = taxes.iter().map(|tax| TaxRow { tax, base: 0, amount: 0 }).collect();
        for line in &self.lines {
            let of_line = rows.iter_mut().filter(|row| line.is_of(row.tax.target));
            // The rules are sorted: of equally specific ones, the first one taxes the line.
            if let Some(row) = of_line.min_by_key(|row| Reverse(row.tax.target)) {
                row.base += line.left;
            }
        }
        rows.retain(|row| row.base > 0);
        rows.sort_by_key(TaxRow::rate);
        for rows in rows.chunk_by_mut(|one, other| one.rate() == other.rate()) {
            let bases: Vec<Cents> = rows.iter().map(|row| row.base).collect();
            let tax = rows.first().map_or(0, |row| row.tax_of(bases.iter().sum()));
            for (row, part) in rows.iter_mut().zip(spread(tax, &bases)) {
                row.amount = part;
            }
        }
        rows.sort_by_key(|row| (row.tax.rule.priority, &row.tax.rule.id));
        for TaxRow { tax, base, amount } in rows {
            let adjustment = adjustment(tax.rule, AdjustmentKind::Tax, base)?;
            let amount_of_tax = money(amount)?;
            self.adjustments.push(if tax.included {
                Adjustment { included: Some(amount_of_tax), ..adjustment }
            } else {
                self.tax += amount;
                Adjustment { amount: amount_of_tax, ..adjustment }
            });
        }
        Ok(())
    }

    fn quote(mut self) -> Result<Quote, QuoteError> {
        let left: Cents = self.lines.iter().map(|line| line.left).sum();
        self.lines.sort_by_key(|line| line.index);
        let line = |line: &BillLine<'_>| {
            Ok(QuotedLine {
                amount: money(line.amount)?,
                discount: money(line.amount - line.left)?,
                net: money(line.left)?,
            })
        };
        Ok(Quote {
            subtotal: money(self.subtotal)?,
            discount: money(self.subtotal - left)?,
            fees: money(self.fees)?,
            tax: money(self.tax)?,
            total: money(left + self.fees + self.tax)?,
            adjustments: self.adjustments,
            lines: self.lines.iter().map(line).collect::<Result<_, _>>()?,
        })
    }
}

/// An adjustment that changes nothing yet.
fn adjustment(rule: &PriceRule, kind: AdjustmentKind, base: Cents) -> Result<Adjustment, QuoteError> {
    Ok(Adjustment {
        kind,
        rule: rule.id.clone(),
        label: rule.label.clone(),
        line: None,
        base: money(base)?,
        amount: money(0)?,
        included: None,
    })
}

/// A tax rule that applies, and its part of the order.
struct TaxRow<'a> {
    tax: &'a Tax<'a>,
    base: Cents,
    amount: Cents,
}

impl TaxRow<'_> {
    /// Rows of one rate are rounded together.
    fn rate(&self) -> (TaxRate, bool) {
        (self.tax.rate, self.tax.included)
    }

    /// The tax on a base, at the rate of this row.
    fn tax_of(&self, base: Cents) -> Cents {
        let rate = self.tax.rate.units();
        let whole = if self.tax.included { TaxRate::WHOLE + rate } else { TaxRate::WHOLE };
        half_up(base, rate, whole)
    }
}
