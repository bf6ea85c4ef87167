//! Checks the menu and the price rules, which orders go by while the menu is on.

use db::Database;
use db::menu::{self, Snapshot};
use domain::Menu;
use domain::pricing::PriceRule;
use runtime::with_causes;

use crate::commands::lost_targets;
use crate::view::verdict::Verdict;

/// The most rules that are listed.
const MAX_EXAMPLES: usize = 10;

/// Runs the checks. The tables are those of this version.
pub async fn check(db: &Database) -> Vec<Verdict> {
    match menu::snapshot(db).await {
        Ok(Snapshot { menu, rules }) => vec![items(&menu), targets(&menu, rules.rules())],
        Err(why) if why.is_missing_right() => vec![Verdict::unknown(
            "menu",
            with_causes(&why),
            "run this as the user of the order service, or as the owner of the tables",
        )],
        Err(why) => vec![Verdict::fail(
            "menu",
            format!("orders are refused, since it cannot be read: {}", with_causes(&why)),
            "correct that row, or replace it: 'restaurant-ctl menu import FILE', 'restaurant-ctl prices import FILE'",
        )],
    }
}

fn items(menu: &Menu) -> Verdict {
    let count = menu.items().len();
    if count > 0 {
        return Verdict::ok(
            "menu",
            format!("it is on, and has {count} item{}", if count == 1 { "" } else { "s" }),
        );
    }
    Verdict::warn(
        "menu",
        "it is on and has no items, so every order is refused",
        "run 'restaurant-ctl menu import deploy/menu.yaml', with that file or one of your own; or set menu.mode (MENU_MODE) to off",
    )
}

/// Whether the menu has what the rules name.
fn targets(menu: &Menu, rules: &[PriceRule]) -> Verdict {
    let lost = lost_targets::of(menu, rules);
    if lost.is_empty() {
        return Verdict::ok("price_rules", format!("all {} have what they name", rules.len()));
    }
    let found = format!("rules that change no price, since the menu lacks what they name: {}", lost.len());
    let to_do = "correct the rules ('restaurant-ctl prices export', then 'import'), or the menu";
    let count = lost.len() as u64;
    Verdict::warn("price_rules", found, to_do)
        .with_examples(count, lost.into_iter().take(MAX_EXAMPLES).collect())
}
