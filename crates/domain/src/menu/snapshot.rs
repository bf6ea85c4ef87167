//! The whole menu at one moment.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::category::Category;
use super::item::MenuItem;
use super::item_id::MenuItemId;

/// The items of one version of the menu, found by id or by name.
#[derive(Clone, Debug, Default)]
pub struct Menu {
    version: u64,
    /// Sorted by (position, name).
    items: Vec<Arc<MenuItem>>,
    by_id: HashMap<Arc<str>, Arc<MenuItem>>,
    by_name: HashMap<String, Arc<MenuItem>>,
}

/// Why items are not a menu.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MenuError {
    /// Two items have this id.
    #[error("two items have the id '{0}'")]
    DuplicateId(MenuItemId),
    /// Two items have this name, so an order that names it could mean either.
    #[error("two items have the name '{name}': {first} and {second}")]
    DuplicateName {
        /// The name.
        name: String,
        /// One of them.
        first: MenuItemId,
        /// The other one.
        second: MenuItemId,
    },
}

/// A heading of the menu and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MenuCategory<'a> {
    /// The heading.
    #[cfg_attr(feature = "openapi", schema(value_type = Category))]
    pub name: &'a Category,
    /// Its items, sorted by (position, name).
    pub items: Vec<ShownItem<'a>>,
}

/// An item as guests see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShownItem<'a> {
    /// The item.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = MenuItem))]
    pub item: &'a MenuItem,
    /// Whether it cannot be ordered now.
    pub sold_out: bool,
}

impl Menu {
    /// Sorts the items of a version.
    ///
    /// # Errors
    /// Two items have the same id or the same name.
    pub fn new(version: u64, items: Vec<MenuItem>) -> Result<Self, MenuError> {
        let mut menu = Self { version, ..Self::default() };
        for item in items.into_iter().map(Arc::new) {
            if menu.by_id.insert(item.id.shared(), item.clone()).is_some() {
                return Err(MenuError::DuplicateId(item.id.clone()));
            }
            if let Some(other) = menu.by_name.insert(item.name.clone(), item.clone()) {
                let (first, second) = (other.id.clone(), item.id.clone());
                return Err(MenuError::DuplicateName { name: item.name.clone(), first, second });
            }
            menu.items.push(item);
        }
        menu.items.sort_by(|one, other| (one.position, &one.name).cmp(&(other.position, &other.name)));
        Ok(menu)
    }

    /// The number of edits that made this menu.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All items, sorted by (position, name), whether guests see them or not.
    pub fn items(&self) -> &[Arc<MenuItem>] {
        &self.items
    }

    /// The item of this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<MenuItem>> {
        self.by_id.get(id)
    }

    /// The item of exactly this name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<MenuItem>> {
        self.by_name.get(name)
    }

    /// What guests see: the available items below their headings. A heading stands where its first
    /// item does. `is_sold_out` says which items are marked, by staff or for want of stock.
    pub fn categories(&self, is_sold_out: impl Fn(&MenuItem) -> bool) -> Vec<MenuCategory<'_>> {
        let mut categories: Vec<MenuCategory<'_>> = Vec::new();
        let mut places: HashMap<&Category, usize> = HashMap::new();
        for item in self.items.iter().filter(|item| item.available) {
            let place = *places.entry(&item.category).or_insert(categories.len());
            if place == categories.len() {
                categories.push(MenuCategory { name: &item.category, items: Vec::new() });
            }
            if let Some(category) = categories.get_mut(place) {
                category.items.push(ShownItem { item, sold_out: is_sold_out(item) });
            }
        }
        categories
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::record::Record;

    fn item(id: &str, name: &str, fields: &[(&'static str, &str)]) -> MenuItem {
        let record = Record::default().with("id", id).with("name", name).with("price", "9.50");
        let record = fields.iter().fold(record, |record, (field, text)| record.with(field, text));
        MenuItem::from_record(&record).unwrap()
    }

    #[test]
    fn items_are_found_by_id_and_by_exact_name() {
        let menu = Menu::new(7, vec![item("pho-bo", "Phở bò", &[])]).unwrap();
        assert_eq!(menu.version(), 7);
        assert_eq!(menu.by_id("pho-bo").map(|item| item.name.as_str()), Some("Phở bò"));
        assert_eq!(menu.by_name("Phở bò").map(|item| item.id.as_str()), Some("pho-bo"));
        for other in ["phở bò", "Phở bò ", "pho-bo", ""] {
            assert!(menu.by_name(other).is_none(), "{other}");
        }
        assert!(menu.by_id("Pho-Bo").is_none());
    }

    #[test]
    fn ids_and_names_are_unique() {
        let refused = |items| Menu::new(1, items).unwrap_err().to_string();
        assert_eq!(refused(vec![item("a", "A", &[]), item("a", "B", &[])]), "two items have the id 'a'");
        assert_eq!(
            refused(vec![item("a", "A", &[]), item("b", "A", &[])]),
            "two items have the name 'A': a and b"
        );
    }

    #[test]
    fn guests_see_what_is_available_below_its_heading() {
        let soups = ("category", "Soups");
        let menu = Menu::new(
            1,
            vec![
                item("tea", "Tea", &[("category", "Drinks"), ("position", "1")]),
                item("pho", "Pho", &[soups, ("position", "2"), ("sold_out_until", "further_notice")]),
                item("water", "Water", &[("category", "Drinks"), ("position", "3")]),
                item("broth", "Broth", &[soups, ("position", "2")]),
                item("secret", "Secret", &[soups, ("available", "false")]),
            ],
        )
        .unwrap();
        let now = datetime!(2026-11-30 12:00 UTC);
        let shown = menu.categories(|item| item.is_sold_out(now));
        let names: Vec<_> = shown
            .iter()
            .map(|category| {
                let items = category.items.iter().map(|shown| (shown.item.id.as_str(), shown.sold_out));
                (category.name.as_str(), items.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(
            names,
            [
                ("Drinks", vec![("tea", false), ("water", false)]),
                ("Soups", vec![("broth", false), ("pho", true)])
            ]
        );
        assert_eq!(menu.items().len(), 5);
    }

    #[test]
    fn the_json_of_the_api() {
        let item = item("pho-bo", "Phở bò", &[]);
        let shown = ShownItem { item: &item, sold_out: false };
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            r#"{"id":"pho-bo","name":"Phở bò","description":"","category":"Other","price":9.50,"order_types":["dine_in","takeout","delivery"],"available":true,"position":0,"sold_out_until":null,"sold_out":false}"#
        );
        let json = serde_json::to_string(&item).unwrap();
        assert_eq!(serde_json::from_str::<MenuItem>(&json).unwrap(), item);
    }
}
