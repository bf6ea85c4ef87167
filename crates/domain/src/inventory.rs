//! How much is left, and which orders of a batch get it.
//!
//! `db` locks the stock of all items of a batch, asks [`admit`], and stores what it decides in the
//! same transaction. An item without a number is unlimited and never becomes a number here.

use std::collections::BTreeMap;
use std::fmt;

use crate::MenuItemId;

/// Most items that one request asks about: more than any menu page shows.
pub const MAX_CHECKED: usize = 100;

/// How many pieces of an item are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StockLeft(u32);

/// Why a number of pieces is not a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {}", StockLeft::MAX)]
pub struct ParseStockError;

impl StockLeft {
    /// Nothing is left: the item is sold out.
    pub const NONE: Self = Self(0);
    /// The largest stock, in pieces. It fits into an `integer` of the database.
    pub const MAX: u32 = 1_000_000_000;

    /// The pieces.
    pub fn get(self) -> u32 {
        self.0
    }

    /// What is left when this many pieces come in.
    ///
    /// # Errors
    /// It is more than [`Self::MAX`].
    pub fn plus(self, pieces: u32) -> Result<Self, ParseStockError> {
        Self::try_from(i64::from(self.0) + i64::from(pieces))
    }

    /// What is left when this many pieces are sold; `None` if there are fewer.
    pub fn minus(self, pieces: u32) -> Option<Self> {
        self.0.checked_sub(pieces).map(Self)
    }
}

impl TryFrom<i64> for StockLeft {
    type Error = ParseStockError;

    fn try_from(pieces: i64) -> Result<Self, ParseStockError> {
        match u32::try_from(pieces) {
            Ok(pieces @ 0..=Self::MAX) => Ok(Self(pieces)),
            _ => Err(ParseStockError),
        }
    }
}

impl fmt::Display for StockLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is left of each limited item. An item that is not in it is unlimited.
pub type Stock = BTreeMap<MenuItemId, StockLeft>;

/// The pieces of each item that one order wants, summed over its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    pieces: BTreeMap<MenuItemId, u32>,
}

impl Demand {
    /// Sums the lines of an order. A sum that no number holds is more than any stock.
    pub fn of<'a>(lines: impl IntoIterator<Item = (&'a MenuItemId, u32)>) -> Self {
        let mut pieces: BTreeMap<MenuItemId, u32> = BTreeMap::new();
        for (item, quantity) in lines {
            let sum = pieces.entry(item.clone()).or_default();
            *sum = sum.saturating_add(quantity);
        }
        Self { pieces }
    }

    /// Each item once, sorted by id, with its pieces.
    pub fn items(&self) -> impl Iterator<Item = (&MenuItemId, u32)> {
        self.pieces.iter().map(|(item, pieces)| (item, *pieces))
    }
}

/// What an order takes of the stock of one item: a movement of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decrement {
    /// The item.
    pub item_id: MenuItemId,
    /// Pieces.
    pub quantity: u32,
    /// What is left after it.
    pub left: StockLeft,
}

/// An item of which an order wants more than there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The item.
    pub item_id: MenuItemId,
    /// The pieces that the order wants.
    pub requested: u32,
    /// What is left when it is the order's turn.
    pub left: StockLeft,
}

/// What becomes of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It gets everything. Only limited items are listed, sorted by id.
    Admitted(Vec<Decrement>),
    /// It gets nothing, and touches nothing. All items that are short, sorted by id; never empty.
    Refused(Vec<Shortage>),
}

/// Decides about orders in their order of arrival: each gets everything or nothing, of what those
/// before it left. Returns one decision for each order, and changes the stock to what is left.
pub fn admit(stock: &mut Stock, orders: &[Demand]) -> Vec<Admission> {
    orders.iter().map(|order| admit_one(stock, order)).collect()
}

/// Decides about one order, as [`admit`] does.
pub fn admit_one(stock: &mut Stock, order: &Demand) -> Admission {
    let (mut decrements, mut shortages) = (Vec::new(), Vec::new());
    for (item_id, quantity) in order.items() {
        let Some(left) = stock.get(item_id) else { continue };
        let item_id = item_id.clone();
        match left.minus(quantity) {
            Some(left) => decrements.push(Decrement { item_id, quantity, left }),
            None => shortages.push(Shortage { item_id, requested: quantity, left: *left }),
        }
    }
    if !shortages.is_empty() {
        return Admission::Refused(shortages);
    }
    for Decrement { item_id, left, .. } in &decrements {
        stock.insert(item_id.clone(), *left);
    }
    Admission::Admitted(decrements)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> MenuItemId {
        text.parse().unwrap()
    }

    fn left(pieces: u32) -> StockLeft {
        StockLeft::try_from(i64::from(pieces)).unwrap()
    }

    fn stock(items: &[(&str, u32)]) -> Stock {
        items.iter().map(|(item, pieces)| (id(item), left(*pieces))).collect()
    }

    fn demand(lines: &[(&str, u32)]) -> Demand {
        let lines: Vec<_> = lines.iter().map(|(item, quantity)| (id(item), *quantity)).collect();
        Demand::of(lines.iter().map(|(item, quantity)| (item, *quantity)))
    }

    #[test]
    fn a_stock_is_a_whole_number_that_the_database_holds() {
        for pieces in [0, 1, 1_000_000, i64::from(StockLeft::MAX)] {
            assert_eq!(i64::from(StockLeft::try_from(pieces).unwrap().get()), pieces);
        }
        for pieces in [-1, i64::from(StockLeft::MAX) + 1, i64::MIN, i64::MAX] {
            assert_eq!(StockLeft::try_from(pieces), Err(ParseStockError), "{pieces}");
        }
        assert_eq!(left(5).plus(3), Ok(left(8)));
        assert_eq!(left(5).plus(u32::MAX), Err(ParseStockError));
        assert_eq!(left(5).minus(5), Some(StockLeft::NONE));
        assert_eq!(left(5).minus(6), None);
    }

    #[test]
    fn the_lines_of_an_order_are_summed_before_anything_is_checked() {
        let mut three = stock(&[("pho-bo", 3)]);
        let decisions = admit(&mut three, &[demand(&[("pho-bo", 2), ("pho-bo", 2)])]);
        let short = Shortage { item_id: id("pho-bo"), requested: 4, left: left(3) };
        assert_eq!(decisions, [Admission::Refused(vec![short])]);
        assert_eq!(three, stock(&[("pho-bo", 3)]));
        let endless = demand(&[("pho-bo", u32::MAX), ("pho-bo", 2)]);
        assert!(matches!(admit(&mut three, &[endless])[..], [Admission::Refused(_)]));
    }

    #[test]
    fn every_short_item_is_named_and_the_neighbours_are_untouched() {
        let mut stock = stock(&[("a", 1), ("b", 1), ("c", 9)]);
        let refused = demand(&[("a", 2), ("b", 3), ("c", 4), ("unlimited", 99)]);
        let decisions =
            admit(&mut stock, &[demand(&[("c", 8)]), refused, demand(&[("a", 1), ("unlimited", 5)])]);
        let short = |item, requested, pieces| Shortage { item_id: id(item), requested, left: left(pieces) };
        let taken = |item, quantity, pieces| Decrement { item_id: id(item), quantity, left: left(pieces) };
        assert_eq!(
            decisions,
            [
                Admission::Admitted(vec![taken("c", 8, 1)]),
                Admission::Refused(vec![short("a", 2, 1), short("b", 3, 1), short("c", 4, 1)]),
                Admission::Admitted(vec![taken("a", 1, 0)]),
            ]
        );
        assert_eq!(stock, self::stock(&[("a", 0), ("b", 1), ("c", 1)]));
    }

    const ITEMS: [&str; 4] = ["a", "b", "c", "unlimited"];

    fn any_batch() -> impl Strategy<Value = (Stock, Vec<Demand>)> {
        let stock = prop::array::uniform3(0_u32..40);
        let order = prop::collection::vec((0_usize..4, 1_u32..=10), 1..=4);
        (stock, prop::collection::vec(order, 0..12)).prop_map(|(pieces, orders)| {
            let stock = ITEMS.iter().zip(pieces).map(|(item, pieces)| (id(item), left(pieces))).collect();
            let lines = |order: Vec<(usize, u32)>| {
                demand(&order.iter().map(|(item, quantity)| (ITEMS[*item], *quantity)).collect::<Vec<_>>())
            };
            (stock, orders.into_iter().map(lines).collect())
        })
    }

    proptest! {
        #[test]
        fn what_is_sold_and_what_is_left_is_what_there_was((before, orders) in any_batch()) {
            let mut after = before.clone();
            let decisions = admit(&mut after, &orders);
            prop_assert_eq!(decisions.len(), orders.len());
            for (item, had) in &before {
                let sold: u32 = decisions.iter().flat_map(|decision| match decision {
                    Admission::Admitted(decrements) => decrements.as_slice(),
                    Admission::Refused(_) => &[],
                }).filter(|decrement| decrement.item_id == *item).map(|decrement| decrement.quantity).sum();
                prop_assert_eq!(sold + after[item].get(), had.get());
            }
            prop_assert_eq!(after.len(), before.len(), "unlimited stays unlimited");
        }

        #[test]
        fn a_batch_is_the_same_as_one_order_after_the_other((before, orders) in any_batch()) {
            let (mut at_once, mut in_turn) = (before.clone(), before);
            let decisions = admit(&mut at_once, &orders);
            let singly: Vec<_> = orders
                .iter()
                .flat_map(|order| admit(&mut in_turn, std::slice::from_ref(order)))
                .collect();
            prop_assert_eq!(decisions, singly);
            prop_assert_eq!(at_once, in_turn);
        }

        #[test]
        fn without_the_refused_orders_the_others_get_the_same((before, orders) in any_batch()) {
            let mut all = before.clone();
            let decisions = admit(&mut all, &orders);
            let is_admitted = |decision: &Admission| matches!(decision, Admission::Admitted(_));
            let admitted: Vec<_> = orders
                .into_iter()
                .zip(&decisions)
                .filter(|(_, decision)| is_admitted(decision))
                .map(|(order, _)| order)
                .collect();
            let mut alone = before;
            let again = admit(&mut alone, &admitted);
            let expected: Vec<_> = decisions.into_iter().filter(is_admitted).collect();
            prop_assert_eq!(again, expected);
            prop_assert_eq!(alone, all);
        }

        #[test]
        fn a_refusal_names_exactly_what_is_short((before, orders) in any_batch()) {
            let mut stock = before;
            for order in orders {
                let there = stock.clone();
                let Admission::Refused(shortages) = admit_one(&mut stock, &order) else { continue };
                let short: Vec<_> = order
                    .items()
                    .filter(|(item, wanted)| there.get(item).is_some_and(|left| left.get() < *wanted))
                    .map(|(item, requested)| Shortage { item_id: item.clone(), requested, left: there[item] })
                    .collect();
                prop_assert_eq!(shortages, short);
                prop_assert_eq!(&stock, &there);
            }
        }
    }
}
