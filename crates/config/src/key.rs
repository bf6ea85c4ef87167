//! What the table says about a key and about a section, and the macro that reads the table.

use crate::Config;

/// A key: one setting.
#[derive(Debug)]
pub struct Key {
    /// Where it stands in the file, such as `database.host`.
    pub name: &'static str,
    /// The environment variable that sets it. `<NAME>_FILE` names a file with the value, or the
    /// file that is the value.
    pub variable: &'static str,
    /// What it is for, in sentences.
    pub help: &'static str,
    /// Which values are allowed, as the end of a sentence.
    pub allowed: &'static str,
    /// Whether its value is never shown.
    pub is_secret: bool,
    /// Whether its value is the path of a file.
    pub names_a_file: bool,
    /// Reads the text of a value, or says what is wrong with it.
    pub(crate) set: fn(&mut Config, &str) -> Result<(), String>,
    /// The value as `set` reads it. Secrets too.
    pub(crate) written: fn(&Config) -> String,
    /// The value in words; `None` for a secret.
    pub(crate) shown: fn(&Config) -> Option<String>,
}

impl Key {
    /// The default as a file would set it: `5432`, or nothing for an empty text. Those of passwords
    /// are the specification's, and no secrets.
    pub fn default_text(&self) -> String {
        (self.written)(&Config::default())
    }

    /// The section that it stands in, and its name there.
    pub fn place(&self) -> (&'static str, &'static str) {
        self.name.rsplit_once('.').unwrap_or(("", self.name))
    }
}

/// A section: keys and other sections that stand together.
#[derive(Debug)]
pub struct Section {
    /// Where it stands in the file, such as `kitchen.cooking_seconds`. Empty: the whole file.
    pub path: &'static str,
    /// What it is for: one sentence.
    pub help: &'static str,
    /// The struct that holds its values.
    pub(crate) holder: &'static str,
    /// What may stand in it: sections first, then keys.
    pub(crate) entries: &'static [&'static str],
}

impl Section {
    /// The path of a key or a section that stands in this one.
    pub(crate) fn below(&self, entry: &str) -> String {
        if self.path.is_empty() { entry.to_owned() } else { format!("{}.{entry}", self.path) }
    }
}

/// Makes the structs, their defaults, [`KEYS`](crate::KEYS) and [`SECTIONS`](crate::SECTIONS)
/// from the table. How an entry is written: see the table.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        $path:tt $Section:ident $(with { $($inner:ident: $Inner:ident,)+ })? {
            $(
                $(#[doc = $help:literal])+
                $key:ident: $Type:ty = $default:expr, $variable:literal, $kind:ident;
            )*
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug)]
            pub struct $Section {
                $($(
                    #[doc = concat!("The section `", stringify!($inner), "`.")]
                    pub $inner: $Inner,
                )+)?
                $(
                    $(#[doc = $help])+
                    pub $key: $Type,
                )*
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self {
                        $($($inner: $Inner::default(),)+)?
                        $($key: $default,)*
                    }
                }
            }
        )+

        /// Every section, each before those that stand in it.
        pub const SECTIONS: &[$crate::Section] = &[
            $($crate::Section {
                path: $crate::key::name!($path),
                help: concat!($($about),+),
                holder: stringify!($Section),
                entries: &[$($(stringify!($inner),)+)? $(stringify!($key),)*],
            },)+
        ];

        /// Every key, in the order of the sections.
        pub const KEYS: &[$crate::Key] = &[
            $($($crate::Key {
                name: $crate::key::name!($path $key),
                variable: $variable,
                help: concat!($($help),+),
                allowed: $kind.allowed,
                is_secret: $kind.is_secret,
                names_a_file: $kind.names_a_file,
                set: |config, text| {
                    $crate::key::field!(config, $path $key) = ($kind.parse)(text)?;
                    Ok(())
                },
                written: |config| ($kind.write)(&$crate::key::field!(config, $path $key)),
                shown: |config| ($kind.show)(&$crate::key::field!(config, $path $key)),
            },)*)+
        ];
    };
}

/// `database.host` as a text.
macro_rules! name {
    ([]) => { "" };
    ([$first:ident $(. $next:ident)*]) => {
        concat!(stringify!($first) $(, ".", stringify!($next))*)
    };
    ([$($section:ident).+] $key:ident) => {
        concat!($(stringify!($section), ".",)+ stringify!($key))
    };
}

/// `config.database.host`, to read it or to set it.
macro_rules! field {
    ($config:ident, [$($section:ident).+] $key:ident) => { $config.$($section).+.$key };
}

pub(crate) use {field, name, settings};
