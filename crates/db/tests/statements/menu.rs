//! `menu`: edits of the items, and the version that counts them.

use db::edit::Changes;
use db::{inventory, menu, price_rules};
use domain::MenuItem;
use domain::menu::SoldOutUntil;
use domain::record::Record;
use domain::timestamp::Timestamp;
use serde_json::json;
use time::macros::datetime;

use crate::scene::Scene;
use crate::shop::{discount, item, item_id, left, rules};

impl Scene {
    async fn version(&self) -> u64 {
        menu::version(&self.db).await.unwrap().number
    }

    /// The ids of the items, and their prices.
    async fn items(&self) -> Vec<String> {
        let menu = menu::snapshot(&self.db).await.unwrap().menu;
        menu.items().iter().map(|item| format!("{} {} {}", item.id, item.name, item.price)).collect()
    }
}

fn changes(added: &[&str], changed: &[&str], removed: &[&str]) -> Changes<domain::MenuItemId> {
    let ids = |ids: &[&str]| ids.iter().map(|id| item_id(id)).collect();
    Changes { added: ids(added), changed: ids(changed), removed: ids(removed) }
}

fn named(id: &str, name: &str) -> MenuItem {
    MenuItem { name: name.to_owned(), ..item(id, "1.00") }
}

#[tokio::test]
async fn an_item_is_read_as_it_was_written() {
    let scene = Scene::new().await;
    let record = Record::default().with("id", "pho-bo").with("name", "Phở bò").with("price", "9.50");
    let plain = MenuItem::from_record(&record).unwrap();
    let record = Record::default()
        .with("id", "duck")
        .with("name", "Duck, the 'whole' one, \\n")
        .with("description", "Crisp, for \"four\".")
        .with("category", "Mains {x}")
        .with("price", "999.99")
        .with_list("order_types", ["dine_in", "delivery"])
        .with("available", "false")
        .with("position", "7")
        .with("sold_out_until", "2030-01-01T00:00:00Z");
    let full = MenuItem::from_record(&record).unwrap();
    assert_eq!(menu::put(&scene.db, &plain).await.unwrap(), changes(&["pho-bo"], &[], &[]));
    assert_eq!(menu::put(&scene.db, &full).await.unwrap(), changes(&["duck"], &[], &[]));
    let snapshot = menu::snapshot(&scene.db).await.unwrap();
    assert_eq!(**snapshot.menu.by_id("pho-bo").unwrap(), plain);
    assert_eq!(**snapshot.menu.by_id("duck").unwrap(), full);
    assert_eq!((snapshot.menu.version(), scene.version().await), (3, 3));
}

#[tokio::test]
async fn every_edit_counts_once_whoever_makes_it() {
    let scene = Scene::new().await;
    let many: Vec<_> = ["a", "b", "c"].map(|id| item(id, "1.00")).into();
    assert_eq!(scene.version().await, 1);
    menu::replace(&scene.db, &many, "staff").await.unwrap();
    assert_eq!(scene.version().await, 2);
    // Adds, changes and removes.
    menu::replace(&scene.db, &[item("b", "2.00"), item("d", "1.00")], "staff").await.unwrap();
    assert_eq!(scene.version().await, 3);
    menu::put(&scene.db, &item("b", "2.00")).await.unwrap();
    assert!(!menu::delete(&scene.db, &item_id("nothing"), "staff").await.unwrap());
    assert_eq!(scene.version().await, 3, "nothing was changed");
    menu::mark_sold_out(&scene.db, &item_id("b"), SoldOutUntil::FurtherNotice).await.unwrap();
    menu::bring_back(&scene.db, &item_id("b")).await.unwrap();
    menu::delete(&scene.db, &item_id("b"), "staff").await.unwrap();
    assert_eq!(scene.version().await, 6);
    price_rules::merge(&scene.db, &rules(&[discount("x", "5"), discount("y", "5")])).await.unwrap();
    price_rules::replace(&scene.db, &rules(&[discount("x", "6")])).await.unwrap();
    assert_eq!(scene.version().await, 8);
    for sql in [
        "update menu_items set price = 3",
        "begin; update menu_items set price = 4; delete from price_rules; commit",
        "begin; update menu_items set price = 5; rollback; update price_rules set priority = 1 where id = 'z'",
        "truncate price_rules",
    ] {
        scene.execute(sql).await;
    }
    assert_eq!(scene.version().await, 11);
}

#[tokio::test]
async fn what_is_sold_changes_no_version() {
    let scene = Scene::new().await;
    scene.offer("soup", 5).await;
    let before = scene.version().await;
    let order = scene.sell(&[("soup", 5)]).await;
    scene.cancel(&order).await;
    inventory::restock(&scene.db, &item_id("soup"), 1, "staff").await.unwrap();
    assert_eq!(scene.version().await, before);
}

#[tokio::test]
async fn a_replacement_says_what_it_changed_and_takes_the_others_off() {
    let scene = Scene::new().await;
    let old: Vec<_> = ["a", "b", "c"].map(|id| item(id, "1.00")).into();
    let first = menu::replace(&scene.db, &old, "staff").await.unwrap();
    assert_eq!((first.changes, first.before), (changes(&["a", "b", "c"], &[], &[]), vec![]));
    let unchanged = menu::replace(&scene.db, &old, "staff").await.unwrap();
    assert!(unchanged.changes.is_empty(), "{unchanged:?}");
    // A new item has the name of one that goes.
    let new = [named("d", "a"), item("c", "1.50"), item("b", "1.00")];
    let replaced = menu::replace(&scene.db, &new, "staff").await.unwrap();
    assert_eq!((replaced.changes, replaced.before), (changes(&["d"], &["c"], &["a"]), old));
    assert_eq!(scene.items().await, ["d a 1.00", "b b 1.00", "c c 1.50"]);
    let merged = menu::merge(&scene.db, &[item("e", "1.00"), item("b", "9.00")]).await.unwrap();
    assert_eq!(merged.changes, changes(&["e"], &["b"], &[]));
    assert_eq!(merged.before, [item("b", "1.00"), item("c", "1.50"), named("d", "a")]);
    let emptied = menu::replace(&scene.db, &[], "staff").await.unwrap();
    assert_eq!(emptied.changes, changes(&[], &[], &["b", "c", "d", "e"]));
}

#[tokio::test]
async fn what_goes_takes_its_stock_with_it_and_leaves_its_history() {
    let scene = Scene::new().await;
    for id in ["soup", "tea", "bread"] {
        scene.offer(id, 5).await;
    }
    let order = scene.sell(&[("soup", 2)]).await;
    menu::replace(&scene.db, &[item("bread", "1.00")], "anna").await.unwrap();
    assert_eq!(inventory::list(&scene.db).await.unwrap().len(), 1);
    assert_eq!(
        scene.moved("soup").await,
        ["set 5 → 5 by staff", "order -2 → 3 by order-service", "removed -3 → unlimited by anna"]
    );
    let items = "select count(*) from order_items join orders on orders.id = order_id";
    assert_eq!((scene.value(items).await, scene.status(&order).await), (json!(2), json!("received")));
    scene.offer("soup", 4).await;
    assert!(menu::delete(&scene.db, &item_id("soup"), "mario").await.unwrap());
    assert_eq!(scene.moved("soup").await[3..], ["set 4 → 4 by staff", "removed -4 → unlimited by mario"]);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn an_item_that_is_sold_while_it_goes_is_waited_for() {
    let scene = Scene::new().await;
    scene.offer("soup", 5).await;
    let holder = scene
        .holding("update inventory_items set \"left\" = 3; insert into inventory_movements
            (item_id, delta, left_after, quantity, reason, changed_by) values ('soup', -2, 3, 2, 'set', 'a sale')")
        .await;
    let selling = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let (removed, ()) = tokio::join!(menu::replace(&scene.db, &[], "staff"), selling);
    assert_eq!(removed.unwrap().changes, changes(&[], &[], &["soup"]));
    assert_eq!(scene.moved("soup").await[2], "removed -3 → unlimited by staff");
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn a_name_belongs_to_one_item() {
    let scene = Scene::new().await;
    menu::replace(&scene.db, &[named("a", "Soup"), named("b", "Tea")], "staff").await.unwrap();
    let version = scene.version().await;
    let why = menu::put(&scene.db, &named("c", "Tea")).await.unwrap_err();
    assert!(menu::is_name_taken(&why) && why.is_permanent(), "{why:?}");
    let twice = menu::merge(&scene.db, &[named("c", "Cake"), named("d", "Cake")]).await.unwrap_err();
    assert!(menu::is_name_taken(&twice), "{twice:?}");
    assert_eq!((scene.items().await.len(), scene.version().await), (2, version));
    let swapped = menu::merge(&scene.db, &[named("a", "Tea"), named("b", "Soup")]).await.unwrap();
    assert_eq!(swapped.changes, changes(&[], &["a", "b"], &[]));
}

#[tokio::test]
async fn a_mark_is_set_and_taken_off_by_hand() {
    let scene = Scene::new().await;
    scene.offer("soup", 0).await;
    let soup = item_id("soup");
    let at = SoldOutUntil::Time(Timestamp(datetime!(2030-01-01 00:00 UTC)));
    for until in [at, SoldOutUntil::FurtherNotice] {
        let item = menu::mark_sold_out(&scene.db, &soup, until).await.unwrap().unwrap();
        assert_eq!(item.sold_out_until, Some(until));
        assert_eq!(**menu::snapshot(&scene.db).await.unwrap().menu.by_id("soup").unwrap(), item);
    }
    // A restock brings back what ran out, and not what was marked.
    inventory::restock(&scene.db, &soup, 3, "staff").await.unwrap();
    assert_eq!(scene.value("select sold_out from menu_items").await, true);
    let item = menu::bring_back(&scene.db, &soup).await.unwrap().unwrap();
    assert_eq!((item.sold_out_until, scene.left("soup").await), (None, json!(3)));
    let nothing = item_id("nothing");
    assert_eq!(menu::mark_sold_out(&scene.db, &nothing, at).await.unwrap(), None);
    assert_eq!(menu::bring_back(&scene.db, &nothing).await.unwrap(), None);
}

#[tokio::test]
async fn a_snapshot_is_of_one_moment() {
    let scene = Scene::new().await;
    menu::put(&scene.db, &item("soup", "1.00")).await.unwrap();
    // The menu is read already, the rules are not.
    let holder = scene.holding("lock table price_rules").await;
    let editing = async {
        scene.until_waiting(1).await;
        let add = "insert into price_rules (id, kind, label, amount) values ('late', 'fee', 'Late', 1);
                   update menu_items set price = 2; commit";
        holder.execute(add).await;
    };
    let (snapshot, ()) = tokio::join!(menu::snapshot(&scene.db), editing);
    let snapshot = snapshot.unwrap();
    assert_eq!((snapshot.menu.version(), snapshot.rules.rules().len()), (2, 0));
    let snapshot = menu::snapshot(&scene.db).await.unwrap();
    assert_eq!((snapshot.menu.version(), snapshot.rules.rules().len()), (3, 1));
}

#[tokio::test]
async fn a_row_by_hand_that_breaks_a_rule_is_named() {
    let scene = Scene::new().await;
    menu::put(&scene.db, &item("soup", "1.00")).await.unwrap();
    scene.execute("update menu_items set name = E'Soup\\u200b\\n'").await;
    let why = menu::snapshot(&scene.db).await.unwrap_err();
    let source = std::error::Error::source(&why).unwrap().to_string();
    assert!(source.contains("soup") && source.contains("name"), "{source}");
    // It stands in the way of no edit.
    let mended = menu::replace(&scene.db, &[item("soup", "1.00")], "staff").await.unwrap();
    assert_eq!((mended.changes, mended.before), (changes(&[], &["soup"], &[]), vec![]));
    assert_eq!(menu::read(&scene.db).await.unwrap().items().len(), 1);
    for refused in [
        "price = 0",
        "price = 1000",
        "order_types = '{}'",
        "order_types = '{drone}'",
        "sold_out_until = now()",
        "sold_out = true, sold_out_until = 'infinity'",
        "name = ''",
        "id = 'So up'",
        "position = -1",
    ] {
        let edit = format!("update menu_items set {refused}");
        let outcome = scene.stage.database().await.client.batch_execute(&edit).await;
        assert!(outcome.is_err(), "{edit}");
    }
}

#[tokio::test]
async fn the_largest_menu_is_written_and_read() {
    let scene = Scene::new().await;
    let items: Vec<_> = (0..10_000).map(|n| item(&format!("item-{n}"), "1.00")).collect();
    assert_eq!(menu::replace(&scene.db, &items, "staff").await.unwrap().changes.added.len(), 10_000);
    inventory::set_left(&scene.db, &items[7].id, Some(left(3)), "staff").await.unwrap();
    let cheaper: Vec<_> = (5_000..15_000).map(|n| item(&format!("item-{n}"), "0.50")).collect();
    let replaced = menu::replace(&scene.db, &cheaper, "staff").await.unwrap();
    let Changes { added, changed, removed } = replaced.changes;
    assert_eq!([added.len(), changed.len(), removed.len()], [5_000; 3]);
    assert_eq!(scene.version().await, 3);
    assert_eq!(menu::snapshot(&scene.db).await.unwrap().menu.items().len(), 10_000);
}
