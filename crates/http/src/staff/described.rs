//! How everything is refused that only the staff may do, for the descriptions of the interfaces.

use std::time::Duration;

use super::StaffRefusal;
use crate::openapi::{Refused, failed, too_many};

crate::refusals! {
    /// How everything is refused that only the staff may do.
    StaffRefused: refused_to_others([]);
    /// How a page of the staff is refused: to a browser with the form to sign in, or with a page
    /// that says how to set a key.
    StaffPageRefused: refused_to_others([]), page: [401, 403];
    /// How a stream of the staff is refused.
    StaffStreamRefused: refused_to_others([too_many()]);
}

/// The refusals of everything that only the staff may do.
pub(super) fn staff_refusals() -> Vec<Refused> {
    let refused = |name, refusal: StaffRefusal| Refused::new(name, refusal.problem(&Refused::request_id()));
    vec![
        refused("missing_key", StaffRefusal::Missing),
        refused("missing_key_and_none_configured", StaffRefusal::MissingAndNoStaffKey),
        refused("signed_out", StaffRefusal::SignedOut),
        refused("wrong_key", StaffRefusal::WrongKey { turned_away_before: 0 }),
        refused("no_key_configured", StaffRefusal::NoStaffKey),
        refused("not_from_our_page", StaffRefusal::NotFromOurPage),
        refused(
            "too_many_wrong_keys",
            StaffRefusal::TooManyWrongKeys { retry_after: Duration::from_secs(1) },
        ),
    ]
}

/// The refusals of an operation of the staff: these besides.
pub fn refused_to_others(others: impl IntoIterator<Item = Refused>) -> Vec<Refused> {
    staff_refusals().into_iter().chain(others).chain([failed()]).collect()
}
