//! How a page is looked at.

/// Light or dark, as a visitor's system is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// The value of `prefers-color-scheme`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The size of the window in CSS pixels, and the theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// As the visitor's system is set.
    pub theme: Theme,
}

impl Look {
    /// A small phone.
    pub const PHONE: Self = Self::of(360, 740, Theme::Light);
    /// A tablet.
    pub const TABLET: Self = Self::of(768, 1024, Theme::Light);
    /// A laptop.
    pub const LAPTOP: Self = Self::of(1440, 900, Theme::Light);

    /// A window of this size.
    pub const fn of(width: u32, height: u32, theme: Theme) -> Self {
        Self { width, height, theme }
    }

    /// The same in another theme.
    #[must_use]
    pub const fn with(self, theme: Theme) -> Self {
        Self { theme, ..self }
    }
}
