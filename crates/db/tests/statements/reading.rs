//! `history`: the status and the history of an order; and `secrets`.

use db::history::{CurrentStatus, current_statuses, history};
use db::{DbError, secrets};

use crate::scene::{Scene, anna};

#[tokio::test]
async fn statuses_are_told_in_the_order_in_which_they_were_asked_for() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    scene.cancel(&orders[0]).await;
    let unknown = "ORD_20010101_001".parse().unwrap();
    let asked = [orders[1].number, unknown, orders[0].number, orders[1].number];
    let told = current_statuses(&scene.db, &asked).await.unwrap();
    let statuses: Vec<_> = told.iter().map(|one| one.as_ref().map(|one| one.status.as_str())).collect();
    assert_eq!(statuses, [Some("received"), None, Some("cancelled"), Some("received")]);
}

#[tokio::test]
async fn when_it_should_be_ready_is_told_only_while_it_cooks() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let status = async || {
        let told = current_statuses(&scene.db, &[order.number]).await.unwrap();
        let Some(Some(CurrentStatus { status, estimated_completion, processed_by, .. })) =
            told.into_iter().next()
        else {
            panic!("no status");
        };
        (status, estimated_completion, processed_by)
    };
    assert_eq!(status().await, ("received".to_owned(), None, None));
    let claim = scene.granted(&anna(), &order).await;
    let cook = Some("chef_anna".to_owned());
    assert_eq!(status().await, ("cooking".to_owned(), Some(claim.estimated_completion), cook.clone()));
    scene.execute("update orders set status = 'completed'").await;
    assert_eq!(status().await.1, None, "whatever is left of a claim");
    scene.execute("update orders set status = 'cooking'").await;
    scene.finish(&anna(), &order, &claim).await;
    assert_eq!(status().await, ("ready".to_owned(), None, cook));
}

#[tokio::test]
async fn a_status_that_nobody_wrote_is_that_of_a_new_order() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.execute("update orders set status = null").await;
    let told = current_statuses(&scene.db, &[order.number]).await.unwrap();
    assert_eq!(told[0].as_ref().unwrap().status, "received");
}

#[tokio::test]
async fn a_history_has_every_step_of_its_order_and_of_no_other() {
    let scene = Scene::new().await;
    let (order, other) = (scene.place().await, scene.place().await);
    let claim = scene.granted(&anna(), &order).await;
    scene.cancel(&other).await;
    scene.finish(&anna(), &order, &claim).await;
    // History goes by row ids, because times may be equal.
    scene.execute("update order_status_log set changed_at = now()").await;
    let steps = history(&scene.db, &order.number).await.unwrap();
    let steps: Vec<_> = steps.iter().map(|step| (step.status.as_str(), step.changed_by.as_str())).collect();
    assert_eq!(steps, [("received", "order-service"), ("cooking", "chef_anna"), ("ready", "chef_anna")]);
    assert_eq!(history(&scene.db, &"ORD_20010101_001".parse().unwrap()).await.unwrap(), []);
}

#[tokio::test]
async fn all_services_read_the_same_key_of_their_database_and_no_other() {
    let (scene, other) = (Scene::new().await, Scene::new().await);
    let order = scene.place().await;
    let token = async |scene: &Scene| {
        secrets::order_token_key(&scene.db).await.unwrap().token(&order.number, &order.identity)
    };
    assert_eq!(token(&scene).await, token(&scene).await);
    assert_ne!(token(&scene).await, token(&other).await);
}

#[tokio::test]
async fn a_key_that_was_removed_is_an_unexpected_value() {
    let scene = Scene::new().await;
    scene.execute("delete from secrets").await;
    let Err(why) = secrets::order_token_key(&scene.db).await else { panic!("a key") };
    assert!(matches!(why, DbError::UnexpectedValue(_)), "{why:?}");
}
