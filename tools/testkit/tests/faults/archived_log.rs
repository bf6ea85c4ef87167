//! The log of PostgreSQL outside of its own disk: each whole file by `archive_command`, and each
//! commit by `pg_receivewal`, as `docs/operations.md` says.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use testkit::database::Database;
use testkit::wait::within;
use testkit::{Stage, eventually};
use tokio::process::Child;

/// The receiver's name to the server, and that of its slot.
const RECEIVER: &str = "receiver";
/// The extension of the file that the receiver still writes to.
const PARTIAL: &str = "partial";

/// A log that survives the server.
pub struct ArchivedLog {
    /// Where the server copies each whole file to.
    archive: PathBuf,
    /// Where the receiver writes everything to. A commit waits for it.
    received: PathBuf,
    receiver: Child,
}

impl ArchivedLog {
    /// Lets the server archive its log below this folder, and each commit wait until it is there.
    pub async fn start(stage: &mut Stage, folder: &Path) -> Self {
        let [archive, received] = ["archive", "received"].map(|name| folder.join(name));
        for place in [&archive, &received] {
            std::fs::create_dir_all(place).unwrap();
            // The server may run as another user.
            std::fs::set_permissions(place, Permissions::from_mode(0o777)).unwrap();
        }
        let admin = Database::admin(&stage.servers.postgres).await;
        admin.execute("alter system set archive_mode = 'on'").await;
        let to = archive.display();
        let command = format!("test ! -f {to}/%f && cp %p {to}/%f.new && mv {to}/%f.new {to}/%f");
        admin.execute(&format!("alter system set archive_command = '{command}'")).await;
        drop(admin);
        stage.own_servers().postgres.restart().await.unwrap_or_else(|why| panic!("{why}"));

        let admin = Database::admin(&stage.servers.postgres).await;
        admin.execute(&format!("select pg_create_physical_replication_slot('{RECEIVER}', true)")).await;
        let mut command = stage.own_servers().postgres.admin().client("pg_receivewal", "postgres");
        command
            .arg(format!("--dbname=application_name={RECEIVER}"))
            .arg(format!("--slot={RECEIVER}"))
            // It ends with the server: what is restored is another one.
            .args(["--synchronous", "--no-loop", "--no-password"])
            .arg("--directory")
            .arg(&received)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let process = command.spawn().unwrap();
        admin.execute(&format!("alter system set synchronous_standby_names = '{RECEIVER}'")).await;
        // Otherwise commits of the test itself wait for nothing: its servers are made for speed.
        admin.execute("alter system set synchronous_commit = 'on'").await;
        admin.execute("select pg_reload_conf()").await;
        let waits = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        eventually("commits to wait for the receiver", async || {
            (admin.value(waits).await == 1).then_some(())
        })
        .await;
        Self { archive, received, receiver: process }
    }

    /// Ends the present file of the log, and waits until the archive has it.
    pub async fn has_a_whole_file(&self, database: &Database) {
        let name = database.value("select pg_walfile_name(pg_switch_wal()) as name").await;
        let file = self.archive.join(name.as_str().unwrap());
        eventually("a file of the log in the archive", async || file.is_file().then_some(())).await;
    }

    /// The lines of `postgresql.auto.conf` with which a backup replays the log, once the server is
    /// gone.
    pub async fn settings_for_recovery(mut self) -> String {
        within("the end of the receiver", self.receiver.wait()).await.unwrap();
        for entry in std::fs::read_dir(&self.received).unwrap() {
            let path = entry.unwrap().path();
            // They belong to the receiver's user, and are closed to the server's.
            std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
            // It has its whole length already; nothing but zeros follows the last commit.
            if path.extension().is_some_and(|extension| extension == PARTIAL) {
                std::fs::rename(&path, path.with_extension("")).unwrap();
            }
        }
        let (archive, received) = (self.archive.display(), self.received.display());
        format!(
            "restore_command = 'cp {archive}/%f %p || cp {received}/%f %p'\n\
             synchronous_standby_names = ''\n"
        )
    }
}
