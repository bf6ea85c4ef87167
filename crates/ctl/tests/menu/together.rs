//! Imports beside other edits: one after the other, never half.

use testkit::eventually;

use crate::scene::{BEER, SOUP, Scene, TEA, items};

impl Scene {
    /// Waits until this many statements wait for a lock.
    async fn until_waiting(&self, statements: u64) {
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        let all = async || (self.database.value(waiting).await == statements).then_some(());
        eventually("commands that wait for a lock", all).await;
    }
}

#[tokio::test]
async fn an_edit_of_the_staff_is_before_the_import_and_reported() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    let staff = scene.stage.database().await;
    staff
        .execute(
            "begin; update menu_items set price = 5.55 where id = 'soup';
             insert into menu_items (id, name, category, price) values ('late', 'Late', 'Other', 1)",
        )
        .await;
    let file = scene.file("menu.yaml", items(&[SOUP, TEA]));
    let editing = async {
        scene.until_waiting(1).await;
        staff.execute("commit").await;
    };
    let words = ["menu", "import", &file];
    let (said, ()) = tokio::join!(scene.succeed(&words), editing);
    assert_eq!(said, "- late\n~ soup: price 5.55 -> 9.50\n✓ items: 0 added, 1 changed, 1 removed");
    assert_eq!(scene.items().await, ["soup Soup 9.50", "tea Tea 2.00"]);
}

#[tokio::test]
async fn two_imports_are_one_after_the_other() {
    let scene = Scene::with_menu(&[SOUP]).await;
    let holder = scene.stage.database().await;
    holder.execute("begin; lock table menu_items").await;
    let files = [scene.file("one.yaml", items(&[TEA, SOUP])), scene.file("two.yaml", items(&[BEER]))];
    let import = async |file: &str| scene.succeed(&["menu", "import", file]).await;
    let letting = async {
        scene.until_waiting(2).await;
        holder.execute("commit").await;
    };
    let (one, two, ()) = tokio::join!(import(&files[0]), import(&files[1]), letting);
    let says = |said: &str, counts: &str| said.ends_with(&format!("✓ items: {counts}"));
    if scene.items().await == ["beer Beer 4.00"] {
        assert!(says(&one, "1 added, 0 changed, 0 removed") && says(&two, "1 added, 0 changed, 2 removed"));
    } else {
        assert_eq!(scene.items().await, ["soup Soup 9.50", "tea Tea 2.00"]);
        assert!(says(&two, "1 added, 0 changed, 1 removed") && says(&one, "2 added, 0 changed, 1 removed"));
    }
    assert_eq!(scene.version().await, 4);
}

#[tokio::test]
async fn an_import_that_waits_for_too_long_says_so() {
    let scene = Scene::with_menu(&[SOUP]).await;
    let holder = scene.stage.database().await;
    holder.execute("begin; lock table menu_items in share row exclusive mode").await;
    let file = scene.file("menu.yaml", items(&[TEA]));
    let parts = ["the menu did not change", "another edit may take long: try again when it has ended"];
    scene.assert_fails(&["menu", "import", &file], 1, &parts).await;
    holder.execute("rollback").await;
    assert_eq!(scene.items().await, ["soup Soup 9.50"]);
}
