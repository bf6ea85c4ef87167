//! The kinds of values that say how TLS is used.

use std::path::PathBuf;

use crate::TlsMode;
use crate::kinds::{Kind, parse_name, plain};

/// Whether a server is reached over TLS.
pub(crate) const TLS_MODE: Kind<TlsMode> = Kind {
    allowed: "disable, require, verify-full",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|()| format!("is '{text}' (allowed: {})", TLS_MODE.allowed)),
    write: TlsMode::to_string,
    show: plain,
};

/// The path of a file, if there is one.
pub(crate) const FILE: Kind<Option<PathBuf>> = Kind {
    allowed: "a path, or nothing",
    is_secret: false,
    names_a_file: true,
    parse: |text| match text {
        "" => Ok(None),
        path => parse_name(path).map(|path| Some(path.into())),
    },
    write: |path| path.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    show: |path| Some(path.as_ref().map_or_else(|| "not set".to_owned(), |path| path.display().to_string())),
};
