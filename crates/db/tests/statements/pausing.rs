//! `intake`: pauses, and what waits for a cook.

use std::time::Duration;

use db::intake::{self, Pause, TypeLoad};
use db::workers;
use domain::OrderType;

use crate::scene::{HEARTBEAT, Scene, anna, identity, mario};

impl Scene {
    async fn pause(&self, minutes: u64, message: &str) -> Pause {
        intake::pause(&self.db, Duration::from_mins(minutes), message).await.unwrap()
    }

    async fn present_pause(&self) -> Option<Pause> {
        intake::current_pause(&self.db).await.unwrap()
    }
}

#[tokio::test]
async fn a_pause_lasts_until_its_end_or_until_somebody_ends_it() {
    let scene = Scene::new().await;
    assert_eq!(scene.present_pause().await, None);
    let pause = scene.pause(5, "The oven is off").await;
    assert_eq!(pause.left, Duration::from_mins(5));
    let present = scene.present_pause().await.unwrap();
    assert_eq!((present.message.as_str(), present.until), ("The oven is off", pause.until));
    assert!(present.left <= pause.left && present.left > Duration::from_mins(4), "{present:?}");
    // Whoever comes later decides.
    let longer = scene.pause(1_440, "Closed for today").await;
    assert_eq!(scene.present_pause().await.map(|pause| pause.until), Some(longer.until));
    assert_eq!(scene.count("intake_pauses").await, 1);
    intake::resume(&scene.db).await.unwrap();
    intake::resume(&scene.db).await.unwrap();
    assert_eq!(scene.present_pause().await, None);
}

#[tokio::test]
async fn a_pause_ends_by_the_databases_clock() {
    let scene = Scene::new().await;
    scene.pause(5, "The oven is off").await;
    let shift = |by: &str| {
        format!(
            "update intake_pauses set paused_at = paused_at + '{by}', paused_until = paused_until + '{by}'"
        )
    };
    scene.execute(&shift("-6 minutes")).await;
    assert_eq!(scene.present_pause().await, None);
    scene.execute(&shift("6 minutes")).await;
    assert!(scene.present_pause().await.is_some());
    // The clock was set back by two hours since.
    scene.execute(&shift("2 hours")).await;
    assert_eq!(scene.present_pause().await, None);
}

#[tokio::test]
async fn what_waits_is_counted_by_type_and_up_to_the_limit() {
    let scene = Scene::new().await;
    let orders = scene.place_many(3).await;
    scene.register(&anna()).await;
    workers::register(&scene.db, &mario(), &"delivery".parse().unwrap(), HEARTBEAT, false).await.unwrap();
    let load =
        async |most| intake::kitchen_load(&scene.db, most, &[orders[0].identity, identity()]).await.unwrap();
    let takeout =
        |load: &[TypeLoad]| *load.iter().find(|load| load.order_type == OrderType::Takeout).unwrap();
    let counted = load(10).await;
    assert_eq!(takeout(&counted.types), TypeLoad { order_type: OrderType::Takeout, waiting: 3, cooks: 1 });
    let delivery = TypeLoad { order_type: OrderType::Delivery, waiting: 0, cooks: 2 };
    assert!(counted.types.contains(&delivery) && counted.types.len() == 3, "{counted:?}");
    assert_eq!(counted.stored, [orders[0].identity]);
    assert_eq!(takeout(&load(2).await.types).waiting, 2);
    scene.cancel(&orders[0]).await;
    assert_eq!(takeout(&load(10).await.types).waiting, 2);
    assert_eq!(load(10).await.stored, [orders[0].identity], "cancelled, and stored all the same");
    let waiting = intake::waiting(&scene.db).await.unwrap();
    assert_eq!(waiting, [(OrderType::DineIn, 0), (OrderType::Takeout, 2), (OrderType::Delivery, 0)]);
}
