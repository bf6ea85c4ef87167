//! Whether the server is the restored one. One that has orders of its own is never touched.

use std::path::Path;

use db::restoring::RestoredServer;
use runtime::Exit;

use crate::backup_folder::{Manifest, POSTGRESQL};

/// The server runs on the data of this backup.
pub(super) fn is_of_the_backup(
    server: &RestoredServer,
    manifest: &Manifest,
    folder: &Path,
) -> Result<(), Exit> {
    does_not_replay(server)?;
    if server.restored_from.as_deref() == Some(manifest.id.as_str()) {
        return has_tables(server, &manifest.postgresql.database);
    }
    let how = format!(
        "stop PostgreSQL, put '{}' in the place of its data folder, owned by its user, start it, and run this again",
        folder.join(POSTGRESQL).display()
    );
    if let Some(other) = &server.restored_from {
        return refused(&format!(
            "the server was restored from another backup, {other}, and this folder is the backup {}. If that one is meant: name its \
             folder, whose manifest.json has this id. If this backup is to take its place: {how}",
            manifest.id
        ));
    }
    if !server.has_orders {
        return refused(&format!("the database is empty, and a backup is a whole server: {how}"));
    }
    let whose = if server.system_identifier == manifest.postgresql.system_identifier {
        "the server is the one that the backup was taken of, and lived on: it is not empty"
    } else {
        "the server is another one, with orders of its own: it is not empty"
    };
    refused(&format!("{whose}. If the backup is to take its place: {how}"))
}

/// Another program may have restored the server.
pub(super) fn may_be_of_another_program(server: &RestoredServer) -> Result<(), Exit> {
    does_not_replay(server)?;
    has_tables(server, "of the restaurant")
}

fn does_not_replay(server: &RestoredServer) -> Result<(), Exit> {
    if !server.is_recovering {
        return Ok(());
    }
    refused(
        "PostgreSQL still replays its log, or is a standby: wait until it has ended (pg_wal_replay_resume() if it pauses at \
         its recovery target), and run this again",
    )
}

fn has_tables(server: &RestoredServer, database: &str) -> Result<(), Exit> {
    if server.has_tables {
        return Ok(());
    }
    if server.has_orders {
        return refused(
            "the schema is older than restores are (version 20): run 'restaurant-ctl migrate' first, and this again",
        );
    }
    refused(&format!(
        "the tables are not where this user looks: name the database {database} (DB_NAME) and the owner of its tables \
         (DB_USER)"
    ))
}

fn refused(why: &str) -> Result<(), Exit> {
    Err(Exit::Failed(format!("nothing was changed: {why}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest::example(Vec::new())
    }

    fn restored() -> RestoredServer {
        RestoredServer {
            system_identifier: "77".to_owned(),
            restored_from: Some("an-id".to_owned()),
            is_recovering: false,
            is_fenced: true,
            has_tables: true,
            has_orders: true,
        }
    }

    fn why(server: &RestoredServer) -> String {
        match is_of_the_backup(server, &manifest(), Path::new("/b")) {
            Ok(()) => String::new(),
            Err(Exit::Failed(text)) => text,
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn only_the_restored_server_is_touched() {
        assert_eq!(why(&restored()), "");
        assert_eq!(why(&RestoredServer { is_fenced: false, ..restored() }), "", "a repetition");
        let of_none = RestoredServer { restored_from: None, is_fenced: false, ..restored() };
        assert!(why(&of_none).contains("lived on"));
        let stranger = RestoredServer { system_identifier: "78".to_owned(), ..of_none.clone() };
        assert!(why(&stranger).contains("another one"));
        let empty = RestoredServer { has_orders: false, has_tables: false, ..of_none };
        assert!(why(&empty).contains("is empty") && why(&empty).contains("/b/postgresql"));
        let other = RestoredServer { restored_from: Some("another".to_owned()), ..restored() };
        let cause = "restored from another backup, another, and this folder is the backup an-id";
        assert!(why(&other).contains(cause) && why(&other).contains("/b/postgresql"), "{}", why(&other));
        assert!(why(&RestoredServer { is_recovering: true, ..restored() }).contains("replays"));
        let elsewhere = RestoredServer { has_tables: false, has_orders: false, ..restored() };
        assert!(why(&elsewhere).contains("DB_NAME"));
    }

    #[test]
    fn of_what_another_program_restored_less_is_known() {
        let by_another = RestoredServer { restored_from: None, is_fenced: false, ..restored() };
        assert!(may_be_of_another_program(&by_another).is_ok());
        let recovering = RestoredServer { is_recovering: true, ..by_another.clone() };
        assert!(may_be_of_another_program(&recovering).is_err());
        let old = RestoredServer { has_tables: false, ..by_another };
        let Err(Exit::Failed(text)) = may_be_of_another_program(&old) else { unreachable!() };
        assert!(text.contains("restaurant-ctl migrate"), "{text}");
    }
}
