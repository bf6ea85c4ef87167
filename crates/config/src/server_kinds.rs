//! The kinds of values that say how several servers share the work, and who may send what.

use crate::kinds::{HOSTS, Kind, plain};
use crate::{Publishers, QueueType};

/// What kind of queue orders wait in.
pub(crate) const QUEUE_TYPE: Kind<QueueType> = Kind {
    allowed: "classic, quorum",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|()| format!("is '{text}' (allowed: {})", QUEUE_TYPE.allowed)),
    write: QueueType::to_string,
    show: plain,
};

/// Where a server is that need not be there.
pub(crate) const HOSTS_OR_NONE: Kind<Option<String>> = Kind {
    allowed: "a name or an address, or several separated by commas, each with `:port` if it differs; or nothing",
    is_secret: false,
    names_a_file: false,
    parse: |text| match text {
        "" => Ok(None),
        hosts => (HOSTS.parse)(hosts).map(Some),
    },
    write: |hosts| hosts.clone().unwrap_or_default(),
    show: |hosts| Some(hosts.clone().unwrap_or_else(|| "not set".to_owned())),
};

/// Which user of the broker may send which kind of message.
pub(crate) const PUBLISHERS: Kind<Publishers> = Kind {
    allowed: "`kind=user+user` for orders, for status and perhaps for requests, separated by commas, with a backslash before a comma, plus sign or backslash of a name; or nothing",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|why: crate::ParsePublishersError| why.to_string()),
    write: Publishers::written,
    show: plain,
};
