//! The menu of the restaurant that `up` opens: it is on, and not empty.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use config::MenuMode;
use db::{Access, Database, DbError, menu};
use devcluster::menu::{Menu, MenuError};
use devcluster::{project, tool};
use runtime::{Console, with_causes};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::NAME;
use crate::cluster::defaults::MENU_MODE;
use crate::cluster::servers::Servers;

/// The program that imports a menu.
pub const IMPORTER: &str = "restaurant-ctl";

/// The menu of a restaurant that has none, from the project's root.
const FILE: &str = "deploy/menu.yaml";
/// The time limit of an import, and of the wait until it is seen.
const LIMIT: Duration = Duration::from_secs(30);
/// The pause between two looks at the menu.
const TICK: Duration = Duration::from_millis(100);

/// The body of an order that the service at this URL takes; `None` if it takes none at the moment.
pub async fn sample_order(order_url: &str) -> Option<String> {
    let menu = match Menu::of_service(address(order_url)?).await {
        Err(MenuError::Off) => Menu::priced_by_guests(),
        menu => menu.ok()?,
    };
    Some(menu.sample_order()?.to_string())
}

fn address(url: &str) -> Option<SocketAddr> {
    url.trim_start_matches("http://").to_socket_addrs().ok()?.next()
}

/// Imports a menu if these variables say that it is on, and it has no item. Then waits until the
/// order service at this URL shows it. Without a menu the restaurant opens, and sells nothing.
pub async fn provide(
    servers: &Servers,
    variables: &[(&str, String)],
    programs: &Path,
    order_url: &str,
    console: Console,
) {
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
        Ok(_) => {
            // If it takes longer, the order service says why in its log.
            let _ = timeout(LIMIT, until_shown(order_url)).await;
            console.done(&format!("the menu is that of {FILE}"));
        }
        Err(why) => {
            let advice = format!("'cargo xtask ctl menu import {FILE}' tries it again");
            console.warn(&format!("there is no menu: {}. {advice}", with_causes(&why)));
        }
    }
}

/// The order service looks for edits of others every second or two.
async fn until_shown(order_url: &str) {
    while let Some(address) = address(order_url)
        && Menu::of_service(address).await.is_err()
    {
        sleep(TICK).await;
    }
}

/// Whether the menu has no item, available or not.
async fn is_empty(endpoint: &config::Database) -> Result<bool, DbError> {
    let db = Database::new(endpoint, NAME, Access::ReadOnly)?;
    Ok(menu::snapshot(&db).await?.menu.items().is_empty())
}
