//! Two queues, dead letters in one of them, and the command under test.

use std::collections::BTreeMap;
use std::time::Duration;

use amqprs::{BasicProperties, FieldTable, FieldValue};
use serde_json::Value;
use testkit::service::Ended;
use testkit::{Broker, Launch, Stage, eventually};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub const DEAD_LETTERS: &str = "kitchen_dlq";
/// The queue to which dead letters of these tests are replayed, through the default exchange.
pub const ORIGIN: &str = "origin";

/// A stage with both queues, and without consumers.
pub struct Scene {
    pub stage: Stage,
    pub broker: Broker,
}

impl Scene {
    pub async fn new() -> Self {
        Self::on(Stage::new().await).await
    }

    pub async fn on(stage: Stage) -> Self {
        let broker = stage.broker().await;
        broker.declare(DEAD_LETTERS, FieldTable::new()).await;
        broker.declare(ORIGIN, FieldTable::new()).await;
        Self { stage, broker }
    }

    /// A scene with dead letters of these bodies, which came from the origin.
    pub async fn with_letters(bodies: impl IntoIterator<Item = String>) -> Self {
        let scene = Self::new().await;
        let mut count = 0;
        for body in bodies {
            scene
                .broker
                .publish_bytes("", DEAD_LETTERS, properties_from("spoilt", "", ORIGIN), body.as_bytes())
                .await;
            count += 1;
        }
        scene.until_there_are(count).await;
        scene
    }

    pub async fn put(&self, properties: BasicProperties, body: impl AsRef<[u8]>) {
        let before = self.broker.ready(DEAD_LETTERS).await;
        self.broker.publish_bytes("", DEAD_LETTERS, properties, body.as_ref()).await;
        self.until_there_are(before + 1).await;
    }

    /// Waits for this number of dead letters: a published message may reach its queue late.
    pub async fn until_there_are(&self, count: u32) {
        let what = format!("{count} dead letters");
        eventually(&what, async || (self.broker.ready(DEAD_LETTERS).await == count).then_some(())).await;
    }

    pub fn command(&self, words: &[&str]) -> Launch {
        let launch = Launch::new("restaurant-ctl", self.stage.environment()).arg("dlq");
        words.iter().fold(launch, |launch, word| launch.arg(*word))
    }

    pub async fn run(&self, words: &[&str]) -> Ended {
        self.command(words).run_to_end().await
    }

    pub async fn succeed(&self, words: &[&str]) -> String {
        let ended = self.run(words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        ended.stdout
    }

    /// Runs the command to its end, and returns its peak memory in bytes.
    pub async fn most_memory(&self, words: &[&str]) -> u64 {
        let mut running = self.command(words).ready_at_once().start().await;
        let status = format!("/proc/{}/status", running.pid());
        let mut most = 0;
        // The kernel reports the peak while the program runs: the last report counts.
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
    pub async fn list(&self, words: &[&str]) -> Vec<Value> {
        let listed = self.succeed(&[&["list", "--json"], words].concat()).await;
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub async fn ids(&self) -> Vec<String> {
        self.list(&["--limit=10000"])
            .await
            .iter()
            .map(|letter| letter["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Removes and returns all messages of a queue, oldest first.
    pub async fn empty(&self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some(message) = self.broker.take_now(queue).await {
            bodies.push(message.body);
        }
        bodies
    }

    /// Asserts that each of `count` numbered messages is in at least one queue, and that the dead
    /// letters are in sequence. Returns how many queues hold each.
    pub async fn assert_nothing_lost(&self, count: usize) -> BTreeMap<String, usize> {
        // The broker requeues a killed program's messages once it notices the end. Count unsettled
        // messages, too: one that was replayed and not acknowledged is in both queues then.
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

/// Numbered bodies, in sorting order.
pub fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("message {number:05}"))
}

/// The properties that the kitchen gives to a dead letter.
pub fn properties_from(reason: &str, exchange: &str, key: &str) -> BasicProperties {
    with_headers(&[
        ("x-reason", reason.into()),
        ("x-original-exchange", exchange.into()),
        ("x-original-routing-key", key.into()),
    ])
}

pub fn with_headers(fields: &[(&str, FieldValue)]) -> BasicProperties {
    let mut headers = FieldTable::new();
    for (name, value) in fields {
        headers.insert((*name).try_into().unwrap(), value.clone());
    }
    BasicProperties::default().with_headers(headers).finish()
}

pub fn order_body(number: &str) -> String {
    format!(r#"{{"order_number": "{number}"}}"#)
}

#[allow(clippy::disallowed_methods, reason = "ages are measured by the machine's clock")]
pub fn hours_ago(hours: i64) -> FieldValue {
    (OffsetDateTime::now_utc() - time::Duration::hours(hours)).format(&Rfc3339).unwrap().into()
}
