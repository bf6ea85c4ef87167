//! A run that is interrupted leaves everything consistent, and the next one goes on.

use testkit::{Service, Signal, eventually};

use crate::scene::{OLD, Scene};

const PAST: u32 = 30_000;

impl Scene {
    /// Starts to prune, and waits until some orders are gone and some are not.
    async fn half_pruned(&self) -> Service {
        let going = format!("orders where status = 'completed' and {OLD}");
        let all = self.count(&going).await;
        let pruning = self.prune(&["--yes"]).start().await;
        eventually("some orders to be gone", async || (self.count(&going).await < all).then_some(())).await;
        pruning
    }
}

#[tokio::test]
async fn it_goes_on_where_it_was() {
    let scene = Scene::with_past(PAST, 10).await;
    let mut killed = scene.half_pruned().await;
    killed.kill().await;
    scene.numbers_are_whole().await;
    scene.audit_is_well().await;

    let mut stopped = scene.half_pruned().await;
    stopped.signal(Signal::INT);
    let status = stopped.wait().await;
    let said = stopped.everything();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("interrupted: Removed ") && said.contains("the same command goes on"), "{said}");
    scene.numbers_are_whole().await;
    scene.audit_is_well().await;

    let left = scene.count(&format!("orders where status = 'completed' and {OLD}")).await;
    assert_ne!(left, 0, "too fast to be interrupted");
    let done = scene.pruned(&["--yes"]).await;
    assert_eq!(done["completed"], left);
    assert_eq!(scene.count(&format!("orders where status in ('completed', 'cancelled') and {OLD}")).await, 0);
    scene.numbers_are_whole().await;
    scene.audit_is_well().await;
}
