//! What the doctor says of a menu.

use serde_json::Value;

use crate::scene::{SOUP, Scene, TEA, rules};

impl Scene {
    /// The checks of the menu and of the rules.
    async fn checks(&self, mode: &'static str) -> Vec<Value> {
        let words = ["doctor", "--json", "--service=order", "--order-port=0"];
        let ended = self.command(&words).env("MENU_MODE", mode).run_to_end().await;
        let document: Value = serde_json::from_str(&ended.stdout).unwrap();
        let checks = document["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["check"] == "menu" || check["check"] == "price_rules").cloned().collect()
    }

    /// The outcomes of these checks.
    async fn outcomes(&self) -> Vec<String> {
        let checks = self.checks("on").await;
        checks
            .iter()
            .map(|check| format!("{} {}", check["check"], check["outcome"]).replace('"', ""))
            .collect()
    }
}

#[tokio::test]
async fn an_empty_menu_that_is_on_is_a_warning() {
    let scene = Scene::new().await;
    assert_eq!(scene.checks("off").await, Vec::<Value>::new());
    assert_eq!(scene.outcomes().await, ["menu warn", "price_rules ok"]);
    let checks = scene.checks("on").await;
    assert!(checks[0]["found"].as_str().unwrap().contains("has no items"), "{checks:?}");
    let to_do = checks[0]["to_do"].as_str().unwrap();
    assert!(to_do.contains("restaurant-ctl menu import deploy/menu.yaml"), "{to_do}");
}

#[tokio::test]
async fn rules_about_what_the_menu_lacks_are_named() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    assert_eq!(scene.outcomes().await, ["menu ok", "price_rules ok"]);
    let lines = [
        "id: a, kind: discount, label: A, percent: 5, item: soup",
        "id: b, kind: discount, label: B, percent: 5, category: Other",
        "id: c, kind: fee, label: C, amount: 1",
        "id: d, kind: tax, label: D, rate: 5",
    ];
    let fine = scene.file("fine.yaml", rules(&lines));
    scene.succeed(&["prices", "import", &fine]).await;
    assert_eq!(scene.outcomes().await, ["menu ok", "price_rules ok"]);
    let lost = [
        "id: e, kind: tax, label: E, rate: 5, item: pho-bo",
        "id: f, kind: discount, label: F, percent: 5, category: Soups",
    ];
    let lost = scene.file("lost.yaml", rules(&lost));
    scene.succeed(&["prices", "import", "--merge", &lost]).await;
    assert_eq!(scene.outcomes().await, ["menu ok", "price_rules warn"]);
    let examples = scene.checks("on").await[1]["examples"].clone();
    assert_eq!(examples, serde_json::json!(["e: no item 'pho-bo'", "f: no category 'Soups'"]));
}

#[tokio::test]
async fn a_menu_that_no_service_can_read_is_a_failure() {
    let scene = Scene::with_menu(&[SOUP]).await;
    scene.database.execute("update menu_items set name = E'Soup\\u200b\\n'").await;
    assert_eq!(scene.outcomes().await, ["menu fail"]);
}
