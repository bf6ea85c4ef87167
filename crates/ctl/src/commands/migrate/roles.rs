//! `migrate --roles`: creates a role for each service, for the staff lists, for the exporter, and,
//! where somebody asks for it, for `prune`.

use std::io::{Write, stdout};

use db::Database;
use db::rights;
use db::roles::{self, Account, Surplus};
use runtime::exit::failed;
use runtime::{Console, Exit, password, shell};
use secrecy::ExposeSecret;

/// Creates the roles, and prints generated passwords as lines for a shell, because they cannot be
/// read later.
pub(super) async fn ensure(db: &Database, settings: &config::Database, surplus: Surplus) -> Result<(), Exit> {
    roles::may_be_made(db).await.map_err(|why| failed(&why))?;
    let mut accounts = Vec::new();
    let mut made_up = Vec::new();
    for user in rights::users() {
        let name = roles::name(&settings.database, user);
        let variable = format!("{}_DB_PASSWORD", user.short_name().to_uppercase());
        let mut password = config::secret(&variable).map_err(|why| Exit::Config(why.to_string()))?;
        if password.is_none() && !roles::exists(db, &name).await.map_err(|why| failed(&why))? {
            if user.is_on_demand() {
                continue;
            }
            let new = password::random();
            made_up.push((variable, new.clone()));
            password = Some(new);
        }
        accounts.push(Account { user, password });
    }
    roles::ensure(db, &accounts, surplus).await.map_err(|why| failed(&why))?;
    let console = Console::new();
    for Account { user, .. } in &accounts {
        let name = roles::name(&settings.database, *user);
        console.print(&format!("# Role {name} has the rights of {}.", user.title()));
    }
    for (variable, password) in made_up {
        // A password that could not be printed is lost, so a failure must be reported.
        writeln!(stdout().lock(), "{variable}={}", shell::quoted(password.expose_secret())).map_err(|why| {
            Exit::Failed(format!(
                "the passwords that were made up could not be written: {why}. Choose new ones, and run 'migrate --roles' again \
                 with {variable} and the others set"
            ))
        })?;
    }
    Ok(())
}
