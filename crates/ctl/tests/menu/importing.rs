//! What an import changes, and what it says.

use serde_json::{Value, json};

use crate::scene::{BEER, SOUP, Scene, TEA, items, rules};

#[tokio::test]
async fn a_file_becomes_the_whole_menu() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    let file = scene.file("menu.yaml", items(&[BEER, "id: soup, name: Broth, price: 9.90"]));
    let said = scene.succeed(&["menu", "import", &file]).await;
    assert_eq!(
        said,
        "+ beer\n~ soup: name Soup -> Broth, price 9.50 -> 9.90\n- tea\n✓ items: 1 added, 1 changed, 1 removed"
    );
    assert_eq!(scene.items().await, ["beer Beer 4.00", "soup Broth 9.90"]);
    assert_eq!(scene.version().await, 3, "one import is one edit");
    assert_eq!(scene.succeed(&["menu", "import", &file]).await, "✓ items: nothing to change");
    assert_eq!(scene.version().await, 3);
}

#[tokio::test]
async fn a_merge_takes_nothing_off() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    let file = scene.file("menu.yaml", items(&[BEER, "id: soup, name: Soup, price: 9.90"]));
    for (dry, end) in [(true, "; nothing was done, because of --dry-run"), (false, "")] {
        let words = ["menu", "import", "--merge", &file, "--dry-run"];
        let said = scene.succeed(&words[..if dry { 5 } else { 4 }]).await;
        let mark = if dry { "·" } else { "✓" };
        let expected = "+ beer\n~ soup: price 9.50 -> 9.90\n";
        assert_eq!(said, format!("{expected}{mark} items: 1 added, 1 changed, 0 removed{end}"));
    }
    assert_eq!(scene.items().await, ["beer Beer 4.00", "soup Soup 9.90", "tea Tea 2.00"]);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    scene.database.execute("insert into inventory_items (item_id, \"left\") values ('tea', 0)").await;
    let before = scene.contents().await;
    let menu = scene.file("menu.yaml", items(&[SOUP, BEER]));
    let said = scene.succeed(&["menu", "import", "--dry-run", &menu]).await;
    let counts = "· items: 1 added, 0 changed, 1 removed; nothing was done, because of --dry-run";
    assert_eq!(said, format!("+ beer\n- tea\n{counts}"));
    let prices = scene.file("prices.yaml", rules(&["id: vat, kind: tax, label: VAT, rate: 10"]));
    assert!(scene.succeed(&["prices", "import", "--dry-run", &prices]).await.starts_with("+ vat\n"));
    assert_eq!(scene.contents().await, before);
}

#[tokio::test]
async fn scripts_get_one_document() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    let file = scene.file("menu.yaml", items(&[BEER, "id: soup, name: Soup, price: 9.90"]));
    for dry_run in [true, false] {
        let words = ["menu", "import", "--json", &file, "--dry-run"];
        let said = scene.succeed(&words[..if dry_run { 5 } else { 4 }]).await;
        let document: Value = serde_json::from_str(&said).unwrap();
        let fields = json!([{"field": "price", "old": "9.50", "new": "9.90"}]);
        let changed = json!([{"id": "soup", "fields": fields}]);
        assert_eq!(
            document,
            json!({"dry_run": dry_run, "added": ["beer"], "changed": changed, "removed": ["tea"]})
        );
    }
}

#[tokio::test]
async fn an_item_that_is_taken_off_loses_its_stock_as_by_the_staff() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    scene
        .database
        .execute(
            "insert into inventory_items (item_id, \"left\") values ('soup', 5), ('tea', 7);
             insert into inventory_movements (item_id, delta, left_after, quantity, reason, changed_by)
             values ('soup', 5, 5, 5, 'set', 'staff'), ('tea', 7, 7, 7, 'set', 'staff')",
        )
        .await;
    let file = scene.file("menu.yaml", items(&["id: soup, name: Broth, price: 1"]));
    scene.succeed(&["menu", "import", &file, "--changed-by", "Anna"]).await;
    let left = scene.database.rows("select item_id, \"left\" from inventory_items").await;
    assert_eq!(left, [json!({"item_id": "soup", "left": 5})]);
    let last = "select item_id, delta, reason, changed_by from inventory_movements order by id desc limit 1";
    let expected = json!({"item_id": "tea", "delta": -7, "reason": "removed", "changed_by": "Anna"});
    assert_eq!(scene.database.rows(last).await, [expected]);
}

#[tokio::test]
async fn a_row_that_a_hand_wrote_is_replaced() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    scene.database.execute("update menu_items set name = E'Soup\\u200b\\n' where id = 'soup'").await;
    let file = scene.file("menu.yaml", items(&[SOUP, TEA]));
    let parts = ["the row \"soup\" of menu_items: name", "correct that row, or replace it with an import"];
    scene.assert_fails(&["menu", "export"], 1, &parts).await;
    scene.assert_fails(&["menu", "diff", &file], 3, &parts).await;
    assert_eq!(
        scene.succeed(&["menu", "import", &file]).await,
        "~ soup\n✓ items: 0 added, 1 changed, 0 removed"
    );
    assert_eq!(scene.items().await, ["soup Soup 9.50", "tea Tea 2.00"]);
}

#[tokio::test]
async fn rules_that_name_nothing_on_the_menu_are_told() {
    let scene = Scene::with_menu(&[SOUP]).await;
    let lines = [
        "id: a, kind: discount, label: A, percent: 5, item: soup",
        "id: b, kind: discount, label: B, percent: 5, item: pho-bo",
        "id: c, kind: discount, label: C, percent: 5, category: Soups",
    ];
    let file = scene.file("prices.yaml", rules(&lines));
    let told = "+ a\n+ b\n+ c\n! b: no item 'pho-bo' on the menu; it changes no price\n! c: no category 'Soups' on the menu; it changes no price\n";
    let planned = scene.succeed(&["prices", "import", "--dry-run", &file]).await;
    assert!(planned.starts_with(told), "{planned}");
    let said = scene.succeed(&["prices", "import", &file]).await;
    assert_eq!(said, format!("{told}✓ rules: 3 added, 0 changed, 0 removed"));
    let said = scene.succeed(&["prices", "import", "--json", &file]).await;
    let document: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(document["without_effect"], json!(["b: no item 'pho-bo'", "c: no category 'Soups'"]));
}
