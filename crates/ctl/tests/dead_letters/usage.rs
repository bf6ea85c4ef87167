//! Wrong arguments and failed connections, and the advice that comes with them.

use testkit::{Launch, Stage};

use crate::scene::{DEAD_LETTERS, Scene, numbered};

#[tokio::test]
async fn wrong_usage_is_explained() {
    let scene = Scene::with_letters(numbered(1)).await;
    for (words, part) in [
        (&["replay"][..], "which ones?"),
        (&["replay", "--limit=3"], "which ones?"),
        (&["replay", "--all", "0123456789abcdef"], "exclude each other"),
        (&["replay", "--all", "--reason=x"], "exclude each other"),
        (&["replay", "nonsense"], "'nonsense' is not the id of a dead letter"),
        (&["drop", "--yes"], "which ones?"),
        (&["drop", "--yes", "--reason="], "a part of the reason is missing"),
        (&["list", "--reason", " "], "a part of the reason is missing"),
        (&["show", "nonsense"], "is not the id of a dead letter"),
        (&["list", "--older-than=soon"], "'soon' is not a span of time"),
        (&["list", "--order=42"], "'42' is not an order number"),
        (&["list", "--limit=0"], "'0' is not a number of messages"),
        (&[], "export"),
    ] {
        let ended = scene.run(words).await;
        assert_eq!(ended.code, Some(2), "{words:?}: {ended:?}");
        assert!(ended.stderr.contains(part), "{words:?}: {ended:?}");
    }
    assert_eq!(scene.broker.ready(DEAD_LETTERS).await, 1);
}

#[tokio::test]
async fn a_failed_connection_comes_with_advice() {
    let stage = Stage::new().await;
    let dlq = |word: &str| Launch::new("restaurant-ctl", stage.environment()).arg("dlq").arg(word);
    for (launch, part) in [
        (dlq("list"), "has no queue 'kitchen_dlq'. Is rabbitmq.vhost right?"),
        (dlq("export").env("RABBITMQ_PORT", "1"), "cannot be reached"),
        (dlq("list").env("RABBITMQ_VHOST", "nowhere"), "rabbitmq.host, port, user, password and vhost"),
        (dlq("list").env("RABBITMQ_PASSWORD", "wrong"), "the user 'guest' or the password is probably wrong"),
    ] {
        let ended = launch.run_to_end().await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
    assert_eq!(dlq("list").env("RABBITMQ_PORT", "x").run_to_end().await.code, Some(78));
}
