//! `diff`: what it says, and its exit code.

use serde_json::{Value, json};

use crate::scene::{BEER, SOUP, Scene, TEA, items};

#[tokio::test]
async fn the_exit_code_says_whether_both_are_the_same() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    let before = scene.contents().await;
    let same = scene.file("same.csv", "price,name,id\n2,Tea,tea\n9.5,Soup,soup\n");
    assert_eq!(scene.succeed(&["menu", "diff", &same]).await, "items: the same");
    let other = scene.file("other.yaml", items(&[SOUP, BEER]));
    let ended = scene.run(&["menu", "diff", &other]).await;
    let expected = "+ beer\n- tea\nitems: 1 added, 0 changed, 1 removed by an import";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(1), expected, ""));
    let ended = scene.run(&["menu", "diff", "--json", &other]).await;
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(ended.code, Some(1));
    assert_eq!(document, json!({"same": false, "added": ["beer"], "changed": [], "removed": ["tea"]}));
    assert_eq!(scene.contents().await, before);
}

#[tokio::test]
async fn what_could_not_be_compared_is_no_difference() {
    let scene = Scene::with_menu(&[SOUP]).await;
    let bad = scene.file("bad.yaml", "items:\n  - { id: soup }\n");
    scene.assert_fails(&["menu", "diff", &bad], 3, &["line 2: item 'soup': name is required"]).await;
    scene.assert_fails(&["menu", "diff", &scene.path("none.yaml")], 3, &["cannot read", "none.yaml"]).await;
    let good = scene.file("good.yaml", items(&[SOUP]));
    let ended = scene.command(&["menu", "diff", &good]).env("DB_PORT", "1").run_to_end().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    scene.assert_fails(&["menu", "diff"], 2, &["file"]).await;
    let ended = scene.command(&["menu", "diff", &good]).env("DB_PORT", "x").run_to_end().await;
    assert_eq!(ended.code, Some(78), "{ended:?}");
}
