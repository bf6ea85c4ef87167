//! The promise of relay and rescuer, tried on random courses of events: every order is cooked, or
//! lifted within its time, and nothing loops without a pause.
//!
//! What decides is the program's own: the rescuer, the pace of the relay, the statements, on a real
//! PostgreSQL whose clock the test moves a second at a time. Only the queues and the cooks are a
//! model: here messages are lost as often as the test wants.

mod kitchen;
mod queues;
mod world;

use domain::OrderType;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use testkit::Stage;

use self::kitchen::COOKS;
use self::world::World;

/// Each takes some seconds.
const CASES: u32 = 8;
/// Seconds in which things happen.
const STORM: usize = 40;
/// Seconds until all that was placed is ready: the longest pause of a message that was refused is a
/// minute, as is that of an order that was redelivered four times.
const CALM: usize = 240;

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// An order is accepted. Its message is in its queue, or in the outbox still.
    Place { order_type: OrderType, dear: bool, sent: bool },
    /// A queue refuses messages from now on, or takes them again.
    Refuse(OrderType, bool),
    /// The connection of the relay breaks whenever it sends, or holds again.
    Break(bool),
    /// The messages that wait in a queue vanish.
    Purge(OrderType),
    /// A queue vanishes with its messages; what comes later lies in the safety net until
    /// somebody declares it.
    Delete(OrderType),
    /// A cook dies; the broker takes back what it held.
    Kill(usize),
    /// A cook comes.
    Start(usize),
    /// The database's clock is set back by an hour.
    SetClockBack,
}

fn an_event() -> impl Strategy<Value = Event> {
    let order_type = || prop::sample::select(OrderType::ALL.to_vec());
    prop_oneof![
        8 => (order_type(), any::<bool>(), any::<bool>())
            .prop_map(|(order_type, dear, sent)| Event::Place { order_type, dear, sent }),
        2 => (order_type(), any::<bool>())
            .prop_map(|(order_type, refuses)| Event::Refuse(order_type, refuses)),
        1 => any::<bool>().prop_map(Event::Break),
        4 => order_type().prop_map(Event::Purge),
        1 => order_type().prop_map(Event::Delete),
        2 => (0..COOKS.len()).prop_map(Event::Kill),
        1 => (0..COOKS.len()).prop_map(Event::Start),
        1 => prop::bool::weighted(0.2).prop_map(|back| {
            if back { Event::SetClockBack } else { Event::Break(false) }
        }),
    ]
}

async fn holds(world: &mut World, storm: Vec<Vec<Event>>) -> Result<(), String> {
    world.begin().await;
    for events in storm {
        for event in events {
            world.happens(event).await;
        }
        world.second().await?;
    }
    world.calm_down().await;
    for _ in 0..CALM {
        if world.all_are_ready().await {
            return Ok(());
        }
        world.second().await?;
    }
    Err(format!("orders were not cooked within {CALM} s of calm: {}", world.open_orders().await))
}

#[test]
fn every_order_is_cooked_or_lifted_within_its_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::new());
    let mut world = runtime.block_on(World::on(&stage));
    let config =
        Config { cases: CASES, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let storms = prop::collection::vec(prop::collection::vec(an_event(), 0..3), STORM);
    let world = std::cell::RefCell::new(&mut world);
    let outcome = TestRunner::new(config).run(&storms, |storm| {
        runtime.block_on(holds(&mut world.borrow_mut(), storm)).map_err(TestCaseError::fail)
    });
    runtime.block_on(async { drop(stage) });
    outcome.unwrap_or_else(|why| panic!("{why}"));
}
