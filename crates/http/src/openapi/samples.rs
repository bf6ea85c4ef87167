//! Examples of the bodies that every service has.

use serde_json::{Value, json};

use super::Sample;

fn session(signed_in: bool, until: Option<&str>) -> Value {
    json!({ "signed_in": signed_in, "until": until, "key_configured": true })
}

/// All of them.
pub(crate) fn shared() -> [Sample; 5] {
    let moment = "2026-11-30T08:04:21.453Z";
    let checks = json!({ "database": "healthy", "rabbitmq": "healthy" });
    let health = json!({
        "status": "healthy", "timestamp": moment, "service": "order-service", "checks": checks,
        "version": "0.2.0", "revision": "1a2b3c4",
    });
    let key = "NXy7BwP0bGWbsd2l4bkrv2UBMWYVAQ2J";
    [
        Sample::new("SignIn", "key", "By a program", json!({ "key": key })),
        Sample::new("SignIn", "form", "To go on to a page", json!({ "key": key, "next": "staff" })),
        Sample::new("StaffSession", "signed_in", "For twelve hours", session(true, Some(moment))),
        Sample::new("StaffSession", "nobody", "Nobody is signed in", session(false, None)),
        Sample::new("HealthReport", "healthy", "It lacks nothing", health),
    ]
}
