//! The file with the numbers of acknowledged orders.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use domain::OrderNumber;

/// A larger file is none of numbers, in bytes: a million numbers have 20 MB.
const MAX_SIZE: u64 = 1 << 30;

/// Why it is not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum AcknowledgedError {
    #[error("--acknowledged: '{}' cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        why: io::Error,
    },
    #[error("--acknowledged: '{}', line {line}: '{text}' is not an order number of the form ORD_YYYYMMDD_NNN", path.display())]
    NotANumber { path: PathBuf, line: usize, text: String },
}

/// Reads the numbers, each once. Empty lines, and what follows a `#`, do not count.
pub(super) fn read(path: &Path) -> Result<Vec<OrderNumber>, AcknowledgedError> {
    let unreadable = |why| AcknowledgedError::Unreadable { path: path.to_owned(), why };
    let file = File::open(path).map_err(unreadable)?;
    let mut numbers = BTreeSet::new();
    for (place, line) in BufReader::new(file.take(MAX_SIZE)).lines().enumerate() {
        let line = line.map_err(unreadable)?;
        let text = line.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        let number = text.parse().map_err(|_| {
            let text = text.chars().take(40).flat_map(char::escape_debug).collect();
            AcknowledgedError::NotANumber { path: path.to_owned(), line: place + 1, text }
        })?;
        numbers.insert(number);
    }
    Ok(numbers.into_iter().collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<String>, AcknowledgedError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Ok(read(file.path())?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_number_a_line_in_any_order() {
        let text = "# of the till\nORD_20261121_002\n\n  ORD_20261121_1000\r\nORD_20261121_002 # twice\n";
        assert_eq!(of(text).unwrap(), ["ORD_20261121_002", "ORD_20261121_1000"]);
        assert!(of("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_number_is_named_with_its_line() {
        let why = of("ORD_20261121_002\nORD_20261121_2\n").unwrap_err().to_string();
        assert!(why.contains("line 2") && why.contains("'ORD_20261121_2'"), "{why}");
    }
}
