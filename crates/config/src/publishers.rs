//! Which user of RabbitMQ may send which kind of message.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::kinds::parse_name;

/// The longest name of a user that a message can carry, in bytes (a short string of AMQP).
const MAX_NAME: usize = 255;

/// Without these no system runs. Who may order by message can be left out: nobody may.
const NEEDED: [MessageKind; 2] = [MessageKind::Orders, MessageKind::Status];

/// The kinds of messages that a service of ours takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Orders for the kitchen.
    Orders,
    /// Status updates for subscribers.
    Status,
    /// Requests of guests who order by message.
    Requests,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Orders, Self::Status, Self::Requests];

    /// Its name in the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Status => "status",
            Self::Requests => "requests",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The users that may send each kind; cheap to clone. The default checks nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publishers(Option<Arc<Users>>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Users {
    orders: BTreeSet<String>,
    status: BTreeSet<String>,
    requests: BTreeSet<String>,
}

impl Users {
    fn of(&self, kind: MessageKind) -> &BTreeSet<String> {
        match kind {
            MessageKind::Orders => &self.orders,
            MessageKind::Status => &self.status,
            MessageKind::Requests => &self.requests,
        }
    }

    fn of_mut(&mut self, kind: MessageKind) -> &mut BTreeSet<String> {
        match kind {
            MessageKind::Orders => &mut self.orders,
            MessageKind::Status => &mut self.status,
            MessageKind::Requests => &mut self.requests,
        }
    }
}

/// A text does not say who may send what: what follows the key in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePublishersError {
    /// A part is no `kind=user+user`.
    #[error("has '{0}', which is not 'kind=user+user'")]
    NoKind(String),
    /// There is no such kind.
    #[error("names the kind '{0}' (allowed: orders, status, requests)")]
    UnknownKind(String),
    /// A kind stands there twice.
    #[error("names the kind '{}' twice", .0.as_str())]
    Twice(MessageKind),
    /// A kind is missing.
    #[error("does not say who may send {kind} (for nobody: {kind}=)", kind = .0.as_str())]
    Missing(MessageKind),
    /// A name cannot be that of a user.
    #[error("names a user of {} that {why}", .kind.as_str())]
    NoUser {
        /// What that user may send.
        kind: MessageKind,
        /// What is wrong with the name.
        why: String,
    },
}

impl Publishers {
    /// Whether publishers are checked at all.
    pub fn are_checked(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a message of this kind is taken from this user. A message without one is nobody's.
    /// It takes no memory.
    pub fn admit(&self, kind: MessageKind, user: Option<&str>) -> bool {
        let Some(users) = &self.0 else { return true };
        user.is_some_and(|user| users.of(kind).contains(user))
    }

    /// As the configuration file has them.
    pub(crate) fn written(&self) -> String {
        let Some(users) = &self.0 else { return String::new() };
        let written = |kind: MessageKind| {
            let names: Vec<_> = users.of(kind).iter().map(|name| escaped(name)).collect();
            format!("{}={}", kind.as_str(), names.join("+"))
        };
        MessageKind::ALL.map(written).join(",")
    }
}

impl FromStr for Publishers {
    type Err = ParsePublishersError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let (mut users, mut known) = (Users::default(), Vec::new());
        for part in split(text, ',') {
            let part = part.trim();
            let (kind, names) =
                part.split_once('=').ok_or_else(|| ParsePublishersError::NoKind(part.to_owned()))?;
            let name = kind.trim();
            let kind =
                MessageKind::named(name).ok_or_else(|| ParsePublishersError::UnknownKind(name.to_owned()))?;
            if known.contains(&kind) {
                return Err(ParsePublishersError::Twice(kind));
            }
            known.push(kind);
            *users.of_mut(kind) = names_of(kind, names)?;
        }
        match NEEDED.into_iter().find(|kind| !known.contains(kind)) {
            Some(missing) => Err(ParsePublishersError::Missing(missing)),
            None => Ok(Self(Some(Arc::new(users)))),
        }
    }
}

impl fmt::Display for Publishers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.are_checked() { f.write_str(&self.written()) } else { f.write_str("not set: not checked") }
    }
}

fn names_of(kind: MessageKind, names: &str) -> Result<BTreeSet<String>, ParsePublishersError> {
    if names.trim().is_empty() {
        return Ok(BTreeSet::new());
    }
    let no_user = |why: String| ParsePublishersError::NoUser { kind, why };
    let name = |name: &str| {
        let name = unescaped(name.trim()).ok_or_else(|| no_user("ends with a backslash".to_owned()))?;
        if name.len() > MAX_NAME {
            return Err(no_user(format!("is longer than {MAX_NAME} bytes")));
        }
        parse_name(&name).map_err(no_user)
    };
    split(names, '+').map(name).collect()
}

/// The parts between separators. A separator behind a backslash is none.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    text.split(move |c: char| {
        let separates = c == separator && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        separates
    })
}

/// A name as it stands in the setting. That of a certificate has commas and plus signs of its own.
fn escaped(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, ',' | '+' | '\\') {
            written.push('\\');
        }
        written.push(c);
    }
    written
}

/// `None` if nothing follows the last backslash.
fn unescaped(written: &str) -> Option<String> {
    let (mut name, mut chars) = (String::with_capacity(written.len()), written.chars());
    while let Some(c) = chars.next() {
        name.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_has_its_users() {
        let publishers: Publishers =
            "orders = order + kitchen+ctl, status=order+kitchen,requests=".parse().unwrap();
        for (kind, user, is_admitted) in [
            (MessageKind::Orders, Some("ctl"), true),
            (MessageKind::Status, Some("kitchen"), true),
            (MessageKind::Status, Some("ctl"), false),
            (MessageKind::Status, Some("Kitchen"), false),
            (MessageKind::Requests, Some("order"), false),
            (MessageKind::Orders, Some(""), false),
            (MessageKind::Orders, None, false),
        ] {
            assert_eq!(publishers.admit(kind, user), is_admitted, "{kind:?} {user:?}");
        }
        assert_eq!(publishers.to_string(), "orders=ctl+kitchen+order,status=kitchen+order,requests=");
    }

    #[test]
    fn nobody_orders_by_message_unless_it_is_said_who() {
        let publishers: Publishers = "orders=order,status=order".parse().unwrap();
        assert!(!publishers.admit(MessageKind::Requests, Some("order")));
        assert_eq!(publishers.written(), "orders=order,status=order,requests=");
    }

    #[test]
    fn nothing_checks_nobody() {
        for text in ["", "  "] {
            let nobody: Publishers = text.parse().unwrap();
            assert!(!nobody.are_checked() && nobody.admit(MessageKind::Orders, None));
            assert_eq!(nobody.written(), "");
        }
    }

    #[test]
    fn a_certificates_name_is_a_name() {
        let publishers: Publishers =
            r"orders=O=client\,CN=order+k,status=CN=a\+b\\c,requests=".parse().unwrap();
        assert!(publishers.admit(MessageKind::Orders, Some("O=client,CN=order")));
        assert!(publishers.admit(MessageKind::Orders, Some("k")));
        assert!(publishers.admit(MessageKind::Status, Some(r"CN=a+b\c")));
    }

    #[test]
    fn a_mistake_is_named() {
        let long = format!("orders={},status=,requests=", "x".repeat(256));
        for (text, part) in [
            ("order+kitchen", "'order+kitchen', which is not 'kind=user+user'"),
            ("orders=a,,status=b,requests=", "has '', which"),
            ("soup=a", "the kind 'soup'"),
            ("orders=a,orders=b,status=c,requests=", "'orders' twice"),
            ("orders=a,requests=b", "may send status (for nobody: status=)"),
            ("orders=a+,status=b,requests=", "a user of orders that is empty"),
            ("orders=a,status=b,requests=c\\", "a user of requests that ends with a backslash"),
            ("orders=a\u{7},status=b,requests=", "control character"),
            (&long, "longer than 255 bytes"),
        ] {
            let why = text.parse::<Publishers>().unwrap_err().to_string();
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    /// A name that may be a user's, with letters that mean something in the setting.
    fn name() -> impl Strategy<Value = String> {
        r"[ab,+=\\ é:;']{1,12}".prop_filter("no space at its ends", |name| name.trim() == name)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(
            orders in btree_set(name(), 0..4),
            status in btree_set(name(), 0..4),
            requests in btree_set(name(), 0..4),
        ) {
            let publishers = Publishers(Some(Arc::new(Users { orders, status, requests })));
            prop_assert_eq!(publishers.written().parse(), Ok(publishers));
        }

        #[test]
        fn any_text_is_read_or_refused(text in r"(orders|status|requests|[ab,+=\\ ]){0,12}") {
            if let Ok(publishers) = text.parse::<Publishers>() {
                prop_assert_eq!(publishers.written().parse(), Ok(publishers));
            }
        }
    }
}
