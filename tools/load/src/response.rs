//! What a service makes of a request.

use domain::basket::RefusalCode;
use serde::Deserialize;

/// The response to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// 200, with the order's number.
    Accepted {
        /// The number.
        number: String,
        /// What it should cost, if it costs something else.
        mispriced: Option<String>,
    },
    /// 200, with the requested status.
    Status,
    /// The order cannot be had as it is, says the menu. That is no failure of the service.
    RefusedByMenu(RefusalCode),
    /// Another status.
    Refused(u16),
    /// No response, and the cause.
    Failed(String),
}

/// What matters here of a problem body.
#[derive(Deserialize)]
struct Problem {
    code: RefusalCode,
}

impl Response {
    /// An answer of another status than 200.
    pub fn refused(status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(Problem { code }) => Self::RefusedByMenu(code),
            Err(_) => Self::Refused(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_menu_are_known_by_their_code() {
        let refused = |body: &str| Response::refused(409, body.as_bytes());
        let short = r#"{"status":409,"code":"out_of_stock","items":[]}"#;
        assert_eq!(refused(short), Response::RefusedByMenu(RefusalCode::OutOfStock));
        for other in ["", "{}", r#"{"status":409}"#, r#"{"code":"another"}"#] {
            assert_eq!(refused(other), Response::Refused(409), "{other}");
        }
    }
}
