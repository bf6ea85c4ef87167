//! What a file holds: items of the menu, or price rules.

use domain::MenuItem;
use domain::pricing::PriceRule;
use domain::record::{Fault, Field, Record};

/// A kind of entries, of which a file holds many.
pub trait Entry: Clone + PartialEq {
    /// The key of the list in YAML.
    const LIST: &'static str;
    /// What one entry is called in messages.
    const ONE: &'static str;
    /// The fields of an entry, in the order in which they are written.
    const FIELDS: &'static [Field];
    /// The fields of which no two entries have the same.
    const UNIQUE: &'static [&'static str];

    /// Checks a record.
    ///
    /// # Errors
    /// Every fault, each with its field.
    fn from_record(record: &Record) -> Result<Self, Vec<Fault>>;

    /// The record that [`Self::from_record`] parses as this entry.
    fn to_record(&self) -> Record;

    /// Its id.
    fn id(&self) -> &str;

    /// An example for files that hold nothing.
    fn example() -> Record;
}

impl Entry for MenuItem {
    const LIST: &'static str = "items";
    const ONE: &'static str = "item";
    const FIELDS: &'static [Field] = &MenuItem::FIELDS;
    const UNIQUE: &'static [&'static str] = &["id", "name"];

    fn from_record(record: &Record) -> Result<Self, Vec<Fault>> {
        Self::from_record(record)
    }

    fn to_record(&self) -> Record {
        self.to_record()
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn example() -> Record {
        Record::default()
            .with("id", "pho-bo")
            .with("name", "Phở bò")
            .with("description", "Beef broth, rice noodles, herbs")
            .with("category", "Soups")
            .with("price", "9.50")
            .with_list("order_types", ["dine_in", "takeout"])
            .with("available", "true")
            .with("position", "10")
    }
}

impl Entry for PriceRule {
    const LIST: &'static str = "rules";
    const ONE: &'static str = "rule";
    const FIELDS: &'static [Field] = &PriceRule::FIELDS;
    const UNIQUE: &'static [&'static str] = &["id"];

    fn from_record(record: &Record) -> Result<Self, Vec<Fault>> {
        Self::from_record(record)
    }

    fn to_record(&self) -> Record {
        self.to_record()
    }

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn example() -> Record {
        Record::default()
            .with("id", "happy-hour")
            .with("kind", "discount")
            .with("label", "Happy hour")
            .with("percent", "10")
            .with("category", "Soups")
            .with_list("weekdays", ["mon", "tue"])
            .with("hours", "15:00-18:00")
    }
}
