//! A primary goes, and its standby is promoted: who knows both goes on by itself.

use db::connect_error::UnsuitableServer;
use db::{Access, Database, DbError};
use testkit::{PrimaryAndStandby, eventually};

use crate::scene::{migrated, open, place};

#[tokio::test]
async fn whoever_is_promoted_is_found() {
    let mut servers = PrimaryAndStandby::start().await;
    let mut stage = servers.stage().await;
    migrated(&stage).await;
    let settings = config::Database { host: servers.hosts(), ..stage.database_settings() };
    let writer = open(&settings);
    place(&writer).await.unwrap();
    let reader = Database::new(&settings, "test", Access::ReadPrimary).unwrap();
    reader.ping().await.unwrap();

    servers.primary.kill();
    // The first session finds it broken, the next one only a standby.
    eventually("the standby to be refused", async || {
        let why = place(&writer).await.unwrap_err();
        assert!(!why.is_permanent(), "{why:?}");
        matches!(why, DbError::UnsuitableServer { why: UnsuitableServer::ReadOnly, .. }).then_some(())
    })
    .await;
    assert!(writer.takes_writes().await.is_err());
    let by_chance = Database::for_reading(&settings, "test").await.unwrap();
    by_chance.ping().await.expect("a standby is better than nothing");

    servers.promote().await;
    stage.servers.postgres = servers.standby_address();
    place(&writer).await.unwrap();
    writer.takes_writes().await.unwrap();
    reader.ping().await.unwrap();
}
