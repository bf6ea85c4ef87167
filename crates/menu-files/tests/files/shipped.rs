//! The menu that the project ships, and the examples of its page.

use std::collections::BTreeSet;

use domain::OrderType;
use domain::menu::Menu;
use domain::pricing::{PricedLine, RuleSet, quote};
use menu_files::{Format, write};
use serde_json::Value;
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::{menu, rules};

const MENU: &str = include_str!("../../../../deploy/menu.yaml");
const PAGE: &str = include_str!("../../../../docs/menu.md");

fn shipped() -> Menu {
    Menu::new(1, menu(MENU)).unwrap()
}

#[test]
fn the_shipped_menu_is_one_of_a_restaurant() {
    let menu = shipped();
    let categories = menu.categories(|_| false);
    let names: Vec<_> = categories.iter().map(|category| category.name.as_str()).collect();
    assert_eq!(names, ["Starters", "Soups", "Pizza and Pasta", "Mains", "Desserts", "Drinks"]);
    assert!((25..=30).contains(&menu.items().len()));
    let positions: BTreeSet<_> = menu.items().iter().map(|item| item.position).collect();
    assert_eq!(positions.len(), menu.items().len(), "each has a place of its own");
    assert!(menu.items().iter().all(|item| item.available && item.sold_out_until.is_none()));
}

#[test]
fn the_shipped_menu_is_written_as_an_export_writes_it() {
    let items: Vec<_> = shipped().items().iter().map(|item| (**item).clone()).collect();
    let (_, document) = MENU.split_once("\nitems:\n").unwrap();
    assert_eq!(write(Format::Yaml, &items), format!("items:\n{document}"));
}

#[test]
fn the_orders_of_the_specifications_can_be_placed_from_it() {
    let menu = shipped();
    for (name, price) in [("Margherita Pizza", "15.99"), ("Caesar Salad", "8.99")] {
        assert_eq!(menu.by_name(name).unwrap().price.to_string(), price);
    }
    for (id, price) in [("sushi-set", "25.50"), ("pho-bo", "9.00")] {
        let item = menu.by_id(id).unwrap();
        assert_eq!(item.price.to_string(), price);
        assert!(OrderType::ALL.into_iter().all(|order_type| item.is_sold_for(order_type)), "{id}");
    }
}

/// A worked example of the page.
struct Example<'a> {
    at: PrimitiveDateTime,
    rules: RuleSet,
    request: Value,
    answer: &'a str,
}

/// The first block of a text that begins so.
fn block<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once("\n```").map(|(block, _)| block)
}

/// Each section of the page with three blocks: rules, request and answer.
fn examples() -> Vec<Example<'static>> {
    let sections = PAGE.split("\n### ").filter(|section| section.contains("```json"));
    let moment = format_description!("[year]-[month]-[day] at [hour]:[minute]");
    let example = |section: &'static str| {
        let at = &section[section.find("2026-").unwrap()..];
        let mut json = section.split("```json\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
        Example {
            at: PrimitiveDateTime::parse(&at[.."2026-11-30 at 16:00".len()], moment).unwrap(),
            rules: RuleSet::new(rules(block(section, "```yaml\n").unwrap_or_default())).unwrap(),
            request: serde_json::from_str(json.next().unwrap()).unwrap(),
            answer: json.next().unwrap(),
        }
    };
    sections.map(example).collect()
}

#[test]
fn the_worked_examples_of_the_page_are_what_an_order_costs() {
    let menu = shipped();
    let examples = examples();
    assert!(examples.len() >= 5, "{}", examples.len());
    for Example { at, rules, request, answer } in examples {
        let line = |line: &Value| {
            let item = menu.by_id(line["item_id"].as_str().unwrap()).unwrap();
            PricedLine {
                item_id: Some(item.id.clone()),
                category: Some(item.category.clone()),
                price: item.price,
                quantity: u32::try_from(line["quantity"].as_u64().unwrap()).unwrap(),
            }
        };
        let lines: Vec<_> = request["items"].as_array().unwrap().iter().map(line).collect();
        let order_type = request["order_type"].as_str().unwrap().parse().unwrap();
        let quote = quote(&lines, order_type, at, &rules).unwrap();
        let expected: Value = serde_json::from_str(answer).unwrap();
        let quote = serde_json::to_value(&quote).unwrap();
        assert_eq!(quote, expected, "\n{request}\n{quote}");
    }
}
