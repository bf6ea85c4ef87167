//! The collector of traces goes away. Orders do not notice.

use testkit::{Collector, Stage};

use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{closes, drill_holds};

/// The collector of all traces is gone.
#[tokio::test]
async fn drill_collector() {
    let collector = Collector::start().await;
    let traced = collector.variables(("parentbased_always_on", ""));
    let mut restaurant = Restaurant::open_on(async || (Stage::new().await, traced.into())).await;
    let load = restaurant.load();
    load.accepts(20).await;
    collector.span("a span of a service", |_| true).await;
    drop(collector);
    for service in &restaurant.order_services {
        service.log("traces_not_sent").await;
    }
    load.accepts(either(40, 400)).await;
    drill_holds("collector", "the collector of all traces gone", &mut restaurant, load).await;
    closes(restaurant).await;
}
