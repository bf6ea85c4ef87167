//! Tells of files of the connections to the servers that have changed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use logging::{Log, action};
use tokio::time::sleep;

use crate::client::{self, Change};

/// How often the files are looked at. A new connection looks at them itself.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// Looks at the files of the connections to the servers while it is polled. What cannot be used is
/// told once, and the last files that could be stay in use.
pub async fn watch_client_files(log: &Log) -> Infallible {
    let mut told = HashMap::new();
    loop {
        sleep(LOOK_INTERVAL).await;
        for Change { section, outcome } in client::refresh() {
            let name = section.name();
            match outcome {
                Ok(()) => {
                    told.remove(name);
                    let message = format!("The changed files of '{name}' are used for new connections");
                    log.info(action::CERTIFICATE_CHANGED, message).emit();
                }
                Err(why) => {
                    let failure = why.to_string();
                    if told.get(name) != Some(&failure) {
                        let message = format!(
                            "The changed files of '{name}' cannot be used; the last ones stay in use"
                        );
                        log.error(action::CERTIFICATE_REFUSED, message, &why).emit();
                        told.insert(name, failure);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]
mod tests {
    use std::fs;
    use std::pin::pin;

    use config::TlsMode;
    use logging::Level;
    use testkit::Authority;
    use tokio::time::timeout;

    use super::*;
    use crate::{Files, Section};

    #[tokio::test(start_paused = true)]
    async fn changed_files_are_told_of_and_those_that_cannot_be_used_once() {
        let authority = Authority::new();
        let shown = authority.client("order");
        let (cert, key) = (Some(shown.certificate.clone()), Some(shown.key.clone()));
        let files = Files { section: Section::Database, mode: TlsMode::Require, ca: None, cert, key };
        assert!(client::current(&files).unwrap().is_some());
        let lines = authority.folder().join("log");
        let (log, flush) = logging::start_on("test", Level::Debug, fs::File::create(&lines).unwrap());

        let renew = || shown.become_like(&authority.client("order"));
        let damage = || fs::write(&shown.key, "no key").unwrap();
        let leave = || ();
        let steps: [&dyn Fn(); 6] = [&leave, &renew, &leave, &damage, &leave, &renew];
        let mut watching = pin!(watch_client_files(&log));
        for step in steps {
            step();
            // It looks once meanwhile.
            let one_look = LOOK_INTERVAL + Duration::from_secs(1);
            assert!(timeout(one_look, watching.as_mut()).await.is_err(), "it watches for ever");
        }
        drop(flush);

        let lines = fs::read_to_string(lines).unwrap();
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<_> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
        assert_eq!(told, ["certificate_changed", "certificate_refused", "certificate_changed"], "{lines:?}");
    }
}
