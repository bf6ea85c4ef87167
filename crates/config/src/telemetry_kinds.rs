//! The kinds of values that say how traces are recorded. The variables are OpenTelemetry's own.

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};

use crate::TracesSampler;
use crate::comma_list::entries;
use crate::kinds::{Kind, plain};

/// Which traces are recorded.
pub(crate) const TRACES_SAMPLER: Kind<TracesSampler> = Kind {
    allowed: "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, \
              parentbased_traceidratio",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|()| format!("is '{text}' (allowed: {})", TRACES_SAMPLER.allowed)),
    write: TracesSampler::to_string,
    show: plain,
};

/// A part of all.
pub(crate) const RATIO: Kind<f64> = Kind {
    allowed: "0 to 1",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or_else(|| format!("is '{text}', which is no ratio (allowed: {})", RATIO.allowed))
    },
    write: f64::to_string,
    show: plain,
};

/// What a collector wants to be told with each request.
pub(crate) const OTLP_HEADERS: Kind<SecretString> = Kind {
    allowed: "name=value, or several separated by commas, or nothing",
    is_secret: true,
    names_a_file: false,
    // A part of the text would be a part of a secret.
    parse: |text| match otlp_headers(text) {
        Some(_) => Ok(text.into()),
        None => Err(format!("is no list of headers (allowed: {})", OTLP_HEADERS.allowed)),
    },
    write: |headers| headers.expose_secret().to_owned(),
    show: |_| None,
};

/// Names and values of headers, as `OTEL_EXPORTER_OTLP_HEADERS` has them. `None`: it is no such
/// list, or a header could not carry it.
pub fn otlp_headers(text: &str) -> Option<Vec<(String, String)>> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    entries(text)
        .map(|header| {
            let (name, value) = header.split_once('=')?;
            let (name, value) = (name.trim_end(), percent_decode_str(value.trim_start()).decode_utf8().ok()?);
            let is_sendable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            (!name.is_empty() && name.bytes().all(is_token) && is_sendable)
                .then(|| (name.to_owned(), value.into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_nothing_that_breaks_a_request() {
        let read = |text| otlp_headers(text).unwrap();
        assert_eq!(read(""), []);
        let two = [("api-key", "a=b"), ("Authorization", "Basic YQ==")];
        let two = two.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read("api-key=a=b, Authorization = Basic%20YQ%3D%3D,"), two);
        for wrong in [",", "secret", "=secret", "a b=secret", "name=secret%0d%0aX: y", "name=%ff", "naïve=x"]
        {
            assert_eq!(otlp_headers(wrong), None, "{wrong}");
            let why = (OTLP_HEADERS.parse)(wrong).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn samplers_and_ratios_are_read_and_nothing_else() {
        for name in TRACES_SAMPLER.allowed.split(", ") {
            assert_eq!((TRACES_SAMPLER.parse)(name).unwrap().to_string(), name);
        }
        for wrong in ["-0.1", "1.1", "NaN", "half"] {
            assert!((RATIO.parse)(wrong).is_err(), "{wrong}");
        }
    }
}
