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
