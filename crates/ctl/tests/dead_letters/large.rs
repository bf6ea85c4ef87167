//! Large messages, and many of them.

use serde_json::Value;
use testkit::Stage;

use crate::scene::{DEAD_LETTERS, ORIGIN, Scene, numbered, properties_from};

/// Foreign messages may be as large as the broker allows, and there may be many.
#[tokio::test]
async fn one_large_message_at_a_time_is_in_memory() {
    const SIZE: usize = 60_000_000;
    const MESSAGES: usize = 4;
    const MOST_MEMORY: u64 = 4 * SIZE as u64;
    let mut stage = Stage::with_own_servers().await;
    let allow = "application:set_env(rabbit, max_message_size, 134217728).";
    stage.own_servers().rabbitmq.console().evaluate(allow).await.unwrap();
    let scene = Scene::on(stage).await;
    for number in 0..MESSAGES {
        scene.put(properties_from("too large", "", ORIGIN), format!("{number}{}", "x".repeat(SIZE))).await;
        scene.put(properties_from("spoilt", "", ORIGIN), format!("small {number}")).await;
    }
    let listed = scene.list(&[]).await;
    let ids: Vec<_> = listed.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    let (small, large): (Vec<_>, Vec<_>) =
        listed.iter().map(|letter| letter["size_bytes"].as_u64().unwrap()).partition(|size| *size < 100);
    assert_eq!((small.len(), large), (MESSAGES, vec![SIZE as u64 + 1; MESSAGES]));
    let page = scene.succeed(&["show", ids[2]]).await;
    assert!(page.contains("\n1xxx") && page.len() < 70_000, "{} bytes", page.len());
    let further = format!("59934465 further bytes; all of them: restaurant-ctl dlq show --json {}", ids[2]);
    assert!(page.ends_with(&further), "{}", page.lines().last().unwrap());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead.jsonl");
    let export = format!("--output={}", path.display());
    for words in [&["list"][..], &["export", &export], &["replay", "--all"]] {
        let most = scene.most_memory(words).await;
        assert!(most < MOST_MEMORY, "{words:?} took {most} bytes");
    }
    let written = std::fs::read_to_string(&path).unwrap();
    for (number, letters) in written.lines().collect::<Vec<_>>().chunks(2).enumerate() {
        let [large, small] = [0, 1].map(|place| serde_json::from_str::<Value>(letters[place]).unwrap());
        assert_eq!(large["id"], ids[number * 2]);
        let body = large["body"].as_str().unwrap();
        assert!(body.len() == SIZE + 1 && body.starts_with(&format!("{number}x")), "{number}");
        assert_eq!(small["body"], format!("small {number}"));
    }
    assert_eq!(scene.broker.ready(DEAD_LETTERS).await, 0);
    let back: Vec<_> = scene.empty(ORIGIN).await.iter().map(String::len).collect();
    assert_eq!(back, [SIZE + 1, 7].repeat(MESSAGES));
}

#[tokio::test]
async fn five_thousand_are_listed_exported_and_replayed_in_sequence() {
    let count = 5_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let ids = scene.ids().await;
    assert_eq!(ids.len(), count);
    let exported = scene.succeed(&["export"]).await;
    let bodies = exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].clone());
    assert!(bodies.eq(numbered(count).map(Value::from)));
    assert!(scene.succeed(&["show", &ids[count - 1]]).await.ends_with("message 04999"));
    assert_eq!(scene.ids().await, ids);
    let said = scene.succeed(&["replay", "--all"]).await;
    assert!(said.contains("5000 replayed, 0 left"), "{:?}", said.lines().last());
    assert_eq!(said.lines().filter(|line| line.starts_with("replayed ")).count(), count);
    let places = scene.assert_nothing_lost(count).await;
    assert!(places.values().all(|copies| *copies == 1));
}
