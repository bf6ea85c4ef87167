//! `dead_letters`: a pass over them shows each one, and leaves all but what is removed where it
//! was.

use amqprs::{BasicProperties, FieldTable, FieldValue};
use bus::Outgoing;
use bus::dead_letters::{DeadLetter, DeadLettersError, OriginalRoute, Pass};
use bus::topology::{DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, ORDERS_EXCHANGE};
use domain::ServiceName;
use testkit::wait::within;

use crate::scene::{Scene, TAKEOUT_QUEUE, moment, next, takeout};

/// Properties with these headers.
pub fn with_headers(fields: &[(&str, &str)]) -> BasicProperties {
    let mut headers = FieldTable::new();
    for (name, value) in fields {
        headers.insert((*name).try_into().unwrap(), FieldValue::from((*value).to_owned()));
    }
    BasicProperties::default().with_headers(headers).finish()
}

impl Scene {
    /// Publishes dead letters with these bodies.
    pub async fn letters(&self, bodies: &[&str]) {
        self.declared().await;
        for body in bodies {
            self.letter(BasicProperties::default(), body).await;
        }
    }

    /// Publishes one dead letter.
    pub async fn letter(&self, properties: BasicProperties, body: &str) {
        self.broker.publish(DEAD_LETTER_EXCHANGE, "", properties, body).await;
    }

    pub async fn pass(&self) -> Pass {
        Pass::begin(&self.settings, "test").await.unwrap()
    }
}

/// All letters of a pass, from the head of the queue on.
pub async fn all(pass: &mut Pass) -> Vec<DeadLetter> {
    let mut letters = Vec::new();
    while let Some(letter) = within("a dead letter", pass.next()).await.unwrap() {
        letters.push(letter);
    }
    letters
}

fn bodies(letters: &[DeadLetter]) -> Vec<String> {
    letters.iter().map(|letter| String::from_utf8(letter.body.clone()).unwrap()).collect()
}

#[tokio::test]
async fn a_pass_shows_each_one_and_leaves_all_where_they_are() {
    let scene = Scene::new().await;
    scene.letters(&["one", "two", "three"]).await;
    let mut pass = scene.pass().await;
    assert_eq!(pass.total(), 3);
    assert_eq!(bodies(&all(&mut pass).await), ["one", "two", "three"]);
    assert_eq!(pass.end().await.unwrap(), 3);
    assert_eq!(scene.emptied(DEAD_LETTER_QUEUE).await, ["one", "two", "three"]);
}

#[tokio::test]
async fn what_is_removed_is_gone_and_the_others_keep_their_places() {
    let scene = Scene::new().await;
    scene.letters(&["one", "two", "three"]).await;
    let mut pass = scene.pass().await;
    let letters = all(&mut pass).await;
    pass.remove(&letters[1]).await.unwrap();
    assert_eq!(pass.end().await.unwrap(), 2);
    assert_eq!(scene.emptied(DEAD_LETTER_QUEUE).await, ["one", "three"]);
}

#[tokio::test]
async fn an_empty_queue_has_nothing_to_show() {
    let scene = Scene::new().await;
    scene.letters(&[]).await;
    let mut pass = scene.pass().await;
    assert_eq!((pass.total(), all(&mut pass).await.len()), (0, 0));
    assert_eq!(pass.end().await.unwrap(), 0);
}

#[tokio::test]
async fn what_comes_meanwhile_is_left_for_the_next_pass() {
    let scene = Scene::new().await;
    scene.letters(&["one"]).await;
    let mut pass = scene.pass().await;
    scene.letter(BasicProperties::default(), "two").await;
    assert_eq!(bodies(&all(&mut pass).await), ["one"]);
    assert_eq!(pass.end().await.unwrap(), 2);
}

#[tokio::test]
async fn more_than_one_window_are_shown_in_their_order() {
    let scene = Scene::new().await;
    let many: Vec<String> = (0..250).map(|number| format!("{number:03}")).collect();
    scene.letters(&many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut pass = scene.pass().await;
    let letters = all(&mut pass).await;
    assert_eq!(bodies(&letters), many);
    pass.remove(&letters[120]).await.unwrap();
    assert_eq!(pass.end().await.unwrap(), 249);
    let left = scene.emptied(DEAD_LETTER_QUEUE).await;
    assert!(left.is_sorted() && !left.contains(&"120".to_owned()), "{left:?}");
}

#[tokio::test]
async fn a_large_one_is_shown_whole_in_its_place() {
    let scene = Scene::new().await;
    let large = "x".repeat(bus::delivery::MAX_BODY + 1);
    scene.letters(&["one", &large, "three"]).await;
    let mut pass = scene.pass().await;
    assert_eq!(bodies(&all(&mut pass).await), ["one", &large, "three"]);
    assert_eq!(pass.end().await.unwrap(), 3);
    assert_eq!(scene.emptied(DEAD_LETTER_QUEUE).await, ["one", &large, "three"]);
}

#[tokio::test]
async fn while_a_pass_lasts_there_is_no_other() {
    let scene = Scene::new().await;
    scene.letters(&["one"]).await;
    let mut pass = scene.pass().await;
    let Err(why) = Pass::begin(&scene.settings, "test").await else { panic!("a second pass") };
    assert!(matches!(why, DeadLettersError::InUse), "{why:?}");
    all(&mut pass).await;
    pass.end().await.unwrap();
    scene.pass().await.end().await.unwrap();
}

#[tokio::test]
async fn whoever_else_reads_them_is_told_of() {
    let scene = Scene::new().await;
    scene.letters(&["one"; 10]).await;
    // With this prefetch the consumers stay.
    let mut intake = scene.intake(&[DEAD_LETTER_QUEUE], 8).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(next(&mut intake).await);
    }
    let mut pass = scene.pass().await;
    let Err(why) = pass.next().await else { panic!("it was read by two") };
    assert!(matches!(why, DeadLettersError::InUse), "{why:?}");
}

#[tokio::test]
async fn where_nothing_was_declared_there_is_no_queue() {
    let scene = Scene::new().await;
    let Err(why) = Pass::begin(&scene.settings, "test").await else { panic!("a pass") };
    assert!(matches!(&why, DeadLettersError::NoQueue { vhost } if *vhost == scene.stage.name), "{why:?}");
}

#[tokio::test]
async fn a_pass_that_is_broken_off_gives_everything_back() {
    let scene = Scene::new().await;
    scene.letters(&["one", "two"]).await;
    let mut pass = scene.pass().await;
    pass.next().await.unwrap().unwrap();
    drop(pass);
    scene.until_ready(DEAD_LETTER_QUEUE, 2).await;
    assert_eq!(scene.emptied(DEAD_LETTER_QUEUE).await, ["one", "two"]);
}

#[tokio::test]
async fn a_lost_connection_is_an_error_and_everything_is_given_back() {
    let scene = Scene::new().await;
    scene.letters(&["one", "two"]).await;
    let (proxy, settings) = scene.proxy().await;
    let mut pass = Pass::begin(&settings, "test").await.unwrap();
    proxy.cut();
    let Err(why) = within("an answer", pass.next()).await else { panic!("it went on") };
    assert!(matches!(why, DeadLettersError::Session(_)), "{why:?}");
    scene.until_ready(DEAD_LETTER_QUEUE, 2).await;
}

#[tokio::test]
async fn a_letter_of_the_kitchens_says_why_since_when_and_from_where() {
    let scene = Scene::new().await;
    let sent = scene.sent(&[takeout("60")]).await;
    let kitchen = scene.other_publisher(ServiceName::Kitchen).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    let held = next(&mut intake).await;
    kitchen.publish(Outgoing::dead_letter(&held.delivery, "it is burnt", moment())).await.unwrap();
    held.ack();
    let mut pass = scene.pass().await;
    let [letter] = <[_; 1]>::try_from(all(&mut pass).await).unwrap();
    assert_eq!((letter.reason.as_deref(), letter.since), (Some("it is burnt"), Some(moment())));
    let origin =
        OriginalRoute { exchange: ORDERS_EXCHANGE.to_owned(), routing_key: "kitchen.takeout.5".to_owned() };
    assert_eq!((letter.origin.as_ref(), letter.order_number), (Some(&origin), Some(sent[0].order_number)));
    assert_eq!(letter.properties["correlation_id"], "req-1");
    assert_eq!(letter.headers["x-order-identity"], "019acea0-4000-7fff-bfff-ffffffffffff");
    assert_eq!(letter.body, serde_json::to_vec(&sent[0]).unwrap());
}

#[tokio::test]
async fn a_letter_of_the_brokers_says_so_too() {
    let scene = Scene::new().await;
    scene.sent(&[takeout("60")]).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    assert!(next(&mut intake).await.dead_letter().is_none());
    scene.until_ready(DEAD_LETTER_QUEUE, 1).await;
    let mut pass = scene.pass().await;
    let [letter] = <[_; 1]>::try_from(all(&mut pass).await).unwrap();
    assert_eq!(letter.reason.as_deref(), Some("rejected in queue kitchen_takeout_queue"));
    assert!(letter.since.is_some());
    let origin =
        OriginalRoute { exchange: ORDERS_EXCHANGE.to_owned(), routing_key: "kitchen.takeout.5".to_owned() };
    assert_eq!(letter.origin, Some(origin));
}

#[tokio::test]
async fn letters_keep_their_ids_from_one_pass_to_the_next_and_copies_have_their_own() {
    let scene = Scene::new().await;
    scene.letters(&["same", "other", "same"]).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut pass = scene.pass().await;
        ids.push(all(&mut pass).await.iter().map(|letter| letter.id.to_string()).collect::<Vec<_>>());
        pass.end().await.unwrap();
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0][2], format!("{}-2", ids[0][0]));
}
