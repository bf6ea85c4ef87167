//! Whether a message comes from somebody who may send it (`rabbitmq.publishers`).

use std::fmt;

use amqprs::FieldValue;
use config::{MessageKind, Publishers};
use telemetry::labels::Message;
use telemetry::metrics::UNTRUSTED;

use crate::delivery::Delivery;
use crate::headers::text;

/// The reason of a dead letter that was refused for its sender: its text begins so.
pub(crate) const UNTRUSTED_PUBLISHER: &str = "untrusted_publisher";

/// A message is refused for its sender.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct UntrustedPublisher {
    kind: MessageKind,
    user: Option<String>,
}

impl fmt::Display for UntrustedPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = match self.kind {
            MessageKind::Orders => "orders",
            MessageKind::Status => "status updates",
            MessageKind::Requests => "requests for orders",
        };
        write!(f, "{UNTRUSTED_PUBLISHER}: ")?;
        match &self.user {
            Some(user) => write!(f, "the user '{user}' may not send {messages}")?,
            None => write!(f, "no user_id says who sent it, and not everybody may send {messages}")?,
        }
        f.write_str(" (rabbitmq.publishers)")
    }
}

impl Delivery {
    /// Whether its sender may send such messages. A refusal is counted.
    ///
    /// # Errors
    /// They may not, or the message does not say who they are.
    pub fn from_a_publisher(
        &self,
        publishers: &Publishers,
        kind: MessageKind,
    ) -> Result<(), UntrustedPublisher> {
        self.check_sender(publishers, kind).inspect_err(UntrustedPublisher::count)
    }

    /// Whoever moves a message that was refused names its sender in a header. Then both count.
    pub(crate) fn check_sender(
        &self,
        publishers: &Publishers,
        kind: MessageKind,
    ) -> Result<(), UntrustedPublisher> {
        check(publishers, kind, self.user_id())?;
        match self.original_user() {
            Some(user) => check(publishers, kind, Some(user).filter(|user| !user.is_empty())),
            None => Ok(()),
        }
    }
}

impl UntrustedPublisher {
    /// Counts it as refused.
    pub(crate) fn count(&self) {
        UNTRUSTED.of(label(self.kind)).inc();
    }

    /// The sender, as a header of a copy. Empty: nobody is known.
    pub(crate) fn named(&self) -> FieldValue {
        text(self.user.as_deref().unwrap_or_default())
    }
}

/// Whether this user may send such messages.
pub(crate) fn check(
    publishers: &Publishers,
    kind: MessageKind,
    user: Option<&str>,
) -> Result<(), UntrustedPublisher> {
    if publishers.admit(kind, user) {
        return Ok(());
    }
    Err(UntrustedPublisher { kind, user: user.map(str::to_owned) })
}

fn label(kind: MessageKind) -> Message {
    match kind {
        MessageKind::Orders => Message::Orders,
        MessageKind::Status => Message::Status,
        MessageKind::Requests => Message::Requests,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_begins_with_its_reason_and_names_the_sender() {
        for (user, expected) in [
            (
                Some("mallory"),
                "untrusted_publisher: the user 'mallory' may not send status updates (rabbitmq.publishers)",
            ),
            (
                None,
                "untrusted_publisher: no user_id says who sent it, and not everybody may send status updates (rabbitmq.publishers)",
            ),
        ] {
            let why = UntrustedPublisher { kind: MessageKind::Status, user: user.map(str::to_owned) };
            assert_eq!(why.to_string(), expected);
        }
    }
}
