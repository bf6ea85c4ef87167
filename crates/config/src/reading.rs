//! Files that hold settings: the configuration, and one value each for secrets.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Largest file that is read, in bytes. Settings are small; a device or a log that is
/// named by mistake is not.
const MAX_BYTES: u64 = 1 << 20;
/// Some editors write it in front of UTF-8 (U+FEFF). It is no part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a file, without a byte order mark.
///
/// # Errors
/// It cannot be read, is not UTF-8, or is larger than a mebibyte.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|why| match why.kind() {
        ErrorKind::InvalidData => io::Error::new(ErrorKind::InvalidData, "it is not valid UTF-8"),
        _ => why,
    })?;
    if u64::try_from(text.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(without_mark(&text).to_owned())
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// A value without the line breaks at its end: editors add them, and files with Windows
/// line ends leave a `\r`.
pub(super) fn without_line_end(value: &str) -> &str {
    value.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_add_is_no_part_of_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (written, expected) in [
            ("plain", "plain"),
            ("unix\n", "unix"),
            ("windows\r\n", "windows"),
            ("\u{feff}marked\n\n", "marked"),
            (" spaces stay ", " spaces stay "),
        ] {
            std::fs::write(&path, written).unwrap();
            assert_eq!(without_line_end(&read(&path).unwrap()), expected);
        }
    }

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let why = read(Path::new("/dev/zero")).unwrap_err();
        assert!(why.to_string().contains("1 MiB"), "{why}");
    }

    #[test]
    fn other_encodings_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, b"\xff\xfes\0e\0c\0").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("UTF-8"));
    }
}
