//! `roles`: which services get a role, and which do not.

use db::roles::{self, Account, RoleError, Surplus, ensure};
use db::{Access, Database, DbError, schema};
use domain::{ServerUser, ServiceName};

use crate::scene::Scene;

const ORDER: Account = Account { user: ServerUser::Service(ServiceName::Order), password: None };

impl Scene {
    fn role(&self) -> String {
        roles::name(&self.stage.name, ServiceName::Order)
    }

    /// The database for another user.
    fn as_user(&self, user: &str, password: &str) -> Database {
        let mut settings = self.stage.database_settings();
        user.clone_into(&mut settings.user);
        settings.password = password.to_owned().into();
        Database::new(&settings, "test", Access::ReadWrite).unwrap()
    }

    async fn drop_role(&self, role: &str) {
        self.execute(&format!("drop owned by {role}; drop role {role}")).await;
    }
}

#[tokio::test]
async fn a_role_without_a_password_cannot_log_in_and_one_that_has_one_keeps_it() {
    let scene = Scene::new().await;
    let role = scene.role();
    let with = |password: &str| [Account { password: Some(password.to_owned().into()), ..ORDER }];
    assert!(!roles::exists(&scene.db, &role).await.unwrap());
    ensure(&scene.db, &[ORDER], Surplus::Revoked).await.unwrap();
    assert!(roles::exists(&scene.db, &role).await.unwrap());
    let why = scene.as_user(&role, "").ping().await.unwrap_err();
    assert!(matches!(why, DbError::Refused { .. } | DbError::Unreachable { .. }), "{why:?}");
    ensure(&scene.db, &with("one"), Surplus::Revoked).await.unwrap();
    ensure(&scene.db, &[ORDER], Surplus::Revoked).await.unwrap();
    scene.as_user(&role, "one").ping().await.unwrap();
    ensure(&scene.db, &with("another"), Surplus::Revoked).await.unwrap();
    let why = scene.as_user(&role, "one").ping().await.unwrap_err();
    assert!(matches!(why, DbError::Refused { .. }), "{why:?}");
    scene.as_user(&role, "another").ping().await.unwrap();
    scene.drop_role(&role).await;
}

#[tokio::test]
async fn a_role_that_can_do_more_is_named_with_its_power_and_nothing_is_changed() {
    let scene = Scene::new().await;
    let role = scene.role();
    let other = format!("{}_other", scene.stage.name);
    scene.execute(&format!("create role {other}")).await;
    for (grant, take_back, named) in [
        ("alter role ROLE superuser", "alter role ROLE nosuperuser", "is a superuser"),
        ("alter role ROLE createdb", "alter role ROLE nocreatedb", "may create roles or databases"),
        ("alter role ROLE createrole", "alter role ROLE nocreaterole", "may create roles or databases"),
        ("alter role ROLE bypassrls", "alter role ROLE nobypassrls", "may pass by row security"),
        ("alter role ROLE replication", "alter role ROLE noreplication", "or replicate"),
        ("grant OTHER to ROLE", "revoke OTHER from ROLE", "is a member of other roles"),
        ("create table own (); alter table own owner to ROLE", "drop table own", "owns tables"),
    ] {
        let of_role = |sql: &str| sql.replace("ROLE", &role).replace("OTHER", &other);
        scene.execute(&format!("create role {role}; {}", of_role(grant))).await;
        let why = ensure(&scene.db, &[ORDER], Surplus::Revoked).await.unwrap_err();
        let RoleError::TooPowerful { name, power } = why else { panic!("{grant}: {why:?}") };
        assert!(name == role && power.contains(named), "{grant}: {name} {power}");
        let rights =
            format!("information_schema.role_table_grants where grantee = '{role}' and table_name <> 'own'");
        assert_eq!(scene.count(&rights).await, 0, "{grant}");
        scene.execute(&of_role(take_back)).await;
        ensure(&scene.db, &[ORDER], Surplus::Revoked).await.unwrap();
        scene.drop_role(&role).await;
    }
    scene.execute(&format!("drop role {other}")).await;
}

#[tokio::test]
async fn of_several_roles_all_are_made_or_none() {
    let scene = Scene::new().await;
    let kitchen = roles::name(&scene.stage.name, ServiceName::Kitchen);
    scene.execute(&format!("create role {kitchen} createdb")).await;
    let accounts = [ORDER, Account { user: ServiceName::Kitchen.into(), password: None }];
    ensure(&scene.db, &accounts, Surplus::Revoked).await.unwrap_err();
    assert!(!roles::exists(&scene.db, &scene.role()).await.unwrap());
    scene.drop_role(&kitchen).await;
}

#[tokio::test]
async fn who_may_make_no_roles_is_told_so() {
    let scene = Scene::new().await;
    let user = format!("{}_user", scene.stage.name);
    scene.execute(&format!("create role {user} login password 'a password'")).await;
    let why = ensure(&scene.as_user(&user, "a password"), &[ORDER], Surplus::Revoked).await.unwrap_err();
    assert!(matches!(why, RoleError::NoCreaterole), "{why:?}");
    // CREATEROLE does not allow granting rights on other users' tables.
    scene.execute(&format!("alter role {user} createrole")).await;
    let why = ensure(&scene.as_user(&user, "a password"), &[ORDER], Surplus::Revoked).await.unwrap_err();
    assert!(matches!(why, RoleError::NotAllowed(_)), "{why:?}");
    assert!(!roles::exists(&scene.db, &scene.role()).await.unwrap());
    scene.drop_role(&user).await;
}

#[tokio::test]
async fn a_name_that_would_be_cut_is_refused() {
    let scene = Scene::new().await;
    let long = format!("{}_{}", scene.stage.name, "x".repeat(40));
    scene.execute(&format!("create database {long}")).await;
    let settings = config::Database { database: long.clone(), ..scene.stage.database_settings() };
    let db = Database::new(&settings, "test", Access::ReadWrite).unwrap();
    schema::migrate(&db).await.unwrap();
    let why = ensure(&db, &[ORDER], Surplus::Revoked).await.unwrap_err();
    scene.execute(&format!("drop database {long} with (force)")).await;
    let RoleError::TooLong { name } = why else { panic!("{why:?}") };
    assert_eq!(name, format!("{long}_order"));
}

#[tokio::test]
async fn nobody_may_make_tables_any_more_but_their_owner() {
    let scene = Scene::new().await;
    let user = format!("{}_user", scene.stage.name);
    scene.execute(&format!("grant create on schema public to public; create role {user}")).await;
    let may = format!(
        "select has_schema_privilege('{user}', 'public', 'create')
                or has_database_privilege('{user}', '{}', 'temporary')",
        scene.stage.name
    );
    assert_eq!(scene.value(&may).await, true);
    ensure(&scene.db, &[ORDER], Surplus::Revoked).await.unwrap();
    assert_eq!(scene.value(&may).await, false);
    scene.drop_role(&user).await;
    scene.drop_role(&scene.role()).await;
}
