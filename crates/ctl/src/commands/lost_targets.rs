//! Price rules that change no price, because the menu lacks what they name.

use domain::Menu;
use domain::pricing::{PriceRule, Target};

/// What each of them lacks, such as `e: no item 'pho-bo'`.
pub fn of(menu: &Menu, rules: &[PriceRule]) -> Vec<String> {
    rules.iter().filter_map(|rule| lost(menu, rule)).collect()
}

fn lost(menu: &Menu, rule: &PriceRule) -> Option<String> {
    match rule.target()? {
        Target::Item(id) if menu.by_id(id.as_str()).is_none() => Some(format!("{}: no item '{id}'", rule.id)),
        Target::Category(category) if menu.items().iter().all(|item| item.category != *category) => {
            Some(format!("{}: no category '{category}'", rule.id))
        }
        Target::Order | Target::Item(_) | Target::Category(_) => None,
    }
}
