use time::macros::datetime;

use super::*;
use crate::inventory::{Admission, Stock, StockLeft, admit};
use crate::record::Record;

const NOW: OffsetDateTime = datetime!(2026-11-30 12:00 UTC);

fn item(id: &str, name: &str, price: &str) -> Record {
    Record::default().with("id", id).with("name", name).with("category", "Soups").with("price", price)
}

/// Pho and tea for all, beer not for delivery; a dish for later, one that is gone, one not shown.
fn menu() -> Menu {
    let records = [
        item("pho-bo", "Phở bò", "9.50"),
        item("tea", "Tea", "2.00"),
        item("beer", "Beer", "4.00").with_list("order_types", ["dine_in", "takeout"]),
        item("duck", "Duck", "19.00").with("sold_out_until", "2026-11-30T23:00:00Z"),
        item("goose", "Goose", "29.00").with("sold_out_until", "further_notice"),
        item("secret", "Secret", "1.00").with("available", "false"),
    ];
    Menu::new(3, records.iter().map(|record| MenuItem::from_record(record).unwrap()).collect()).unwrap()
}

fn by_id(id: &str) -> RequestedLine {
    RequestedLine { item: ItemReference::Id(id.to_owned()), quantity: 1, price: None }
}

fn by_name(name: &str) -> RequestedLine {
    RequestedLine { item: ItemReference::Name(name.to_owned()), ..by_id("") }
}

fn by_both(id: &str, name: &str) -> RequestedLine {
    RequestedLine { item: ItemReference::Both { id: id.to_owned(), name: name.to_owned() }, ..by_id("") }
}

fn at(price: &str, line: RequestedLine) -> RequestedLine {
    RequestedLine { price: Some(price.parse().unwrap()), ..line }
}

/// The top code, and each item as `id name pointer code detail`.
fn refused(lines: &[RequestedLine]) -> (RefusalCode, Vec<String>) {
    let refusal = resolve(lines, OrderType::Delivery, NOW, &menu()).unwrap_err();
    let text = |item: &RefusedItem| {
        let [id, name] = [&item.item_id, &item.name].map(|text| text.as_deref().unwrap_or("-"));
        format!("{id} {name} {} {} {}", item.pointer, item.code, item.detail)
    };
    (refusal.code, refusal.items.iter().map(text).collect())
}

#[test]
fn lines_get_the_name_and_the_price_of_the_menu() {
    let lines = [
        by_id("pho-bo"),
        RequestedLine { quantity: 3, ..by_name("Tea") },
        at("9.5", by_both("pho-bo", "Phở bò")),
        by_id("beer"),
    ];
    let resolved = resolve(&lines, OrderType::Takeout, NOW, &menu()).unwrap();
    let items: Vec<_> = resolved.iter().map(ResolvedLine::order_item).collect();
    let texts: Vec<_> =
        items.iter().map(|item| format!("{} x {} at {}", item.quantity, item.name, item.price)).collect();
    assert_eq!(texts, ["1 x Phở bò at 9.50", "3 x Tea at 2.00", "1 x Phở bò at 9.50", "1 x Beer at 4.00"]);
    let priced = resolved[1].priced();
    assert_eq!((priced.price.cents(), priced.quantity), (200, 3));
    assert_eq!(priced.category.unwrap().as_str(), "Soups");
    let wanted = demand(&resolved);
    let wanted: Vec<_> = wanted.items().map(|(item, pieces)| (item.as_str(), pieces)).collect();
    assert_eq!(wanted, [("beer", 1), ("pho-bo", 2), ("tea", 3)]);
}

#[test]
fn what_the_menu_does_not_have_is_unknown_at_its_pointer() {
    let lines = [
        by_id("pho-ga"),
        by_name("phở bò"),
        by_id("Phở bò"),
        by_both("pho-ga", "Tea"),
        by_both("tea", "Beer"),
    ];
    assert_eq!(
        refused(&lines),
        (
            RefusalCode::UnknownItem,
            vec![
                "pho-ga - /items/0/item_id unknown_item is not the id of an item on the menu".to_owned(),
                "- phở bò /items/1/name unknown_item is not the name of an item on the menu".to_owned(),
                "Phở bò - /items/2/item_id unknown_item is not the id of an item on the menu".to_owned(),
                "tea Tea /items/4/name unknown_item does not agree with item_id: that item is called 'Tea'; send one of them".to_owned(),
            ]
        )
    );
}

#[test]
fn all_items_that_cannot_be_ordered_are_named() {
    assert_eq!(
        refused(&[by_id("beer"), by_id("tea"), by_name("Duck"), by_id("goose"), by_id("secret")]),
        (
            RefusalCode::ItemUnavailable,
            vec![
                "beer Beer /items/0 item_unavailable is not sold in delivery orders".to_owned(),
                "duck Duck /items/2 item_unavailable is sold out until 2026-11-30T23:00:00.000Z".to_owned(),
                "goose Goose /items/3 item_unavailable is sold out until further notice".to_owned(),
                "secret Secret /items/4 item_unavailable is not on the menu at present".to_owned(),
            ]
        )
    );
    let later = datetime!(2026-11-30 23:00 UTC);
    assert!(resolve(&[by_id("duck")], OrderType::Delivery, later, &menu()).is_ok());
}

#[test]
fn another_price_is_refused_with_the_right_one() {
    let lines = [at("9.49", by_id("pho-bo")), at("2", by_id("tea"))];
    let refusal = resolve(&lines, OrderType::Delivery, NOW, &menu()).unwrap_err();
    assert_eq!(
        serde_json::to_string(&refusal.items).unwrap(),
        r#"[{"item_id":"pho-bo","name":"Phở bò","pointer":"/items/0/price","code":"price_changed","detail":"is not the price on the menu, which is 9.50","price":9.50}]"#
    );
    assert_eq!(refusal.to_string(), "1 item of the order cannot be had: price_changed");
}

#[test]
fn the_top_code_is_the_first_of_all_and_each_item_is_named_once() {
    let lines = [
        at("1.00", by_id("tea")),
        by_id("duck"),
        at("2.00", by_both("tea", "Tee")),
        by_name("Duck"),
        at("3.00", by_id("pho-bo")),
        at("4.00", by_id("pho-bo")),
        by_id("nothing"),
        by_id("nothing"),
    ];
    let (code, items) = refused(&lines);
    assert_eq!(code, RefusalCode::UnknownItem);
    let pointers: Vec<_> = items.iter().map(|item| item.split(' ').collect::<Vec<_>>()).collect();
    let pointers: Vec<_> =
        pointers.iter().map(|words| words.iter().find(|word| word.starts_with('/')).unwrap()).collect();
    assert_eq!(pointers, [&"/items/2/name", &"/items/1", &"/items/4/price", &"/items/6/item_id"]);
    let sorted = [
        RefusalCode::UnknownItem,
        RefusalCode::ItemUnavailable,
        RefusalCode::PriceChanged,
        RefusalCode::OutOfStock,
    ];
    assert!(sorted.is_sorted());
}

#[test]
fn what_is_short_is_named_with_what_is_left() {
    let lines = [by_id("tea"), RequestedLine { quantity: 3, ..by_id("pho-bo") }, by_name("Tea")];
    let resolved = resolve(&lines, OrderType::Delivery, NOW, &menu()).unwrap();
    let stock = |tea, pho| -> Stock {
        let left = |pieces| StockLeft::try_from(pieces).unwrap();
        [("tea".parse().unwrap(), left(tea)), ("pho-bo".parse().unwrap(), left(pho))].into()
    };
    let [Admission::Refused(shortages)] = &admit(&mut stock(1, 0), &[demand(&resolved)])[..] else {
        panic!("admitted")
    };
    let refusal = out_of_stock(&resolved, shortages).unwrap();
    assert_eq!(refusal.code, RefusalCode::OutOfStock);
    assert_eq!(
        serde_json::to_string(&refusal.items).unwrap(),
        r#"[{"item_id":"tea","name":"Tea","pointer":"/items/0","code":"out_of_stock","detail":"is short: 2 are wanted, 1 left","left":1},{"item_id":"pho-bo","name":"Phở bò","pointer":"/items/1","code":"out_of_stock","detail":"is sold out","left":0}]"#
    );
    assert_eq!(out_of_stock(&resolved, &[]), None);
}

#[test]
fn what_is_short_is_named_behind_what_the_menu_refuses() {
    let lines = [
        RequestedLine { quantity: 2, ..by_id("pho-bo") },
        by_id("goose"),
        at("1.00", by_id("tea")),
        by_name("Phở bò"),
        by_id("beer"),
    ];
    let refusal = resolve(&lines, OrderType::Takeout, NOW, &menu()).unwrap_err();
    let left = |item: &str, pieces: i64| (item.parse().unwrap(), StockLeft::try_from(pieces).unwrap());
    let stock: Stock = [left("pho-bo", 2), left("tea", 0), left("beer", 1)].into();
    let names = |refusal: &Refusal| -> Vec<String> {
        refusal.items.iter().map(|item| format!("{} {}", item.pointer, item.code)).collect()
    };
    let all = also_short(refusal.clone(), &lines, &menu(), &stock);
    assert_eq!(all.code, RefusalCode::ItemUnavailable);
    assert_eq!(
        names(&all),
        ["/items/1 item_unavailable", "/items/2/price price_changed", "/items/0 out_of_stock"]
    );
    assert_eq!(all.items[2].left, Some(2));
    assert_eq!(also_short(refusal.clone(), &lines, &menu(), &Stock::new()), refusal);
    let wanted: Vec<_> = named(&lines, &menu()).iter().map(ToString::to_string).collect();
    assert_eq!(wanted, ["pho-bo", "goose", "tea", "pho-bo", "beer"]);
}
