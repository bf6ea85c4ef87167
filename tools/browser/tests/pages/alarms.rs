//! What the top of the staff's page says, as it changes and when parts of the page are cut off.

use browser::Look;
use serde_json::json;

use crate::restaurant::Restaurant;
use crate::staff::{needs, signed_in};

#[tokio::test]
async fn a_count_that_changes_leaves_the_alarm_and_the_focus_where_they_are() {
    let restaurant = Restaurant::open().await;
    let staff = signed_in(&restaurant, Look::LAPTOP).await;
    restaurant.place("Jane").await;
    staff.sees(".alarm", "Take away: 1 order waits").await;
    staff.run("window.link = document.querySelector('.alarm a'); link.focus()", vec![]).await;
    let is_focused = "document.activeElement === window.link";
    restaurant.place("Zoë").await;
    staff.sees(".alarm", "Take away: 2 orders wait").await;
    staff.until(is_focused).await;
    // A row more moves no other, and only the new one is read out.
    restaurant.staff("POST", "/intake/pause", &json!({"minutes": 5, "message": "The oven is off."})).await;
    needs(&staff, "intake", "The intake is paused until").await;
    staff.until(is_focused).await;
    staff.until("document.querySelector('.alarm[role=alert][aria-atomic=false]')").await;
    staff.press("staff-intake .button-primary").await;
    staff.until("document.querySelectorAll('.alarm li').length === 1").await;
    staff.sees(".alarm", "Take away: 2 orders wait").await;
    assert_eq!(staff.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_alarm_that_is_cut_off_says_since_when_it_is_not_known() {
    let restaurant = Restaurant::open().await;
    let staff = signed_in(&restaurant, Look::LAPTOP).await;
    staff.sees("staff-dead-letters", "No message waits").await;
    restaurant.staff("POST", "/intake/pause", &json!({"minutes": 5, "message": "The oven is off."})).await;
    needs(&staff, "intake", "The intake is paused until").await;
    restaurant.to_order.cut();
    staff.sees(".alarm li:has([href='#intake'])", "The intake is paused until").await;
    staff.sees(".alarm li:has([href='#intake'])", "Not known since").await;
    // Nothing was found there, and something may have come since.
    staff.sees(".alarm li:has([href='#dead-letters'])", "Dead letters: no connection. Not known since").await;
    staff.sees(".staff-parts .has-needs[href='#dead-letters']", "").await;
    // The tracking service is there all the while.
    staff.until("!document.querySelector('.alarm [href$=figures]')").await;
    staff.picture("staff-laptop-alarm-stale").await;
    restaurant.to_order.mend();
    staff.until("!document.querySelector('.alarm').innerText.includes('Not known')").await;
    staff.sees(".alarm", "The intake is paused until").await;
    staff.press("staff-intake .button-primary").await;
    staff.until("document.querySelector('.alarm').innerText === ''").await;
    restaurant.to_tracking.cut();
    staff.sees(".alarm li:has([href='#figures'])", "Now: no connection. Not known since").await;
    restaurant.to_tracking.mend();
    staff.until("document.querySelector('.alarm').innerText === ''").await;
    staff.until("!document.querySelector('.has-needs')").await;
    assert_eq!(staff.complaints().await, Vec::<String>::new());
}
