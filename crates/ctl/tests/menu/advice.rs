//! Databases that cannot be edited: what is wrong, and what to do.

use testkit::{Launch, Stage};

use crate::scene::{SOUP, Scene, TEA, items};

const PASSWORD: &str = "a-password-that-nobody-else-has";

async fn assert_says(launch: &Launch, part: &str) {
    let ended = launch.run_to_end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(part), "no '{part}': {ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
}

#[tokio::test]
async fn a_database_that_cannot_be_used_comes_with_advice() {
    let scene = Scene::new().await;
    let file = scene.file("menu.yaml", items(&[TEA]));
    for words in
        [&["menu", "import", &file][..], &["menu", "import", "--dry-run", &file], &["prices", "export"]]
    {
        let command = scene.command(words);
        for (name, value, part) in [
            ("DB_PORT", "1", "cannot be reached"),
            ("DB_PORT", "1", "start PostgreSQL, or correct database.host"),
            ("DB_NAME", "nowhere", "createdb"),
            ("DB_PASSWORD", "wrong", "DB_PASSWORD"),
        ] {
            assert_says(&command.clone().env(name, value), part).await;
        }
    }
}

#[tokio::test]
async fn tables_of_another_version_are_not_touched() {
    let stage = Stage::new().await;
    let export = Launch::new("restaurant-ctl", stage.environment()).arg("menu").arg("export");
    let older = "the tables are missing, or older than this version: run 'restaurant-ctl migrate'";
    assert_says(&export, older).await;
    stage.migrate().await;
    let database = stage.database().await;
    let older_by_one = "delete from refinery_schema_history
        where version = (select max(version) from refinery_schema_history)";
    database.execute(older_by_one).await;
    assert_says(&export, older).await;
    let newer = "insert into refinery_schema_history (version, name, applied_on, checksum) values (999, 'future', '', '0')";
    database.execute(newer).await;
    assert_says(&export, "has version 999, this program knows versions up to").await;
}

#[tokio::test]
async fn the_order_services_user_may_edit_and_the_others_may_not() {
    let scene = Scene::with_menu(&[SOUP]).await;
    let roles = scene.command(&["migrate", "--roles"]);
    let roles = ["ORDER_DB_PASSWORD", "KITCHEN_DB_PASSWORD", "TRACKING_DB_PASSWORD"]
        .into_iter()
        .fold(roles, |roles, name| roles.env(name, PASSWORD));
    assert_eq!(roles.run_to_end().await.code, Some(0));
    let file = scene.file("menu.yaml", items(&[TEA]));
    let prices = scene.file("prices.yaml", "rules: []\n");
    let as_role = |words: &[&str], role: &str| {
        let user = format!("{}_{role}", scene.stage.name);
        scene.command(words).env("DB_USER", user).env("DB_PASSWORD", PASSWORD)
    };
    for role in ["kitchen", "tracking"] {
        let owner = "run it as the owner of the tables, or as the user of the order service";
        for words in [["menu", "import", &file], ["prices", "import", &prices]] {
            assert_says(&as_role(&words, role), owner).await;
        }
        assert_says(&as_role(&["menu", "export"], role), owner).await;
    }
    assert_eq!(scene.items().await, ["soup Soup 9.50"]);
    for words in [["menu", "import", &file], ["prices", "import", &prices], ["menu", "diff", &file]] {
        let ended = as_role(&words, "order").run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(scene.items().await, ["tea Tea 2.00"]);
    for role in ["order", "kitchen", "tracking", "tracking_staff", "exporter"] {
        let name = format!("{}_{role}", scene.stage.name);
        scene.database.execute(&format!("drop owned by {name}; drop role {name}")).await;
    }
}
