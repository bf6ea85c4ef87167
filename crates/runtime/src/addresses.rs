//! Finds a reachable address of a server.
//!
//! A name may have several addresses, and a setting several names. Some of them may drop packets.
//! Each address gets a share of the deadline before the next one is tried in parallel (as in RFC
//! 8305).

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use config::parse_hosts;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rand::seq::SliceRandom;
use tokio::net::lookup_host;
use tokio::time::{Instant, sleep_until};

/// Longest time before the next address is tried as well (RFC 8305, section 8, recommends it). A
/// working server answers sooner.
const MAX_SHARE: Duration = Duration::from_millis(250);
/// How long further names are looked up once one address is known: a silent name server must not
/// use up the time for connecting.
const MAX_LOOKUP: Duration = Duration::from_secs(1);
/// The largest number of addresses that are tried, so that each gets a useful share of the time.
const MAX_ADDRESSES: usize = 16;

/// An address, and the name for which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name, or the address as it was written.
    pub host: String,
    /// The address.
    pub address: SocketAddr,
}

/// The addresses of a setting in the form of [`parse_hosts`], in the same sequence. A name that
/// cannot be resolved is skipped if another one can.
///
/// # Errors
/// No name can be resolved.
pub async fn resolve(setting: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for Found { address, .. } in resolve_named(setting, port).await? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Like [`resolve`], with the name of each: a certificate is for a name. One address that has two
/// names is found for both.
///
/// # Errors
/// No name can be resolved.
pub async fn resolve_named(setting: &str, port: u16) -> io::Result<Vec<Found>> {
    let hosts = parse_hosts(setting, port).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    resolve_by(hosts, async |host, port| lookup_host((host.as_str(), port)).await.map(Iterator::collect))
        .await
}

/// Like [`resolve_named`]. All names are looked up in parallel.
async fn resolve_by(
    hosts: Vec<(String, u16)>,
    look_up: impl AsyncFn(String, u16) -> io::Result<Vec<SocketAddr>>,
) -> io::Result<Vec<Found>> {
    let most_of_one = MAX_ADDRESSES.div_ceil(hosts.len().max(1));
    let mut found = vec![Vec::new(); hosts.len()];
    let mut failure = None;
    let mut until = None;
    let look_up = &look_up;
    let mut under_way: FuturesUnordered<_> = hosts
        .into_iter()
        .zip(&mut found)
        .map(async |((host, port), place)| {
            let addresses = look_up(host.clone(), port).await?;
            let found = addresses.into_iter().take(most_of_one);
            place.extend(found.map(|address| Found { host: host.clone(), address }));
            Ok::<(), io::Error>(())
        })
        .collect();
    loop {
        let patience = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = under_way.next() => match ended {
                Some(Ok(())) => until = until.or(Some(Instant::now() + MAX_LOOKUP)),
                Some(Err(why)) => failure = Some(why),
                None => break,
            },
            () = patience => break,
        }
    }
    drop(under_way);
    let mut all = Vec::new();
    for each in found.into_iter().flatten() {
        if !all.contains(&each) && all.len() < MAX_ADDRESSES {
            all.push(each);
        }
    }
    if all.is_empty() {
        return Err(failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok(all)
}

/// The same addresses in random order: for servers of which each one will do.
pub fn shuffled(mut found: Vec<Found>) -> Vec<Found> {
    found.shuffle(&mut rand::rng());
    found
}

/// Tries each address in turn, and returns the first success. After a failure the next address is
/// tried at once. After its share of the time a silent address is kept, and the next one is tried
/// in parallel.
///
/// # Errors
/// The errors of all addresses that answered. Empty if none answered in time.
pub async fn first_to_answer<A, T, E: Debug, Attempt>(
    addresses: Vec<A>,
    within: Duration,
    attempt: impl Fn(A) -> Attempt,
) -> Result<T, Vec<E>>
where
    Attempt: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + within;
    let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let share = (within / count).min(MAX_SHARE);
    let mut untried = addresses.into_iter();
    let mut under_way = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        under_way.extend(untried.next().map(&attempt));
        let until = if untried.len() == 0 { deadline } else { deadline.min(Instant::now() + share) };
        tokio::select! {
            ended = under_way.next() => match ended {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(why)) => failures.push(why),
                None => return Err(failures),
            },
            () = sleep_until(until) => if until == deadline { return Err(failures) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(count: u16) -> Vec<SocketAddr> {
        (1..=count).map(|port| ([127, 0, 0, 1], port).into()).collect()
    }

    #[tokio::test]
    async fn what_is_known_is_found_beside_what_is_not() {
        let found = resolve("nobody.invalid,127.0.0.1:2,127.0.0.1:2", 1).await.unwrap();
        assert_eq!(found, [SocketAddr::from(([127, 0, 0, 1], 2))]);
        assert!(resolve("nobody.invalid", 1).await.is_err());
    }

    #[test]
    fn every_address_is_first_now_and_then_and_none_is_lost() {
        let found = |port: u16| Found { host: "broker".to_owned(), address: ([127, 0, 0, 1], port).into() };
        let all: Vec<_> = (1..=3).map(found).collect();
        let mut first = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut shuffled = shuffled(all.clone());
            first.extend(shuffled.first().map(|found| found.address.port()));
            shuffled.sort_by_key(|found| found.address.port());
            assert_eq!(shuffled, all);
        }
        assert_eq!(first.len(), all.len());
    }

    #[tokio::test]
    async fn an_address_with_two_names_is_found_for_both() {
        let found = resolve_named("127.0.0.1:2,localhost:2,127.0.0.1:2", 1).await.unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 2));
        for host in ["127.0.0.1", "localhost"] {
            let same = found.iter().filter(|each| **each == Found { host: host.to_owned(), address });
            assert_eq!(same.count(), 1, "{host}: {found:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_nobody_answers_for_keeps_no_other_from_being_known() {
        let hosts = ["silent", "first", "second"].map(|name| (name.to_owned(), 5)).to_vec();
        let start = Instant::now();
        let found = resolve_by(hosts, async |host, port| match host.as_str() {
            "first" => Ok((1..100).map(|last| ([10, 0, 0, last], port).into()).collect()),
            "second" => Ok(vec![([10, 0, 1, 1], port).into()]),
            _ => std::future::pending().await,
        })
        .await
        .unwrap();
        assert_eq!(start.elapsed(), MAX_LOOKUP);
        let named = |host: &str, ip: [u8; 4]| Found { host: host.to_owned(), address: (ip, 5).into() };
        assert_eq!(found.first(), Some(&named("first", [10, 0, 0, 1])));
        assert!(found.contains(&named("second", [10, 0, 1, 1])), "crowded out: {found:?}");
        assert!(found.len() <= MAX_ADDRESSES);
    }

    #[tokio::test(start_paused = true)]
    async fn silent_addresses_take_their_share_and_no_more() {
        let start = Instant::now();
        let answer: Result<u16, Vec<()>> =
            first_to_answer(addresses(3), Duration::from_secs(6), async |address: SocketAddr| {
                if address.port() < 3 { std::future::pending().await } else { Ok(address.port()) }
            })
            .await;
        assert_eq!((answer, start.elapsed()), (Ok(3), 2 * MAX_SHARE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_of_an_earlier_address_counts() {
        let answer: Result<u16, Vec<()>> =
            first_to_answer(addresses(2), Duration::from_secs(6), async |address: SocketAddr| {
                tokio::time::sleep(Duration::from_secs(3) * u32::from(address.port())).await;
                Ok(address.port())
            })
            .await;
        assert_eq!(answer, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_make_room_at_once_and_all_are_returned() {
        let start = Instant::now();
        let answer: Result<(), Vec<u16>> =
            first_to_answer(addresses(3), Duration::from_secs(6), async |address: SocketAddr| {
                Err(address.port())
            })
            .await;
        assert_eq!((answer, start.elapsed()), (Err(vec![1, 2, 3]), Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_is_for_all_of_them() {
        let start = Instant::now();
        let answer: Result<(), Vec<()>> =
            first_to_answer(addresses(3), Duration::from_secs(6), async |_| std::future::pending().await)
                .await;
        assert_eq!((answer, start.elapsed()), (Err(vec![]), Duration::from_secs(6)));
    }
}
