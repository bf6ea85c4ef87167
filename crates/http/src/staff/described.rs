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

/// A refusal under its name.
fn refused(name: &'static str, refusal: StaffRefusal) -> Refused {
    Refused::new(name, refusal.problem(&Refused::request_id()))
}

/// The refusals of whoever shows a wrong key.
pub(super) fn refused_keys() -> [Refused; 3] {
    let retry_after = Duration::from_secs(1);
    [
        refused("wrong_key", StaffRefusal::WrongKey { turned_away_before: 0 }),
        refused("no_key_configured", StaffRefusal::NoStaffKey),
        refused("too_many_wrong_keys", StaffRefusal::TooManyWrongKeys { retry_after }),
    ]
}

/// The refusal of another page than ours.
pub(super) fn not_from_our_page() -> Refused {
    refused("not_from_our_page", StaffRefusal::NotFromOurPage)
}

/// The refusals of an operation of the staff: these besides.
pub fn refused_to_others(others: impl IntoIterator<Item = Refused>) -> Vec<Refused> {
    let missing = [
        refused("missing_key", StaffRefusal::Missing),
        refused("missing_key_and_none_configured", StaffRefusal::MissingAndNoStaffKey),
        refused("signed_out", StaffRefusal::SignedOut),
    ];
    let to_others = missing.into_iter().chain(refused_keys()).chain([not_from_our_page()]);
    to_others.chain(others).chain([failed()]).collect()
}
