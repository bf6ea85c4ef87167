//! Tells of certificates that a service shows or trusts, and that have changed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use logging::{Log, action};
use tls::client::{self, Change};
use tokio::time::sleep;

/// How often the files of the connections to the servers are looked at. A new connection looks at
/// them itself.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// Looks at the files while it is polled. What cannot be used is told once, and the last files that
/// could be stay in use.
pub(crate) async fn watch(log: &Log) -> Infallible {
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
