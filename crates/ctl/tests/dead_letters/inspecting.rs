//! `dlq list`, `show` and `export`: they show dead letters and remove none.

use amqprs::{BasicProperties, FieldTable, FieldValue};
use serde_json::Value;
use testkit::Stage;
use testkit::raw_publisher::{self, RawProperties, nested_header, text_header};

use crate::scene::{
    DEAD_LETTERS, ORIGIN, Scene, hours_ago, numbered, order_body, properties_from, with_headers,
};

#[tokio::test]
async fn list_shows_every_dead_letter_and_removes_none() {
    let scene = Scene::new().await;
    assert_eq!(scene.succeed(&["list"]).await, "There are no dead letters.");
    scene
        .put(
            properties_from("no such order", "orders_topic", "kitchen.takeout.1"),
            order_body("ORD_20241216_001"),
        )
        .await;
    scene.put(BasicProperties::default(), "from a stranger").await;
    scene.put(BasicProperties::default(), "from a stranger").await;

    let table = scene.succeed(&["list"]).await;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("ID ") && lines[0].ends_with("REASON"), "{table}");
    for part in ["ORD_20241216_001", "orders_topic kitchen.takeout.1", "no such order"] {
        assert!(lines[1].contains(part), "{part}: {table}");
    }
    let listed = scene.list(&[]).await;
    assert_eq!(listed[0]["reason"], "no such order");
    assert_eq!(listed[0]["order_number"], "ORD_20241216_001");
    assert_eq!(listed[0]["origin"]["exchange"], "orders_topic");
    assert_eq!(listed[0]["origin"]["routing_key"], "kitchen.takeout.1");
    assert_eq!(listed[1]["size_bytes"], 15);
    for unknown in ["since", "age_seconds", "reason", "origin", "order_number"] {
        assert_eq!(listed[1][unknown], Value::Null, "{unknown}");
    }
    // Identical messages have different ids nevertheless.
    assert_eq!(listed[2]["id"], format!("{}-2", listed[1]["id"].as_str().unwrap()));
    assert_eq!(scene.list(&[]).await, listed);
    assert_eq!(
        scene.empty(DEAD_LETTERS).await,
        [order_body("ORD_20241216_001").as_str(), "from a stranger", "from a stranger"]
    );
}

#[tokio::test]
async fn filters_select() {
    let scene = Scene::new().await;
    for (reason, order, hours) in [
        ("No items", "ORD_20241216_001", 3),
        ("bad price", "ORD_20241216_002", 2),
        ("bad price", "ORD_20241216_003", 0),
    ] {
        let properties =
            with_headers(&[("x-reason", reason.into()), ("x-dead-lettered-at", hours_ago(hours))]);
        scene.put(properties, order_body(order)).await;
    }
    scene.put(BasicProperties::default(), "of unknown age").await;
    for (words, orders) in [
        (&["--reason=PRICE"][..], &["002", "003"][..]),
        (&["--reason", "no items"], &["001"]),
        (&["--order=ORD_20241216_003"], &["003"]),
        (&["--older-than=1h"], &["001", "002"]),
        (&["--older-than=150m", "--reason=i"], &["001"]),
        (&["--limit=2"], &["001", "002"]),
        (&["--reason=price", "--limit=1"], &["002"]),
        (&["--reason=nothing"], &[]),
    ] {
        let listed = scene.list(words).await;
        let numbers: Vec<_> = listed.iter().map(|letter| letter["order_number"].as_str().unwrap()).collect();
        let expected: Vec<_> = orders.iter().map(|number| format!("ORD_20241216_{number}")).collect();
        assert_eq!(numbers, expected, "{words:?}");
    }
    let ended = scene.run(&["list", "--limit=2"]).await;
    assert!(ended.stderr.contains("2 further dead letters"), "{ended:?}");
    let age = scene.list(&[]).await[0]["age_seconds"].as_u64().unwrap();
    assert!((10_800..10_900).contains(&age), "{age}");
}

#[tokio::test]
async fn show_shows_everything_and_nothing_hostile() {
    let scene = Scene::new().await;
    let mut inner = FieldTable::new();
    inner.insert("deep".try_into().unwrap(), FieldValue::l(-7));
    let mut properties = with_headers(&[
        ("x-reason", "\u{1b}[2Jgone\r\nforged line".into()),
        ("\u{202e}name", FieldValue::F(inner)),
        ("bytes", FieldValue::x(vec![0, 255].try_into().unwrap())),
    ]);
    properties.with_message_id("message-1").with_correlation_id("\u{9b}31m").with_priority(7);
    scene.put(properties, "first line\n\u{1b}]0;title\u{7}second line\u{2028}").await;
    scene.put(BasicProperties::default(), b"\xff\xfe\x00").await;
    scene.put(BasicProperties::default(), "").await;
    let ids = scene.ids().await;

    let page = scene.succeed(&["show", &ids[0]]).await;
    for part in [
        "\\u{1b}[2Jgone\\u{d}\\u{a}forged line",
        "\\u{202e}name: {\"deep\":-7}",
        "bytes: AP8=",
        "message_id: message-1",
        "correlation_id: \\u{9b}31m",
        "priority: 7",
        "\nfirst line\n\\u{1b}]0;title\\u{7}second line\\u{2028}",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(scene.succeed(&["show", &ids[1]]).await.ends_with("not UTF-8, in base64\n//4A"));
    assert!(scene.succeed(&["show", &ids[2]]).await.ends_with("body: empty"));
    for words in
        [&["list"][..], &["list", "--json"], &["export"], &["show", &ids[0]], &["show", "--json", &ids[0]]]
    {
        let text = scene.succeed(words).await;
        let hostile = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2028}".contains(c);
        assert!(!text.contains(hostile), "{words:?}: {text:?}");
    }
    let json: Value = serde_json::from_str(&scene.succeed(&["show", "--json", &ids[0]]).await).unwrap();
    assert_eq!(json["body"], "first line\n\u{1b}]0;title\u{7}second line\u{2028}");
    assert_eq!(json["headers"]["\u{202e}name"]["deep"], -7);

    let ended = scene.run(&["show", "0123456789abcdef"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no dead letter has the id 0123456789abcdef"), "{ended:?}");
    assert_eq!(scene.ids().await, ids);
}

/// Malformed headers must not crash the program that should remove them.
#[tokio::test]
async fn headers_that_no_client_can_read_can_be_seen_and_dropped() {
    let scene = Scene::new().await;
    let hostile = [nested_header(5_000), text_header(b"na\xefve", b"latin-1: \xe9")];
    for headers in &hostile {
        let properties = RawProperties::default().headers(headers);
        let Stage { servers, name, .. } = &scene.stage;
        raw_publisher::publish(servers, name, "", DEAD_LETTERS.as_bytes(), &properties, b"deep").await;
    }
    let ids = scene.ids().await;
    assert_eq!(ids.len(), hostile.len());
    assert!(scene.succeed(&["show", &ids[0]]).await.contains(&"{\"t\":".repeat(20)));
    assert!(scene.succeed(&["show", &ids[1]]).await.contains("latin-1: \u{fffd}"));
    for id in &ids {
        scene.succeed(&["drop", id, "--yes"]).await;
    }
    assert!(scene.ids().await.is_empty());
}

#[tokio::test]
async fn export_writes_a_complete_file_or_none() {
    let scene = Scene::with_letters(numbered(3)).await;
    scene.put(BasicProperties::default(), b"\xff").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead.jsonl");
    let flag = format!("--output={}", path.display());
    let said = scene.succeed(&["export", &flag]).await;
    assert!(said.starts_with("4 dead letters are in"), "{said}");
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written.trim_end(), scene.succeed(&["export"]).await);
    let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["body"], "message 00001");
    assert_eq!(lines[1]["headers"]["x-original-routing-key"], ORIGIN);
    assert_eq!(lines[3]["body_base64"], "/w==");
    let ended = scene.run(&["export", &flag]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("choose another name"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    let ended = scene.run(&["export", "--output=/nowhere/at/all"]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("cannot write '/nowhere/at/all'"), "{ended:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(scene.broker.ready(DEAD_LETTERS).await, 4);
}

#[tokio::test]
async fn an_output_that_cannot_be_written_is_a_failure() {
    let scene = Scene::with_letters(["{}".to_owned()]).await;
    for words in [&["list"][..], &["list", "--json"], &["export"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = scene.command(words).run_to_end_into(full).await;
        assert_eq!(ended.code, Some(1), "{words:?}: {ended:?}");
        assert!(ended.stderr.contains("cannot write") && ended.stderr.contains("No space left"), "{ended:?}");
    }
}
