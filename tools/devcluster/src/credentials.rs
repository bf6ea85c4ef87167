//! The user of a private server: created with its data, and stored beside it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use runtime::password;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::Error;

/// A user name and its password.
#[derive(Clone, Debug, Deserialize)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

impl Credentials {
    /// A user with a random password of 24 letters and digits.
    pub fn random(user: impl Into<String>) -> Self {
        Self { user: user.into(), password: password::random() }
    }

    /// The credentials stored with the data in `folder`. Without data: the given user, with a
    /// random password if none is given.
    pub(crate) fn load_or_store(
        folder: &Path,
        user: &str,
        password: Option<&SecretString>,
    ) -> Result<Self, Error> {
        let path = &folder.join("credentials.json");
        if path.exists() {
            let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
            return serde_json::from_str(&text).map_err(|why| Error::file("understand", path)(why.into()));
        }
        // PostgreSQL and RabbitMQ refuse an empty password.
        let given = password.filter(|password| !password.expose_secret().is_empty()).cloned();
        let password = given.unwrap_or_else(password::random);
        let stored = json!({"user": user, "password": password.expose_secret()});
        write_private(path, &stored.to_string())?;
        Ok(Self { user: user.to_owned(), password })
    }
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_password_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = Credentials::load_or_store(folder.path(), "anna", None).unwrap();
        assert_eq!(first.password.expose_secret().len(), 24);
        let second = Credentials::load_or_store(folder.path(), "mario", Some(&"other".into())).unwrap();
        assert_eq!(second.user, "anna");
        assert_eq!(second.password.expose_secret(), first.password.expose_secret());
    }
}
