//! A server that has reached its limit of connections.

use config::Http;

use crate::served::{LIVE, Served};

#[tokio::test]
async fn the_connection_that_is_idle_for_longest_is_evicted_for_a_new_one() {
    let served =
        Served::start(&Http { max_connections: 3, max_connections_per_address: 3, ..Http::default() });
    let mut clients = Vec::new();
    for last in 1..=3 {
        let mut client = served.connect_from(last).await;
        assert!(client.ask(LIVE).await.starts_with("HTTP/1.1 200"));
        clients.push(client);
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    }
    // The first one is not the quietest any more.
    assert!(clients[0].ask(LIVE).await.starts_with("HTTP/1.1 200"));
    let mut newcomer = served.connect_from(4).await;
    assert!(newcomer.ask(LIVE).await.starts_with("HTTP/1.1 200"));
    assert_eq!(clients[1].rest().await, "");
    for place in [0, 2] {
        assert!(clients[place].ask(LIVE).await.starts_with("HTTP/1.1 200"), "{place}");
    }
}

#[tokio::test]
async fn an_address_evicts_only_its_own_connections() {
    let served =
        Served::start(&Http { max_connections: 10, max_connections_per_address: 2, ..Http::default() });
    let mut other = served.connect_from(9).await;
    assert!(other.ask(LIVE).await.starts_with("HTTP/1.1 200"));
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = served.connect_from(1).await;
        assert!(client.ask(LIVE).await.starts_with("HTTP/1.1 200"));
        clients.push(client);
    }
    let mut closed = 0;
    for client in &mut clients[..3] {
        assert_eq!(client.rest().await, "");
        closed += 1;
    }
    assert_eq!(closed, 3);
    assert!(other.ask(LIVE).await.starts_with("HTTP/1.1 200"));
}
