//! Where an export is written: all of it, or nothing.

use crate::scene::{Scene, TEA};

#[tokio::test]
async fn a_file_is_complete_or_absent() {
    let scene = Scene::with_menu(&[TEA]).await;
    let path = scene.file("mine.yaml", "# work of hours\n");
    let output = |path: &str| format!("--output={path}");
    let folder = scene.path("");
    for (output, part) in [
        (output(&path), "choose another name: an export is never overwritten"),
        (output(&folder), "choose another name"),
        (output("/nowhere/at/all.yaml"), "cannot write '/nowhere/at/all.yaml'"),
        (output("/proc/menu.yaml"), "choose a place that can be written to"),
    ] {
        scene.assert_fails(&["menu", "export", &output], 1, &[part]).await;
    }
    let ended = scene
        .command(&["menu", "export", &output(&scene.path("none.yaml"))])
        .env("DB_PORT", "1")
        .run_to_end()
        .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# work of hours\n");
    assert_eq!(scene.files(), ["first.yaml", "mine.yaml"]);
}

#[tokio::test]
async fn an_output_that_cannot_be_written_is_a_failure() {
    let scene = Scene::with_menu(&[TEA]).await;
    let file = scene.path("first.yaml");
    for words in [&["menu", "export"][..], &["menu", "diff", &file], &["prices", "export", "--format=csv"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = scene.command(words).run_to_end_into(full).await;
        assert_eq!(ended.code, Some(1), "{words:?}: {ended:?}");
        assert!(ended.stderr.contains("cannot write") && ended.stderr.contains("No space left"), "{ended:?}");
    }
}
