//! Private words stay out of the code: the field has a standard term for each of these.

use crate::rust_files::{self, RustFile};

/// Identifiers that the project once used, and what to say instead.
const BANNED: [(&str, &str); 35] = [
    ("Announcer", "StatusPublisher"),
    ("Asker", "Principal"),
    ("CannotListen", "BindError"),
    ("Door", "Drain"),
    ("Duty", "WorkerSession"),
    ("Errand", "Workload"),
    ("Heard", "Response"),
    ("Hopeless", "PermanentError"),
    ("Leash", "ProcessGuard"),
    ("LeaveOut", "SkipLocked"),
    ("LeftOut", "Suppression"),
    ("NotAKey", "ParseKeyError"),
    ("NotAStart", "ParseStartAtError"),
    ("NotAnId", "ParseIdError"),
    ("NotMoney", "ParseMoneyError"),
    ("NotPlaced", "PlaceError"),
    ("NotReplayed", "ReplayError"),
    ("Nudge", "Wakeup"),
    ("OnStove", "InFlightGuard"),
    ("Pot", "Entry"),
    ("PutOn", "Insertion"),
    ("Stove", "InFlightOrders"),
    ("Surroundings", "LaunchContext"),
    ("announcer", "status_publisher"),
    ("burners", "concurrency"),
    ("errand", "workload"),
    ("is_passing", "is_transient"),
    ("last_words", "last_error, final_response"),
    ("leash", "guard"),
    ("put_on", "insert"),
    ("sign_off", "deregister"),
    ("sign_on", "register"),
    ("signed_off", "deregistering"),
    ("taken_off", "claim_lost"),
    ("was_under_way", "was_in_flight"),
];

/// The banned identifiers of a source, with their lines. Comments are prose, and may quote a word.
fn banned(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("//") {
            continue;
        }
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words {
            found.extend(
                BANNED.iter().filter(|(name, _)| *name == word).map(|(name, say)| (number, *name, *say)),
            );
        }
    }
    found
}

#[test]
fn no_banned_identifier_is_used() {
    let listed = |file: &RustFile| {
        let words = banned(&file.text).into_iter();
        words.map(|(line, name, say)| format!("{}:{line}: {name}, say {say}", file.path)).collect::<Vec<_>>()
    };
    let files = rust_files::all();
    // This file lists them.
    let others = files.iter().filter(|file| !file.path.ends_with("architecture/words.rs"));
    let found: Vec<_> = others.flat_map(listed).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_banned_identifier_is_found() {
    let found =
        banned("// the Door may be quoted\nlet door = http::Door::of(listener);\nlet indoors = Doorway;");
    assert_eq!(found, [(2, "Door", "Drain")]);
}
