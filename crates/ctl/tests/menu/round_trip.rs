//! What is exported can be imported, and is the same.

use crate::scene::{Scene, rules};

const SHIPPED: &str = include_str!("../../../../deploy/menu.yaml");

/// Rules with every field.
const RULES: [&str; 4] = [
    "id: happy-hour, kind: discount, label: \"Happy, 'hour'\", percent: 12.5, category: Drinks, priority: 7, \
     min_total: 20, order_types: [takeout, dine_in], weekdays: [mon, fri], hours: \"15:00-18:00\"",
    "id: five-off, kind: discount, label: Five off, amount: 5, valid_from: 2026-01-01, valid_until: 2026-12-31",
    "id: small, kind: fee, label: Small order, amount: 2.00, below: 15.00",
    "id: vat, kind: tax, label: VAT, rate: 7.7777, item: pho-bo, included: true",
];

#[tokio::test]
async fn the_shipped_menu_comes_back_in_both_formats() {
    let scene = Scene::new().await;
    let (_, document) = SHIPPED.split_once("\nitems:\n").unwrap();
    let document = format!("items:\n{document}");
    let shipped = scene.file("shipped.yaml", SHIPPED);
    let said = scene.succeed(&["menu", "import", &shipped]).await;
    assert!(said.lines().next().unwrap().starts_with("+ "), "{said}");
    assert!(said.ends_with(&format!("{} added, 0 changed, 0 removed", document.matches("- id: ").count())));
    assert_eq!(scene.succeed(&["menu", "export"]).await, document.trim_end());

    let csv = scene.path("menu.csv");
    let said = scene.succeed(&["menu", "export", "--output", &csv]).await;
    assert_eq!(said, format!("items: {} written to '{csv}'", document.matches("- id: ").count()));
    let written = std::fs::read_to_string(&csv).unwrap();
    assert!(written.starts_with("id,name,description,"), "{written}");
    assert_eq!(scene.succeed(&["menu", "export", "--format=csv"]).await, written.trim_end());
    for file in [&csv, &shipped] {
        assert_eq!(scene.succeed(&["menu", "diff", file]).await, "items: the same");
    }
    let nothing = scene.file("nothing.yaml", "items: []\n");
    scene.succeed(&["menu", "import", &nothing]).await;
    scene.succeed(&["menu", "import", &csv]).await;
    assert_eq!(scene.succeed(&["menu", "export"]).await, document.trim_end());
}

#[tokio::test]
async fn price_rules_come_back_in_both_formats() {
    let scene = Scene::new().await;
    let file = scene.file("prices.yml", rules(&RULES));
    assert!(
        scene.succeed(&["prices", "import", &file]).await.ends_with("✓ rules: 4 added, 0 changed, 0 removed")
    );
    let yaml = scene.succeed(&["prices", "export"]).await;
    let csv = scene.file("prices.csv", scene.succeed(&["prices", "export", "--format=csv"]).await);
    assert_eq!(scene.succeed(&["prices", "diff", &csv]).await, "rules: the same");
    let nothing = scene.file("nothing.yaml", "rules: []\n");
    let said = scene.succeed(&["prices", "import", &nothing]).await;
    assert!(said.ends_with("0 added, 0 changed, 4 removed"), "{said}");
    scene.succeed(&["prices", "import", &csv]).await;
    assert_eq!(scene.succeed(&["prices", "export"]).await, yaml);
}

#[tokio::test]
async fn an_export_of_nothing_shows_an_example_and_can_be_imported() {
    let scene = Scene::new().await;
    for (command, list) in [("menu", "items"), ("prices", "rules")] {
        for format in ["yaml", "csv"] {
            let text = scene.succeed(&[command, "export", "--format", format]).await;
            assert!(text.lines().any(|line| line.starts_with('#')), "{text}");
            let file = scene.file(&format!("{command}.{format}"), &text);
            let said = scene.succeed(&[command, "import", &file]).await;
            assert_eq!(said, format!("✓ {list}: nothing to change"));
        }
    }
    assert_eq!(scene.version().await, 1);
}

#[tokio::test]
async fn the_format_that_is_named_goes_before_the_extension() {
    let scene = Scene::with_menu(&[crate::scene::TEA]).await;
    let path = scene.path("menu.yaml");
    scene.succeed(&["menu", "export", "--format=csv", "--output", &path]).await;
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("id,name,"));
    assert_eq!(scene.succeed(&["menu", "diff", "--format=csv", &path]).await, "items: the same");
    scene.assert_fails(&["menu", "import", &path], 1, &["line 1"]).await;
}
