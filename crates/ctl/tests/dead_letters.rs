//! `restaurant-ctl dlq`, as an operator uses it, on a real broker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use amqprs::{BasicProperties, FieldTable, FieldValue};
use serde_json::{Value, json};
use testkit::raw_publisher::{self, RawProperties, nested_header, text_header};
use testkit::service::Ended;
use testkit::{Broker, Launch, Proxy, Service, Signal, Stage, eventually, orders};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const DEAD_LETTERS: &str = "kitchen_dlq";
/// A queue to which dead letters of these tests can go back, through the default exchange.
const ORIGIN: &str = "origin";

/// A stage on which both queues are, and nobody who reads them.
struct Scene {
    stage: Stage,
    broker: Broker,
}

impl Scene {
    async fn new() -> Self {
        Self::on(Stage::new().await).await
    }

    async fn on(stage: Stage) -> Self {
        let broker = stage.broker().await;
        broker.declare(DEAD_LETTERS, FieldTable::new()).await;
        broker.declare(ORIGIN, FieldTable::new()).await;
        Self { stage, broker }
    }

    /// Messages with these bodies that came from the origin.
    async fn with_letters(bodies: impl IntoIterator<Item = String>) -> Self {
        let scene = Self::new().await;
        let mut count = 0;
        for body in bodies {
            scene.broker.publish_bytes("", DEAD_LETTERS, story("spoilt", "", ORIGIN), body.as_bytes()).await;
            count += 1;
        }
        scene.until_there_are(count).await;
        scene
    }

    async fn put(&self, properties: BasicProperties, body: impl AsRef<[u8]>) {
        let before = self.broker.ready(DEAD_LETTERS).await;
        self.broker.publish_bytes("", DEAD_LETTERS, properties, body.as_ref()).await;
        self.until_there_are(before + 1).await;
    }

    /// A message that was sent is not in its queue yet, and a question overtakes it on its way.
    async fn until_there_are(&self, count: u32) {
        let what = format!("{count} dead letters");
        eventually(&what, async || (self.broker.ready(DEAD_LETTERS).await == count).then_some(())).await;
    }

    fn command(&self, words: &[&str]) -> Launch {
        let launch = Launch::new("restaurant-ctl", self.stage.environment()).arg("dlq");
        words.iter().fold(launch, |launch, word| launch.arg(*word))
    }

    async fn run(&self, words: &[&str]) -> Ended {
        self.command(words).run_to_end().await
    }

    async fn succeed(&self, words: &[&str]) -> String {
        let ended = self.run(words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        ended.stdout
    }

    /// Runs it to its end and returns the most memory that it had, in bytes.
    async fn most_memory(&self, words: &[&str]) -> u64 {
        let mut running = self.command(words).ready_at_once().start().await;
        let status = format!("/proc/{}/status", running.pid());
        let mut most = 0;
        // The system says it while the program runs: the last answer counts.
        while let Some(kilobytes) = std::fs::read_to_string(&status).ok().and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        }) {
            most = kilobytes * 1_024;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(running.wait().await.code(), Some(0), "{words:?}: {}", running.everything());
        most
    }

    /// The lines of `list --json`.
    async fn list(&self, words: &[&str]) -> Vec<Value> {
        let listed = self.succeed(&[&["list", "--json"], words].concat()).await;
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn ids(&self) -> Vec<String> {
        self.list(&["--limit=10000"])
            .await
            .iter()
            .map(|letter| letter["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What is in a queue, oldest first; it is empty then.
    async fn empty(&self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some(message) = self.broker.take_now(queue).await {
            bodies.push(message.body);
        }
        bodies
    }

    /// Every one of `count` numbered messages is in at least one queue, and the dead
    /// letters are in their order.
    async fn assert_nothing_lost(&self, count: usize) -> BTreeMap<String, usize> {
        // The broker requeues what a killed program held as soon as it sees that it is gone. Count
        // the messages in hands, too: one that was sent already and is held still is there twice.
        eventually("the program to be gone", async || {
            (self.broker.consumers(DEAD_LETTERS).await == 0).then_some(())
        })
        .await;
        eventually("the broker to have all back", async || {
            let all = self.broker.messages(&[DEAD_LETTERS, ORIGIN]).await;
            let ready = self.broker.ready(DEAD_LETTERS).await + self.broker.ready(ORIGIN).await;
            (u64::from(ready) == all && ready as usize >= count).then_some(())
        })
        .await;
        let (dead, replayed) = (self.empty(DEAD_LETTERS).await, self.empty(ORIGIN).await);
        assert!(dead.is_sorted() && replayed.is_sorted(), "out of order");
        let mut places = BTreeMap::new();
        for body in dead.into_iter().chain(replayed) {
            *places.entry(body).or_default() += 1;
        }
        assert_eq!(places.keys().cloned().collect::<Vec<_>>(), numbered(count).collect::<Vec<_>>());
        places
    }
}

/// Bodies that sort as they are numbered.
fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("message {number:05}"))
}

/// The properties of a dead letter as the kitchen writes them.
fn story(reason: &str, exchange: &str, key: &str) -> BasicProperties {
    with_headers(&[
        ("x-reason", reason.into()),
        ("x-original-exchange", exchange.into()),
        ("x-original-routing-key", key.into()),
    ])
}

fn with_headers(fields: &[(&str, FieldValue)]) -> BasicProperties {
    let mut headers = FieldTable::new();
    for (name, value) in fields {
        headers.insert((*name).try_into().unwrap(), value.clone());
    }
    BasicProperties::default().with_headers(headers).finish()
}

fn order_body(number: &str) -> String {
    format!(r#"{{"order_number": "{number}"}}"#)
}

#[allow(clippy::disallowed_methods, reason = "ages are told by the machine's clock")]
fn hours_ago(hours: i64) -> FieldValue {
    (OffsetDateTime::now_utc() - time::Duration::hours(hours)).format(&Rfc3339).unwrap().into()
}

#[tokio::test]
async fn a_list_that_cannot_be_written_is_no_success() {
    let scene = Scene::with_letters(["{}".to_owned()]).await;
    for words in [&["list"][..], &["list", "--json"], &["export"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = scene.command(words).run_to_end_into(full).await;
        assert_eq!(ended.code, Some(1), "{words:?}: {ended:?}");
        assert!(ended.stderr.contains("cannot write") && ended.stderr.contains("No space left"), "{ended:?}");
    }
}

#[tokio::test]
async fn list_shows_each_one_and_leaves_all_where_they_are() {
    let scene = Scene::new().await;
    assert_eq!(scene.succeed(&["list"]).await, "There are no dead letters.");
    scene
        .put(story("no such order", "orders_topic", "kitchen.takeout.1"), order_body("ORD_20241216_001"))
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
    // Messages that are the same to the last byte have ids of their own all the same.
    assert_eq!(listed[2]["id"], format!("{}-2", listed[1]["id"].as_str().unwrap()));
    assert_eq!(scene.list(&[]).await, listed);
    assert_eq!(
        scene.empty(DEAD_LETTERS).await,
        [order_body("ORD_20241216_001").as_str(), "from a stranger", "from a stranger"]
    );
}

#[tokio::test]
async fn filters_choose() {
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

/// What no well-behaved client sends must not end the program that is to remove it.
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
async fn an_order_rejected_by_the_broker_is_replayed_and_cooked_and_a_second_time_harmlessly() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    let number = service.place(&orders::takeout()).await;
    broker.reject("kitchen_takeout_queue").await;
    let scene = Scene { stage, broker };

    let listed = eventually("the dead letter", async || scene.list(&[]).await.pop()).await;
    assert_eq!(listed["reason"], "rejected in queue kitchen_takeout_queue");
    assert_eq!(listed["origin"]["exchange"], "orders_topic");
    assert_eq!(listed["origin"]["routing_key"], "kitchen.takeout.1");
    assert_eq!(listed["order_number"], *number);
    assert!(listed["age_seconds"].as_u64().unwrap() < 60);
    let exported: Value = serde_json::from_str(&scene.succeed(&["export"]).await).unwrap();

    let said = scene.succeed(&["replay", "--order", &number]).await;
    assert!(said.contains(&format!("{number}  to orders_topic kitchen.takeout.1")), "{said}");
    assert!(said.contains("1 replayed, 0 left"), "{said}");
    let replayed = scene.broker.take("kitchen_takeout_queue").await;
    assert_eq!(replayed.body, exported["body"].as_str().unwrap());
    assert_eq!(replayed.properties.delivery_mode(), Some(2));
    assert_eq!(replayed.properties.priority(), Some(1));
    assert_eq!(
        replayed.properties.message_id().unwrap(),
        exported["properties"]["message_id"].as_str().unwrap()
    );
    // By which a cook knows that it is this order's message; nothing else of what
    // the dead letter said.
    let headers = replayed.properties.headers().unwrap().as_ref();
    assert_eq!(headers.len(), 1, "{headers:?}");
    assert_eq!(replayed.header("x-order-identity"), exported["headers"]["x-order-identity"]);

    // The same order twice: it is cooked once.
    for _ in 0..2 {
        scene.put(story("again", "orders_topic", "kitchen.takeout.1"), &replayed.body).await;
    }
    scene.succeed(&["replay", "--all"]).await;
    let kitchen = scene.stage.kitchen_worker("chef_anna").start().await;
    kitchen.log("order_completed").await;
    eventually("an empty queue", async || {
        (scene.broker.queue("kitchen_takeout_queue").await["messages"] == 0).then_some(())
    })
    .await;
    assert_eq!(kitchen.logged("order_completed").len(), 1);
    assert!(scene.list(&[]).await.is_empty());
}

#[tokio::test]
async fn programs_are_told_of_each_one_and_of_the_counts() {
    let scene = Scene::with_letters([order_body("ORD_20260101_001"), "second".to_owned()]).await;
    scene.put(BasicProperties::default(), "of nowhere").await;
    let [first, second, nowhere] = &scene.ids().await[..] else { panic!("three letters") };

    let ended = scene.run(&["replay", "--json", "--all"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let origin = json!({"exchange": "", "routing_key": ORIGIN});
    let replayed = |id: &str, number: Option<&str>| json!({"id": id, "outcome": "replayed", "order_number": number, "origin": origin});
    assert_eq!(told[0], replayed(first, Some("ORD_20260101_001")));
    assert_eq!(told[1], replayed(second, None));
    assert_eq!((&told[2]["id"], &told[2]["outcome"]), (&json!(nowhere), &json!("not_replayed")));
    assert!(told[2]["error"].is_string() && told[2]["advice"].is_string(), "{}", told[2]);
    assert_eq!(told[3..], [json!({"replayed": 2, "not_replayed": 1, "left": 1, "not_found": []})]);

    let dropped = scene.succeed(&["drop", "--json", "--yes", nowhere]).await;
    let told: Vec<Value> = dropped.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let letter = json!({"id": nowhere, "outcome": "dropped", "order_number": null, "origin": null});
    assert_eq!(told, [letter, json!({"dropped": 1, "not_dropped": 0, "left": 0, "not_found": []})]);
}

#[tokio::test]
async fn replay_takes_what_is_named_and_nothing_else() {
    let scene = Scene::with_letters(numbered(5)).await;
    let ids = scene.ids().await;
    scene.succeed(&["replay", &ids[3], &ids[1]]).await;
    assert_eq!(scene.empty(ORIGIN).await, ["message 00001", "message 00003"]);
    // What is gone is not there, and no other message is taken for it.
    let ended = scene.run(&["replay", &ids[1], &ids[2]]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("no dead letter has the id {}", ids[1])), "{ended:?}");
    assert_eq!(scene.empty(ORIGIN).await, ["message 00002"]);
    scene.succeed(&["replay", "--reason=spoilt", "--limit=1"]).await;
    assert_eq!(scene.empty(ORIGIN).await, ["message 00000"]);
    assert_eq!(scene.empty(DEAD_LETTERS).await, ["message 00004"]);
}

#[tokio::test]
async fn of_messages_that_are_the_same_one_is_taken() {
    let scene = Scene::with_letters(["same", "other", "same", "same"].map(str::to_owned)).await;
    let ids = scene.ids().await;
    assert_eq!(ids[3], format!("{}-3", ids[0]));
    scene.succeed(&["drop", "--yes", &ids[2]]).await;
    assert_eq!(scene.ids().await, [&*ids[0], &*ids[1], &*ids[2]]);
    assert_eq!(scene.empty(DEAD_LETTERS).await, ["same", "other", "same"]);
}

#[tokio::test]
async fn what_cannot_be_replayed_stays_says_why_and_stops_nobody() {
    let scene = Scene::new().await;
    let long = "k".repeat(300);
    let hopeless = [
        (BasicProperties::default(), "it does not say where it came from"),
        (story("?", "", &long), "it does not say where it came from"),
        (story("?", "", DEAD_LETTERS), "it does not say where it came from"),
        (
            with_headers(&[("x-death", FieldValue::A(Vec::new().try_into().unwrap()))]),
            "it does not say where",
        ),
        (with_headers(&[("x-original-exchange", FieldValue::l(7))]), "it does not say where it came from"),
        (story("?", "no_such_exchange", "k"), "no exchange 'no_such_exchange'"),
        (story("?", "no_such_exchange", "k2"), "no exchange 'no_such_exchange'"),
        (story("?", "", "no_such_queue"), "with the key 'no_such_queue' (NO_ROUTE)"),
        (story("?", "amq.topic", "unbound"), "no queue takes messages of exchange 'amq.topic'"),
    ];
    for (number, (properties, _)) in hopeless.iter().enumerate() {
        scene.put(properties.clone(), format!("hopeless {number}")).await;
        scene.put(story("?", "", ORIGIN), format!("good {number}")).await;
    }
    let ids = scene.ids().await;
    let ended = scene.run(&["replay", "--all"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for (id, (_, why)) in ids.iter().step_by(2).zip(&hopeless) {
        let said = ended
            .stderr
            .lines()
            .any(|line| line.contains(&format!("not replayed: {id}: ")) && line.contains(why));
        assert!(said, "{id} {why}: {ended:?}");
    }
    assert!(
        ended.stderr.contains("9 replayed, 9 left among the dead letters; 9 could not be replayed"),
        "{ended:?}"
    );
    assert_eq!(scene.empty(ORIGIN).await, (0..9).map(|number| format!("good {number}")).collect::<Vec<_>>());
    assert_eq!(
        scene.empty(DEAD_LETTERS).await,
        (0..9).map(|number| format!("hopeless {number}")).collect::<Vec<_>>()
    );
}

/// Removed is what was confirmed, not what was sent.
#[tokio::test]
async fn what_the_broker_rejects_stays() {
    let scene = Scene::new().await;
    let mut full_after_two = FieldTable::new();
    full_after_two.insert("x-max-length".try_into().unwrap(), FieldValue::l(2));
    full_after_two.insert("x-overflow".try_into().unwrap(), "reject-publish".into());
    scene.broker.declare("small", full_after_two).await;
    for body in numbered(300) {
        scene.put(story("?", "", "small"), body).await;
    }
    let ended = scene.run(&["replay", "--all"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("RabbitMQ rejected it (basic.nack)"), "{ended:?}");
    let replayed = scene.empty("small").await;
    let left = scene.empty(DEAD_LETTERS).await;
    assert!(!replayed.is_empty() && left.len() >= 200, "{} and {}", replayed.len(), left.len());
    assert_eq!([replayed, left].concat(), numbered(300).collect::<Vec<_>>());
}

#[tokio::test]
async fn drop_asks_and_removes_only_what_is_meant() {
    let scene = Scene::with_letters(numbered(4)).await;
    let ids = scene.ids().await;
    let ended = scene.run(&["drop", "--all"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("say --yes"), "{ended:?}");
    assert_eq!(scene.ids().await, ids);
    let said = scene.succeed(&["drop", &ids[2], "--yes"]).await;
    assert!(said.contains(&format!("dropped {}", ids[2])) && said.contains("1 dropped, 3 left"), "{said}");
    assert_eq!(scene.ids().await, [&*ids[0], &*ids[1], &*ids[3]]);
    scene.succeed(&["drop", "--all", "--yes"]).await;
    assert_eq!(scene.succeed(&["list"]).await, "There are no dead letters.");
    assert_eq!(scene.broker.ready(ORIGIN).await, 0);
}

#[tokio::test]
async fn export_writes_a_whole_file_or_none() {
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

/// Strangers' messages may be as large as the broker allows, and there may be many.
#[tokio::test]
async fn of_large_messages_one_is_in_memory_at_a_time() {
    const SIZE: usize = 60_000_000;
    const MESSAGES: usize = 4;
    const MOST_MEMORY: u64 = 4 * SIZE as u64;
    let mut stage = Stage::with_own_servers().await;
    let allow = "application:set_env(rabbit, max_message_size, 134217728).";
    stage.own_servers().rabbitmq.console().evaluate(allow).await.unwrap();
    let scene = Scene::on(stage).await;
    for number in 0..MESSAGES {
        scene.put(story("too large", "", ORIGIN), format!("{number}{}", "x".repeat(SIZE))).await;
        scene.put(story("spoilt", "", ORIGIN), format!("small {number}")).await;
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
async fn where_nothing_can_be_read_it_says_what_to_do() {
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

#[tokio::test]
async fn five_thousand_are_listed_exported_and_replayed_in_their_order() {
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

#[tokio::test]
async fn a_replay_that_is_killed_loses_nothing() {
    let count = 3_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (_proxy, mut replay) = slow_replay(&scene).await;
    lines(&replay, 300).await;
    replay.kill().await;
    let said = replay.raw_lines().len();
    assert!((300..count).contains(&said), "killed in the middle: {said}");
    let places = scene.assert_nothing_lost(count).await;
    assert!(places.values().all(|copies| *copies <= 2));
    // Only what was under way can be in both places.
    assert!(places.values().filter(|copies| **copies == 2).count() <= 100);
}

#[tokio::test]
async fn a_replay_that_is_interrupted_finishes_what_it_has_begun() {
    let count = 3_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (_proxy, mut replay) = slow_replay(&scene).await;
    lines(&replay, 100).await;
    replay.signal(Signal::INT);
    assert_eq!(replay.wait().await.code(), Some(1));
    let said = replay.raw_lines().iter().filter(|line| line.starts_with("replayed ")).count();
    assert!(said < count, "{said} replayed");
    scene.until_there_are(u32::try_from(count - said).unwrap()).await;
    let places = scene.assert_nothing_lost(count).await;
    assert!(places.values().all(|copies| *copies == 1));
}

#[tokio::test]
async fn two_at_once_do_not_disturb_each_other() {
    let count = 3_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (proxy, mut replay) = slow_replay(&scene).await;
    lines(&replay, 100).await;
    replay.signal(Signal::STOP);
    let ended = scene.run(&["list"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("try again when it has ended"), "{ended:?}");
    proxy.delay(Duration::ZERO);
    replay.signal(Signal::CONT);
    assert_eq!(replay.wait().await.code(), Some(0));
    scene.assert_nothing_lost(count).await;
}

#[tokio::test]
async fn a_broker_that_goes_away_takes_nothing_with_it() {
    let count = 3_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (proxy, mut replay) = slow_replay(&scene).await;
    lines(&replay, 100).await;
    proxy.cut();
    assert_eq!(replay.wait().await.code(), Some(1));
    let complaint = replay.errors().join("\n");
    assert!(complaint.contains("Nothing is lost") && complaint.contains("Try again"), "{complaint}");
    scene.assert_nothing_lost(count).await;
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_given_up() {
    let count = 2_000;
    let scene = Scene::with_letters(numbered(count)).await;
    let (proxy, mut replay) = slow_replay(&scene).await;
    lines(&replay, 100).await;
    proxy.silence();
    assert_eq!(replay.wait().await.code(), Some(1));
    let complaint = replay.errors().join("\n");
    assert!(complaint.contains("Nothing is lost"), "{complaint}");
    drop(proxy);
    scene.assert_nothing_lost(count).await;
}

/// Replays all over a way on which every answer takes its time, so that it is seen in its midst
/// however slow the looking is.
async fn slow_replay(scene: &Scene) -> (Proxy, Service) {
    let proxy = scene.stage.rabbitmq_proxy().await;
    proxy.delay(Duration::from_millis(200));
    let launch = scene.command(&["replay", "--all"]).env("RABBITMQ_PORT", proxy.port().to_string());
    let replay = launch.start().await;
    (proxy, replay)
}

/// Waits until a command has printed so many lines.
async fn lines(command: &Service, count: usize) {
    eventually("lines", async || (command.raw_lines().len() >= count).then_some(())).await;
}
