//! `price_rules`: rules as they were written, and what edits changed.

use db::edit::Changes;
use db::price_rules::{merge, read, replace};
use domain::pricing::RuleId;
use domain::record::Record;

use crate::scene::Scene;
use crate::shop::{discount, rules};

fn rule(id: &str, kind: &str) -> Record {
    Record::default().with("id", id).with("kind", kind).with("label", &format!("Rule '{id}'"))
}

/// A rule with every field that its kind may have, and one with as few as possible.
fn every_rule() -> Vec<Record> {
    let with_conditions = |record: Record| {
        record
            .with("priority", "7")
            .with("min_total", "20.00")
            .with_list("order_types", ["takeout", "dine_in"])
            .with_list("weekdays", ["sun", "mon"])
            .with("hours", "22:00-02:30")
            .with("valid_from", "2026-01-01")
            .with("valid_until", "2026-12-31")
    };
    vec![
        with_conditions(discount("happy-hour", "12.5").with("category", "Soups")),
        rule("two-off", "discount")
            .with("amount", "2.00")
            .with("item", "pho-bo")
            .with("hours", "18:00-24:00"),
        rule("delivery", "fee").with("amount", "3.50").with_list("order_types", ["delivery"]),
        with_conditions(rule("small", "fee").with("amount", "2.00").with("below", "15.00")),
        with_conditions(
            rule("vat", "tax").with("rate", "7.7777").with("category", "Drinks").with("included", "true"),
        ),
        rule("none", "tax").with("rate", "0").with("item", "tea"),
    ]
}

fn changes(added: &[&str], changed: &[&str], removed: &[&str]) -> Changes<RuleId> {
    let ids = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
    Changes { added: ids(added), changed: ids(changed), removed: ids(removed) }
}

#[tokio::test]
async fn rules_are_read_as_they_were_written() {
    let scene = Scene::new().await;
    // Whatever the operator's settings are.
    let settings =
        "alter database $1 set datestyle = 'SQL, DMY'; alter database $1 set intervalstyle = 'sql_standard'";
    scene.execute(&settings.replace("$1", &scene.stage.name)).await;
    let db = crate::scene::open(&scene.stage);
    let all = rules(&every_rule());
    let added = changes(&["delivery", "happy-hour", "none", "small", "two-off", "vat"], &[], &[]);
    assert_eq!(replace(&db, &all).await.unwrap().changes, added);
    assert_eq!(read(&db).await.unwrap(), all);
    assert_eq!(db::menu::snapshot(&db).await.unwrap().rules, all);
    assert!(replace(&db, &all).await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn an_edit_says_what_it_changed() {
    let scene = Scene::new().await;
    merge(&scene.db, &rules(&[discount("a", "5"), discount("b", "5")])).await.unwrap();
    let merged = merge(&scene.db, &rules(&[discount("b", "6"), discount("c", "5")])).await.unwrap();
    assert_eq!(merged.changes, changes(&["c"], &["b"], &[]));
    let left = rules(&[discount("c", "5"), discount("a", "5").with("priority", "1"), discount("d", "1")]);
    let before = read(&scene.db).await.unwrap();
    let replaced = replace(&scene.db, &left).await.unwrap();
    assert_eq!(replaced.changes, changes(&["d"], &["a"], &["b"]));
    assert_eq!(replaced.before, before.rules());
    assert_eq!(read(&scene.db).await.unwrap(), left);
    let emptied = replace(&scene.db, &rules(&[])).await.unwrap();
    assert_eq!(emptied.changes, changes(&[], &[], &["a", "c", "d"]));
    assert_eq!(read(&scene.db).await.unwrap().rules(), []);
}

#[tokio::test]
async fn a_rule_by_hand_must_make_sense() {
    let scene = Scene::new().await;
    replace(&scene.db, &rules(&every_rule())).await.unwrap();
    for (id, refused) in [
        ("happy-hour", "percent = 130"),
        ("happy-hour", "percent = 0"),
        ("happy-hour", "amount = 1"),
        ("happy-hour", "item = 'pho-bo'"),
        ("happy-hour", "hours_until = hours_from"),
        ("happy-hour", "hours_until = null"),
        ("happy-hour", "valid_from = 'infinity'"),
        ("happy-hour", "valid_until = '2025-01-01'"),
        ("happy-hour", "weekdays = '{monday}'"),
        ("happy-hour", "kind = 'gift'"),
        ("small", "below = 0"),
        ("small", "amount = null"),
        ("delivery", "item = 'pho-bo'"),
        ("vat", "rate = 100.1"),
        ("vat", "percent = 5"),
        ("delivery", "included = true"),
    ] {
        let edit = format!("update price_rules set {refused} where id = '{id}'");
        let outcome = scene.stage.database().await.client.batch_execute(&edit).await;
        assert!(outcome.is_err(), "{edit}");
    }
    scene.execute("update price_rules set label = E'A\\tlabel' where id = 'small'").await;
    let why = read(&scene.db).await.unwrap_err();
    let source = std::error::Error::source(&why).unwrap().to_string();
    assert!(source.contains("'small'") && source.contains("label"), "{source}");
    // It stands in the way of no edit.
    let mended = merge(&scene.db, &rules(&every_rule())).await.unwrap();
    assert_eq!((mended.changes, mended.before.len()), (changes(&[], &["small"], &[]), 5));
}
