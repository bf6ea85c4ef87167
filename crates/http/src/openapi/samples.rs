//! Examples of the bodies that every service has.

use domain::ServiceName;
use serde_json::{Value, json};

use super::Sample;

const MOMENT: &str = "2026-11-30T08:04:21.453Z";

fn session(signed_in: bool, until: Option<&str>) -> Value {
    json!({ "signed_in": signed_in, "until": until, "key_configured": true })
}

/// What a service that checks these things says of itself.
pub fn healthy(service: ServiceName, checks: &[&str]) -> Sample {
    let checks: serde_json::Map<_, _> =
        checks.iter().map(|check| ((*check).to_owned(), "healthy".into())).collect();
    let health = json!({
        "status": "healthy", "timestamp": MOMENT, "service": service.binary(), "checks": checks,
        "version": "0.2.0", "revision": "1a2b3c4",
    });
    Sample::new("HealthReport", "healthy", "It lacks nothing", health)
}

/// Those that do not depend on the service.
pub(crate) fn shared() -> [Sample; 4] {
    let key = "NXy7BwP0bGWbsd2l4bkrv2UBMWYVAQ2J";
    [
        Sample::new("SignIn", "key", "By a program", json!({ "key": key })),
        Sample::new("SignIn", "form", "To go on to a page", json!({ "key": key, "next": "staff" })),
        Sample::new("StaffSession", "signed_in", "For twelve hours", session(true, Some(MOMENT))),
        Sample::new("StaffSession", "nobody", "Nobody is signed in", session(false, None)),
    ]
}
