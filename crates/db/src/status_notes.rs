//! `order_status_log.notes` of a change that somebody asked for: why, and by which request.

use domain::RequestId;

/// The note of a change. The request is a part of it, so that a repeated one recognises its first
/// attempt.
pub(crate) fn of_change(reason: Option<&str>, request_id: &RequestId) -> String {
    match reason {
        None => format!("request {request_id}"),
        Some(reason) => format!("{reason} (request {request_id})"),
    }
}

/// The reason in such a note. Other notes are nobody's reason.
pub(crate) fn reason(note: &str) -> Option<&str> {
    let (reason, request) = note.strip_suffix(')')?.rsplit_once(" (request ")?;
    RequestId::parse(request).map(|_| reason)
}

/// The same note without the request, which is for the log. Other notes are whole.
pub(crate) fn without_request(note: &str) -> Option<&str> {
    match note.strip_prefix("request ").and_then(RequestId::parse) {
        Some(_) => None,
        None => Some(reason(note).unwrap_or(note)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_again_and_other_notes_have_none() {
        let id = RequestId::from_random(7);
        for why in ["No hummus left", "Called (twice)", "See (request 7)", "x (request "] {
            assert_eq!(reason(&of_change(Some(why), &id)), Some(why));
            assert_eq!(without_request(&of_change(Some(why), &id)), Some(why));
        }
        assert_eq!(reason(&of_change(None, &id)), None);
        assert_eq!(without_request(&of_change(None, &id)), None);
        for note in
            ["", "recalled", "the message could not be published", "left (request )", " (request a b)"]
        {
            assert_eq!(reason(note), None, "{note}");
            assert_eq!(without_request(note), Some(note));
        }
    }
}
