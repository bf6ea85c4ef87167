//! `rights`: the list for a service suffices, and contains nothing superfluous.

use std::collections::BTreeSet;

use db::inspection::missing_rights;
use db::rights;
use db::roles::{self, Account, Surplus};
use db::{Access, Database};
use domain::{ServerUser, ServiceName};

use crate::every_statement;
use crate::scene::Scene;

const PASSWORD: &str = "a password";

/// A table that this version does not need. Order services of the version before use it until an
/// update is complete.
const OF_THE_VERSION_BEFORE: &str = "order_sweeps";

/// Tables that each new connection reads, on a server that was restored only.
const AFTER_A_RESTORE: [&str; 2] = ["restores", "held_orders"];

/// A user's role in a scene.
struct Role<'a> {
    scene: &'a Scene,
    user: ServerUser,
    name: String,
    /// With that role.
    db: Database,
}

impl<'a> Role<'a> {
    async fn new(scene: &'a Scene, user: impl Into<ServerUser>) -> Self {
        let user = user.into();
        let account = Account { user, password: Some(PASSWORD.into()) };
        roles::ensure(&scene.db, &[account], Surplus::Revoked).await.unwrap();
        let name = roles::name(&scene.stage.name, user);
        let mut settings = scene.stage.database_settings();
        settings.user.clone_from(&name);
        settings.password = PASSWORD.into();
        let db = Database::new(&settings, "test", Access::ReadWrite).unwrap();
        Self { scene, user, name, db }
    }

    /// Every right that it has, such as `insert on table orders` or `select (id) on table orders`.
    async fn granted(&self) -> Vec<String> {
        let granted = format!(
            "select lower(privilege_type) || ' on table ' || table_name as granted
             from information_schema.role_table_grants where grantee = '{name}'
             union all
             select lower(privilege_type) || ' (' || attname || ') on table ' || attrelid::regclass
             from pg_attribute cross join lateral aclexplode(attacl) as acl
             where acl.grantee = '{name}'::regrole
             union all
             select 'usage on sequence ' || seqrelid::regclass from pg_sequence
             where has_sequence_privilege('{name}', seqrelid, 'usage')
             order by 1",
            name = self.name
        );
        let rows = self.scene.rows(&granted).await;
        rows.iter().map(|row| row["granted"].as_str().unwrap().to_owned()).collect()
    }

    /// Runs every statement of the service without this right. Returns the one that failed.
    async fn undone_without(&self, right: &str) -> Option<&'static str> {
        self.scene.execute(&format!("revoke {right} from {}", self.name)).await;
        let missing = missing_rights(&self.db, self.user).await.unwrap();
        assert_eq!(missing.len(), 1, "the doctor does not see what is missing without {right}: {missing:?}");
        let undone = every_statement::all(self.user, self.scene, &self.db).await.err();
        self.scene.execute(&format!("grant {right} to {}", self.name)).await;
        let undone = undone?;
        assert!(undone.why.is_missing_right(), "without {right}: {undone:?}");
        Some(undone.what)
    }

    async fn remove(self) {
        self.scene.execute(&format!("drop owned by {name}; drop role {name}", name = self.name)).await;
    }
}

async fn what_is_listed_is_enough(user: impl Into<ServerUser>) {
    let scene = Scene::new().await;
    let role = Role::new(&scene, user).await;
    assert_eq!(missing_rights(&role.db, role.user).await.unwrap(), [""; 0]);
    if let Err(undone) = every_statement::all(role.user, &scene, &role.db).await {
        panic!("{undone:?}");
    }
    role.remove().await;
}

async fn each_right_is_needed(user: impl Into<ServerUser>) {
    let scene = Scene::new().await;
    let role = Role::new(&scene, user).await;
    let mut needless = BTreeSet::new();
    for right in role.granted().await {
        if role.undone_without(&right).await.is_none() {
            needless.insert(right);
        }
    }
    role.remove().await;
    needless.retain(|right| !right.ends_with(OF_THE_VERSION_BEFORE));
    needless.retain(|right| !AFTER_A_RESTORE.iter().any(|table| right.ends_with(table)));
    assert_eq!(needless, BTreeSet::new(), "nothing that the service does needs these");
}

#[tokio::test]
async fn the_rights_of_the_order_service_are_enough() {
    what_is_listed_is_enough(ServiceName::Order).await;
}

#[tokio::test]
async fn the_rights_of_a_cook_are_enough() {
    what_is_listed_is_enough(ServiceName::Kitchen).await;
}

#[tokio::test]
async fn the_rights_of_the_tracking_service_are_enough() {
    what_is_listed_is_enough(ServiceName::Tracking).await;
}

#[tokio::test]
async fn the_rights_of_the_staff_lists_are_enough() {
    what_is_listed_is_enough(ServerUser::TrackingStaff).await;
}

#[tokio::test]
async fn the_staff_lists_need_each_of_their_rights() {
    each_right_is_needed(ServerUser::TrackingStaff).await;
}

#[tokio::test]
async fn the_order_service_needs_each_of_its_rights() {
    each_right_is_needed(ServiceName::Order).await;
}

#[tokio::test]
async fn a_cook_needs_each_of_its_rights() {
    each_right_is_needed(ServiceName::Kitchen).await;
}

#[tokio::test]
async fn the_tracking_service_needs_each_of_its_rights() {
    each_right_is_needed(ServiceName::Tracking).await;
}

#[tokio::test]
async fn the_rights_of_prune_are_enough() {
    what_is_listed_is_enough(ServerUser::Pruner).await;
}

#[tokio::test]
async fn prune_needs_each_of_its_rights() {
    each_right_is_needed(ServerUser::Pruner).await;
}

#[tokio::test]
async fn what_is_granted_is_what_is_listed() {
    let scene = Scene::new().await;
    for user in rights::users() {
        let role = Role::new(&scene, user).await;
        // What somebody granted by hand goes.
        scene.execute(&format!("grant all on all tables in schema public to {}", role.name)).await;
        let role = Role::new(&scene, user).await;
        let listed: BTreeSet<String> = rights::of(user)
            .unwrap()
            .iter()
            .flat_map(|(table, rights)| rights.split(", ").flat_map(move |right| each_column(right, table)))
            .collect();
        let granted: BTreeSet<String> =
            role.granted().await.into_iter().filter(|right| right.contains("on table")).collect();
        assert_eq!(granted, listed);
        role.remove().await;
    }
}

/// A listed right, column by column where it is for some only.
fn each_column(right: &str, table: &str) -> Vec<String> {
    match right.split_once(" (") {
        None => vec![format!("{right} on table {table}")],
        Some((verb, columns)) => {
            let columns = columns.trim_end_matches(')').split(',');
            columns.map(|column| format!("{verb} ({column}) on table {table}")).collect()
        }
    }
}
