//! The menu of the restaurant that `up` opens: it is on, and not empty.

use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::Duration;

use config::MenuMode;
use db::{Access, Database, DbError, menu};
use devcluster::menu::{Menu, MenuError};
use devcluster::{project, tool};
use runtime::{Console, with_causes};
use tokio::process::Command;

use crate::NAME;
use crate::cluster::defaults::MENU_MODE;
use crate::cluster::servers::Servers;

/// The program that imports a menu.
pub const IMPORTER: &str = "restaurant-ctl";

/// The menu of a restaurant that has none, from the project's root.
const FILE: &str = "deploy/menu.yaml";
/// The time limit of an import.
const LIMIT: Duration = Duration::from_secs(30);

/// The body of an order that the service at this URL takes; `None` if it takes none at the moment.
pub async fn sample_order(order_url: &str) -> Option<String> {
    let address = order_url.trim_start_matches("http://").to_socket_addrs().ok()?.next()?;
    let menu = match Menu::of_service(address).await {
        Err(MenuError::Off) => Menu::priced_by_guests(),
        menu => menu.ok()?,
    };
    Some(menu.sample_order()?.to_string())
}

/// Imports a menu if these variables say that it is on, and it has no item. Without one the
/// restaurant opens, and sells nothing.
pub async fn provide(servers: &Servers, variables: &[(&str, String)], programs: &Path, console: Console) {
    let is_off = |(name, value): &(&str, String)| *name == MENU_MODE && value.parse() == Ok(MenuMode::Off);
    if variables.iter().any(is_off) {
        return;
    }
    match is_empty(&servers.postgres.endpoint).await {
        Ok(false) => return,
        Ok(true) => {}
        Err(why) => return console.warn(&format!("the menu cannot be read: {}", with_causes(&why))),
    }
    let mut import = Command::new(programs.join(IMPORTER));
    import.args(["menu", "import"]).arg(project::root().join(FILE)).envs(servers.environment());
    match tool::run(import, LIMIT).await {
        Ok(_) => console.done(&format!("the menu is that of {FILE}")),
        Err(why) => {
            let advice = format!("'cargo xtask ctl menu import {FILE}' tries it again");
            console.warn(&format!("there is no menu: {}. {advice}", with_causes(&why)));
        }
    }
}

/// Whether the menu has no item, available or not.
async fn is_empty(endpoint: &config::Database) -> Result<bool, DbError> {
    let db = Database::new(endpoint, NAME, Access::ReadOnly)?;
    Ok(menu::snapshot(&db).await?.menu.items().is_empty())
}
