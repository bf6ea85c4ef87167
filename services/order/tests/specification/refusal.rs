//! What a refused client reads.

use serde_json::Value;
use testkit::http::Answer;

/// Checks that the answer is a problem of this status under the request id of the
/// answer, and returns it.
#[track_caller]
pub fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, "application/problem+json"),
        "{answer:?}"
    );
    let problem = answer.json();
    assert_eq!(problem["type"], "about:blank", "{problem}");
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["request_id"], answer.header("x-request-id"), "{problem}");
    for text in ["title", "detail"] {
        assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
    }
    problem
}

/// Every broken rule of a 400, as `<pointer> <detail>`.
#[track_caller]
pub fn violations(answer: &Answer) -> Vec<String> {
    let problem = problem(answer, 400);
    let Some(errors) = problem["errors"].as_array() else { panic!("no list of violations: {problem}") };
    let text = |error: &Value, field: &str| error[field].as_str().expect("a text").to_owned();
    errors.iter().map(|error| format!("{} {}", text(error, "pointer"), text(error, "detail"))).collect()
}
