//! Items as records of a file, and back.

use super::category::Category;
use super::item::{MAX_POSITION, MenuItem};
use crate::OrderTypes;
use crate::record::{Fault, Field, FieldKind, Record, RecordReader};
use crate::text_rules::{self, TextFault};

const fn text(name: &'static str) -> Field {
    Field { name, kind: FieldKind::Text }
}

impl MenuItem {
    /// The fields of an item, in the order in which files have them.
    pub const FIELDS: [Field; 9] = [
        text("id"),
        text("name"),
        text("description"),
        text("category"),
        text("price"),
        Field { name: "order_types", kind: FieldKind::List },
        text("available"),
        text("position"),
        text("sold_out_until"),
    ];

    /// Checks a record.
    ///
    /// # Errors
    /// Every fault, each with its field.
    pub fn from_record(record: &Record) -> Result<Self, Vec<Fault>> {
        let mut reader = RecordReader::of(record);
        for field in ["id", "name", "price"] {
            reader.require(field);
        }
        let id = reader.parsed("id");
        let name = checked(&mut reader, "name", text_rules::item_name);
        let description = checked(&mut reader, "description", text_rules::item_description);
        let category =
            if reader.has("category") { reader.parsed("category") } else { Some(Category::default()) };
        let price = reader.parsed("price");
        let order_types = reader.list("order_types", OrderTypes::parse).unwrap_or_default();
        let available = reader.switch("available", true);
        let position = reader.number("position", MAX_POSITION);
        let sold_out_until = reader.parsed("sold_out_until");
        let item = || {
            Some(Self {
                id: id?,
                name: name?,
                description: description.unwrap_or_default(),
                category: category?,
                price: price?,
                order_types,
                available,
                position,
                sold_out_until,
            })
        };
        let item = item();
        reader.finish(item)
    }

    /// The record that [`Self::from_record`] parses as this item. Defaults are left out.
    pub fn to_record(&self) -> Record {
        let record = Record::default()
            .with("id", &self.id)
            .with("name", &self.name)
            .with_some("description", (!self.description.is_empty()).then_some(&self.description))
            .with_some("category", (self.category != Category::default()).then_some(&self.category))
            .with("price", &self.price)
            .with_some("available", (!self.available).then_some(false))
            .with_some("position", (self.position > 0).then_some(self.position))
            .with_some("sold_out_until", self.sold_out_until);
        if self.order_types == OrderTypes::ALL {
            record
        } else {
            record.with_list("order_types", self.order_types.iter())
        }
    }
}

/// A text, and a fault for each rule that it breaks.
fn checked(
    reader: &mut RecordReader<'_>,
    field: &'static str,
    rules: fn(&str) -> Vec<TextFault>,
) -> Option<String> {
    let text = reader.text(field)?;
    let faults = rules(text);
    for fault in &faults {
        reader.add(field, fault);
    }
    faults.is_empty().then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let record = Record::default().with("id", "pho-bo").with("name", "Phở bò").with("price", "9.5");
        let item = MenuItem::from_record(&record).unwrap();
        assert_eq!(item.category.as_str(), "Other");
        assert!(item.available && item.order_types == OrderTypes::ALL && item.sold_out_until.is_none());
        assert_eq!((item.position, item.description.as_str(), item.price.cents()), (0, "", 950));
        assert_eq!(item.to_record(), record.with("price", "9.50"));
    }

    #[test]
    fn every_fault_is_named_with_its_field() {
        let record = Record::default()
            .with("id", "Pho")
            .with("name", "a\tb")
            .with("description", &"x".repeat(501))
            .with("category", "Soups ")
            .with("price", "1.005")
            .with_list("order_types", ["drone"])
            .with("available", "yes")
            .with("position", "1.5")
            .with("sold_out_until", "tomorrow");
        let faults = MenuItem::from_record(&record).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
        assert_eq!(fields, MenuItem::FIELDS.map(|field| field.name));
        let faults = MenuItem::from_record(&Record::default()).unwrap_err();
        let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["id is required", "name is required", "price is required"]);
    }

    #[test]
    fn a_list_is_no_text_and_a_text_no_list() {
        let record = Record::default()
            .with("id", "a")
            .with_list("name", ["a", "b"])
            .with("price", "1")
            .with("order_types", "takeout");
        let faults = MenuItem::from_record(&record).unwrap_err();
        let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["name must be a single value, is a list", "order_types must be a list, is a single value"]
        );
    }
}
