//! `notifications`: a subscriber's place in the stream, through whatever befalls its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bus::notifications::{StartAt, subscribe};
use bus::topology::NOTIFICATIONS_QUEUE;
use bus::{LinkState, Publisher};
use config::Rabbitmq;
use domain::{ServiceName, StatusUpdate};
use runtime::Shutdown;
use testkit::wait::within;
use testkit::{Proxy, eventually};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::log_lines::LogLines;
use crate::scene::{Scene, news, update};

/// A subscriber, and what it shows.
struct Subscriber {
    shown: mpsc::UnboundedReceiver<StatusUpdate>,
    lines: LogLines,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Subscriber {
    /// Returns once it reads.
    async fn start(settings: &Rabbitmq, start: StartAt) -> Self {
        let (lines, shutdown) = (LogLines::new(), Shutdown::new());
        let (sender, shown) = mpsc::unbounded_channel();
        let task = tokio::spawn({
            let (settings, log, shutdown) = (settings.clone(), lines.log.clone(), shutdown.clone());
            async move {
                subscribe(&settings, "test", start, &LinkState::default(), &log, &shutdown, |delivery| {
                    let update = serde_json::from_slice(&delivery.body).unwrap();
                    let is_shown = sender.send(update).is_ok();
                    async move { is_shown }
                })
                .await;
            }
        });
        lines.until("rabbitmq_connected", 1).await;
        Self { shown, lines, shutdown, task }
    }

    /// Waits for the next updates.
    async fn next(&mut self, count: usize) -> Vec<StatusUpdate> {
        let mut updates = Vec::new();
        for _ in 0..count {
            updates.push(within("a status update", self.shown.recv()).await.expect("it goes on"));
        }
        updates
    }

    /// Cuts its connection, and waits until it has noticed.
    async fn cut(&self, proxy: &Proxy) {
        let known = self.lines.of("rabbitmq_connection_failed").len();
        proxy.cut();
        self.lines.until("rabbitmq_connection_failed", known + 1).await;
    }

    /// Ends it. Returns what else it has shown.
    async fn end(mut self) -> Vec<StatusUpdate> {
        self.shutdown.begin();
        within("its end", self.task).await.unwrap();
        let mut rest = Vec::new();
        while let Ok(update) = self.shown.try_recv() {
            rest.push(update);
        }
        rest
    }
}

/// A publisher of status updates, and the stream.
async fn with_stream() -> (Scene, Publisher) {
    let scene = Scene::new().await;
    let publisher = scene.other_publisher(ServiceName::Kitchen).await;
    within("the stream", publisher.status_updates_possible()).await;
    (scene, publisher)
}

/// Publishes this many status updates and returns them.
async fn published(publisher: &Publisher, count: usize) -> Vec<StatusUpdate> {
    let updates: Vec<_> = (0..count).map(|_| update()).collect();
    for update in &updates {
        publisher.publish(news(update)).await.unwrap();
    }
    updates
}

#[tokio::test]
async fn what_comes_next_is_shown_in_its_order_and_what_was_before_is_not() {
    let (scene, publisher) = with_stream().await;
    published(&publisher, 2).await;
    let mut subscriber = Subscriber::start(&scene.settings, StartAt::Next).await;
    let expected = published(&publisher, 5).await;
    assert_eq!(subscriber.next(5).await, expected);
    assert_eq!(subscriber.end().await, []);
}

#[tokio::test]
async fn from_the_first_on_everything_is_shown() {
    let (scene, publisher) = with_stream().await;
    let mut expected = published(&publisher, 3).await;
    let mut subscriber = Subscriber::start(&scene.settings, StartAt::First).await;
    expected.extend(published(&publisher, 2).await);
    assert_eq!(subscriber.next(5).await, expected);
}

#[tokio::test]
async fn from_a_time_on_what_came_since_is_shown() {
    let (scene, publisher) = with_stream().await;
    let expected = published(&publisher, 3).await;
    let mut subscriber = Subscriber::start(&scene.settings, StartAt::Ago(60)).await;
    assert_eq!(subscriber.next(3).await, expected);
}

#[tokio::test]
async fn every_subscriber_sees_everything() {
    let (scene, publisher) = with_stream().await;
    let mut one = Subscriber::start(&scene.settings, StartAt::Next).await;
    let mut other = Subscriber::start(&scene.settings, StartAt::Next).await;
    let expected = published(&publisher, 3).await;
    assert_eq!(one.next(3).await, expected);
    assert_eq!(other.next(3).await, expected);
}

#[tokio::test]
async fn what_came_during_a_cut_is_shown_afterwards_and_nothing_twice() {
    let (scene, publisher) = with_stream().await;
    let (proxy, settings) = scene.proxy().await;
    let mut subscriber = Subscriber::start(&settings, StartAt::Next).await;
    let before = published(&publisher, 3).await;
    assert_eq!(subscriber.next(3).await, before);
    subscriber.cut(&proxy).await;
    let meanwhile = published(&publisher, 3).await;
    proxy.mend();
    assert_eq!(subscriber.next(3).await, meanwhile);
    assert_eq!(subscriber.lines.of("notifications_missed").len(), 0);
    assert_eq!(subscriber.end().await, []);
}

#[tokio::test]
async fn whoever_had_shown_nothing_goes_on_behind_what_was_there_before() {
    let (scene, publisher) = with_stream().await;
    published(&publisher, 3).await;
    let (proxy, settings) = scene.proxy().await;
    let mut subscriber = Subscriber::start(&settings, StartAt::Next).await;
    subscriber.cut(&proxy).await;
    let meanwhile = published(&publisher, 2).await;
    proxy.mend();
    assert_eq!(subscriber.next(2).await, meanwhile);
}

#[tokio::test]
async fn before_an_empty_stream_what_came_during_a_cut_is_shown_as_well() {
    let (scene, publisher) = with_stream().await;
    let (proxy, settings) = scene.proxy().await;
    let mut subscriber = Subscriber::start(&settings, StartAt::Next).await;
    subscriber.cut(&proxy).await;
    let meanwhile = published(&publisher, 2).await;
    proxy.mend();
    assert_eq!(subscriber.next(2).await, meanwhile);
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_declared_and_read_again() {
    let (scene, publisher) = with_stream().await;
    let mut subscriber = Subscriber::start(&scene.settings, StartAt::Next).await;
    let before = published(&publisher, 2).await;
    assert_eq!(subscriber.next(2).await, before);
    scene.broker.delete(NOTIFICATIONS_QUEUE).await;
    subscriber.lines.said("rabbitmq_connection_failed", "was deleted").await;
    subscriber.lines.until("rabbitmq_connected", 2).await;
    let after = published(&publisher, 2).await;
    assert_eq!(subscriber.next(2).await, after);
}

#[tokio::test]
async fn a_stream_that_was_made_anew_during_a_cut_is_read_from_its_beginning() {
    let (scene, publisher) = with_stream().await;
    let (proxy, settings) = scene.proxy().await;
    let mut subscriber = Subscriber::start(&settings, StartAt::Next).await;
    let before = published(&publisher, 1).await;
    assert_eq!(subscriber.next(1).await, before);
    subscriber.cut(&proxy).await;
    scene.broker.delete(NOTIFICATIONS_QUEUE).await;
    // The first one is unroutable. Then the publisher declares the stream.
    publisher.publish(news(&update())).await.unwrap_err();
    within("another connection", publisher.status_updates_possible()).await;
    let meanwhile = published(&publisher, 3).await;
    proxy.mend();
    assert_eq!(subscriber.next(3).await, meanwhile);
    subscriber.lines.said("rabbitmq_connection_failed", "is another one than before").await;
}

#[tokio::test]
async fn who_can_show_nothing_more_reads_nothing_more() {
    let (scene, publisher) = with_stream().await;
    let Subscriber { shown, task, .. } = Subscriber::start(&scene.settings, StartAt::Next).await;
    drop(shown);
    published(&publisher, 1).await;
    within("its end", task).await.unwrap();
}

#[tokio::test]
async fn no_more_than_a_hundred_are_shown_ahead_of_the_first_that_is_not_shown_yet() {
    let (scene, publisher) = with_stream().await;
    published(&publisher, 150).await;
    let (begun, go_on) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(false));
    let shutdown = Shutdown::new();
    let reading = tokio::spawn({
        let (begun, gate, shutdown) = (Arc::clone(&begun), go_on.subscribe(), shutdown.clone());
        let (settings, log) = (scene.settings.clone(), scene.lines.log.clone());
        async move {
            subscribe(&settings, "test", StartAt::First, &LinkState::default(), &log, &shutdown, |_| {
                begun.fetch_add(1, Ordering::SeqCst);
                let mut gate = gate.clone();
                async move { gate.wait_for(|open| *open).await.is_ok() }
            })
            .await;
        }
    });
    let count = async |wanted| (begun.load(Ordering::SeqCst) == wanted).then_some(());
    eventually("a hundred to be begun", async || count(100).await).await;
    // A round trip to the broker. A further update would have arrived by then.
    scene.broker.exchange("notifications_fanout").await;
    assert_eq!(begun.load(Ordering::SeqCst), 100);
    go_on.send_replace(true);
    eventually("all to be begun", async || count(150).await).await;
    shutdown.begin();
    within("its end", reading).await.unwrap();
}

#[tokio::test]
async fn a_queue_with_other_settings_is_told_and_awaited() {
    let scene = Scene::new().await;
    scene.strange_queue(NOTIFICATIONS_QUEUE).await;
    let shutdown = Shutdown::new();
    let reading = tokio::spawn({
        let (settings, log, shutdown) = (scene.settings.clone(), scene.lines.log.clone(), shutdown.clone());
        async move {
            let link = LinkState::default();
            subscribe(&settings, "test", StartAt::Next, &link, &log, &shutdown, |_| async { true }).await;
        }
    });
    scene.lines.said("rabbitmq_connection_failed", "It holds status updates only").await;
    scene.broker.delete(NOTIFICATIONS_QUEUE).await;
    scene.lines.until("rabbitmq_connected", 1).await;
    shutdown.begin();
    within("its end", reading).await.unwrap();
}
