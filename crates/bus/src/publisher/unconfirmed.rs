//! Messages between publish and confirm.

use std::collections::BTreeMap;

use amqprs::channel::BasicPublishArguments;
use deadlines::broker::CONFIRM_DEADLINE;
use telemetry::labels::PublishResult;
use telemetry::metrics::{CONFIRM_TIME, PUBLISHED, UNROUTABLE};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::rejections::Rejections;
use super::{PublishError, Request};
use crate::confirms;
use crate::message::Outgoing;
use crate::session::{Returned, Session, SessionError, rpc_within};

/// By delivery tag. A channel numbers its messages from 1.
#[derive(Default)]
pub(super) struct Unconfirmed {
    published: u64,
    waiting: BTreeMap<u64, Waiting>,
    rejections: Rejections,
}

struct Waiting {
    exchange: &'static str,
    routing_key: String,
    message_id: String,
    /// The size of its body in bytes.
    size: usize,
    published: Instant,
    deadline: Instant,
    /// Why RabbitMQ returned it, if it did. Its confirm follows.
    returned: Option<String>,
    /// `None` for a probe.
    reply: Option<Reply>,
}

type Reply = oneshot::Sender<Result<(), PublishError>>;

impl Waiting {
    fn new(
        exchange: &'static str,
        routing_key: String,
        message_id: String,
        size: usize,
        reply: Option<Reply>,
    ) -> Self {
        let published = Instant::now();
        let deadline = published + CONFIRM_DEADLINE;
        Self { exchange, routing_key, message_id, size, published, deadline, returned: None, reply }
    }

    fn is(&self, message: &Returned) -> bool {
        self.message_id == message.message_id
            && self.routing_key == message.routing_key
            && self.exchange == message.exchange
    }

    /// The publisher may no longer wait for the answer.
    fn answer(self, result: Result<(), PublishError>) {
        if let Some(reply) = self.reply {
            count(&result);
            let _ = reply.send(result);
        }
    }
}

/// Counts what became of a message that was to be published.
pub(super) fn count(result: &Result<(), PublishError>) {
    PUBLISHED.of(label(result)).inc();
    if matches!(result, Err(PublishError::Unroutable(_))) {
        UNROUTABLE.inc();
    }
}

fn label(result: &Result<(), PublishError>) -> PublishResult {
    match result {
        Ok(()) => PublishResult::Confirmed,
        Err(PublishError::Unroutable(_)) => PublishResult::Unroutable,
        Err(why) if why.is_refusal() => PublishResult::Rejected,
        Err(_) => PublishResult::Unconfirmed,
    }
}

impl Unconfirmed {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The routing key whose messages are rejected for longest, and since when.
    pub(super) fn rejected_for_longest(&self) -> Option<(&str, Instant)> {
        self.rejections.longest()
    }

    /// The deadline of the oldest message.
    pub(super) fn deadline(&self) -> Instant {
        self.waiting.first_key_value().map_or_else(Instant::now, |(_, oldest)| oldest.deadline)
    }

    /// Publishes the messages in order. After a failure the rest is not published, and its outcome
    /// is unknown, like that of everything on this session.
    pub(super) async fn publish_all(
        &mut self,
        session: &Session,
        requests: impl Iterator<Item = Request>,
    ) -> Result<(), SessionError> {
        for request in requests {
            self.publish(session, request).await?;
        }
        Ok(())
    }

    /// Publishes a probe. Its confirm shows that RabbitMQ accepts messages.
    pub(super) async fn publish_probe(&mut self, session: &Session) -> Result<(), SessionError> {
        let Outgoing { exchange, routing_key, message_id, mut properties, body, .. } = Outgoing::probe();
        session.sign(&mut properties);
        let arguments = BasicPublishArguments::new(exchange, &routing_key);
        let sending = session.channel.basic_publish(properties, body, arguments);
        rpc_within(CONFIRM_DEADLINE, "publishing", sending).await?;
        self.add(Waiting::new(exchange, routing_key, message_id, 0, None));
        Ok(())
    }

    fn add(&mut self, waiting: Waiting) {
        self.published += 1;
        self.waiting.insert(self.published, waiting);
    }

    /// Sets `mandatory` if that can be, so that RabbitMQ returns an unroutable message instead of
    /// dropping it.
    async fn publish(
        &mut self,
        session: &Session,
        Request { message, reply }: Request,
    ) -> Result<(), SessionError> {
        let is_mandatory = message.is_mandatory();
        let Outgoing { exchange, routing_key, message_id, mut properties, body, .. } = message;
        session.sign(&mut properties);
        let arguments = BasicPublishArguments::new(exchange, &routing_key).mandatory(is_mandatory).finish();
        let size = body.len();
        match timeout(CONFIRM_DEADLINE, session.channel.basic_publish(properties, body, arguments)).await {
            Ok(Ok(())) => {
                self.add(Waiting::new(exchange, routing_key, message_id, size, Some(reply)));
                Ok(())
            }
            Ok(Err(why)) => {
                count(&Err(PublishError::Lost));
                let _ = reply.send(Err(PublishError::Lost));
                Err(SessionError::Call { doing: "publishing".to_owned(), why })
            }
            Err(_) => {
                count(&Err(PublishError::NotConfirmed));
                let _ = reply.send(Err(PublishError::NotConfirmed));
                Err(SessionError::Timeout { doing: "publishing".to_owned(), after: CONFIRM_DEADLINE })
            }
        }
    }

    /// RabbitMQ returns messages in publishing order. Of several with the same id and route, it is
    /// the first that was not returned yet.
    pub(super) fn returned(&mut self, message: Returned) {
        let mut same = self.waiting.values_mut().filter(|waiting| waiting.is(&message));
        if let Some(waiting) = same.find(|waiting| waiting.returned.is_none()) {
            waiting.returned = Some(message.reason);
        }
    }

    /// Returns whether one of the messages is sent now.
    pub(super) fn settle(&mut self, tag: u64, multiple: bool, confirmed: bool) -> bool {
        let (mut is_sent, now) = (false, Instant::now());
        for mut waiting in confirms::take(&mut self.waiting, tag, multiple).into_values() {
            let answer = match waiting.returned.take() {
                Some(reason) => Err(PublishError::Unroutable(reason)),
                None if confirmed => {
                    self.rejections.confirmed(&waiting.routing_key);
                    Ok(())
                }
                None => {
                    self.rejections.rejected(&waiting.routing_key, now);
                    Err(PublishError::Rejected)
                }
            };
            is_sent |= answer.is_ok() && waiting.reply.is_some();
            if waiting.reply.is_some() {
                CONFIRM_TIME.observe_time(now - waiting.published);
            }
            waiting.answer(answer);
        }
        is_sent
    }

    /// Fails the messages above the size limit. The others fail only because the session ends.
    pub(super) fn fail_larger_than(&mut self, limit: usize) {
        let (larger, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, waiting)| waiting.size > limit);
        self.waiting = others;
        for waiting in larger.into_values() {
            let size = waiting.size;
            waiting.answer(Err(PublishError::TooLarge { size, limit }));
        }
    }

    /// Fails the messages whose deadline has passed. One hanging queue must not fail the others.
    pub(super) fn fail_late(&mut self) {
        let now = Instant::now();
        let (late, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, waiting)| waiting.deadline <= now);
        self.waiting = others;
        for waiting in late.into_values() {
            waiting.answer(Err(PublishError::NotConfirmed));
        }
    }

    /// Fails all messages: this session will not reveal their outcome.
    pub(super) fn fail(&mut self, why: &PublishError) {
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            waiting.answer(Err(why.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = oneshot::Receiver<Result<(), PublishError>>;

    fn unconfirmed(count: u64) -> (Unconfirmed, Vec<Answer>) {
        let mut unconfirmed = Unconfirmed::default();
        let answers = (1..=count)
            .map(|tag| {
                let (reply, answer) = oneshot::channel();
                unconfirmed.add(waiting(tag, reply));
                answer
            })
            .collect();
        (unconfirmed, answers)
    }

    /// With the tag as id, as routing key and as size.
    fn waiting(tag: u64, reply: Reply) -> Waiting {
        let size = usize::try_from(tag).unwrap_or(0);
        Waiting::new("", tag.to_string(), tag.to_string(), size, Some(reply))
    }

    fn returned(message_id: &str, routing_key: &str) -> Returned {
        let [message_id, routing_key] = [message_id, routing_key].map(str::to_owned);
        Returned { message_id, exchange: String::new(), routing_key, reason: "NO_ROUTE".to_owned() }
    }

    fn results(answers: &mut [Answer]) -> Vec<Option<Result<(), PublishError>>> {
        answers.iter_mut().map(|answer| answer.try_recv().ok()).collect()
    }

    #[test]
    fn multiple_settles_all_up_to_the_tag_that_are_still_open() {
        let (mut unconfirmed, mut answers) = unconfirmed(5);
        unconfirmed.settle(2, false, false);
        unconfirmed.settle(4, true, true);
        assert_eq!(
            results(&mut answers),
            [Some(Ok(())), Some(Err(PublishError::Rejected)), Some(Ok(())), Some(Ok(())), None]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn those_whose_time_is_not_over_fail_with_the_session_and_not_before() {
        let (mut unconfirmed, mut answers) = unconfirmed(2);
        tokio::time::advance(CONFIRM_DEADLINE / 2).await;
        let (reply, answer) = oneshot::channel();
        unconfirmed.add(waiting(3, reply));
        answers.push(answer);
        tokio::time::advance(CONFIRM_DEADLINE / 2).await;
        unconfirmed.fail_late();
        let late = Some(Err(PublishError::NotConfirmed));
        assert_eq!(results(&mut answers), [late.clone(), late, None]);
    }

    #[test]
    fn a_returned_message_is_not_sent_although_it_is_confirmed() {
        let (mut unconfirmed, mut answers) = unconfirmed(2);
        unconfirmed.returned(returned("1", "1"));
        unconfirmed.settle(2, true, true);
        assert_eq!(
            results(&mut answers),
            [Some(Err(PublishError::Unroutable("NO_ROUTE".to_owned()))), Some(Ok(()))]
        );
    }

    #[test]
    fn of_messages_with_the_same_id_the_one_with_the_same_route_is_returned() {
        let (mut unconfirmed, mut answers) = unconfirmed(2);
        for waiting in unconfirmed.waiting.values_mut() {
            waiting.message_id.clear();
        }
        unconfirmed.returned(returned("", "2"));
        unconfirmed.settle(2, true, true);
        let returned = Err(PublishError::Unroutable("NO_ROUTE".to_owned()));
        assert_eq!(results(&mut answers), [Some(Ok(())), Some(returned)]);
    }

    #[test]
    fn of_messages_with_the_same_id_each_is_returned() {
        let (mut unconfirmed, mut answers) = unconfirmed(3);
        for waiting in unconfirmed.waiting.values_mut() {
            waiting.message_id.clear();
            waiting.routing_key.clear();
        }
        for _ in 0..2 {
            unconfirmed.returned(returned("", ""));
        }
        unconfirmed.settle(3, true, true);
        let returned = Some(Err(PublishError::Unroutable("NO_ROUTE".to_owned())));
        assert_eq!(results(&mut answers), [returned.clone(), returned, Some(Ok(()))]);
    }

    #[test]
    fn only_what_is_too_large_is_refused_for_its_size() {
        let (mut unconfirmed, mut answers) = unconfirmed(3);
        unconfirmed.fail_larger_than(2);
        unconfirmed.fail(&PublishError::Lost);
        let lost = || Some(Err(PublishError::Lost));
        let too_large = Some(Err(PublishError::TooLarge { size: 3, limit: 2 }));
        assert_eq!(results(&mut answers), [lost(), lost(), too_large]);
    }

    #[test]
    fn a_late_confirm_of_what_was_given_up_is_passed_over() {
        let (mut unconfirmed, mut answers) = unconfirmed(2);
        unconfirmed.fail(&PublishError::Blocked(String::new()));
        let (reply, mut answer) = oneshot::channel();
        unconfirmed.add(waiting(3, reply));
        unconfirmed.settle(2, true, true);
        assert_eq!(results(&mut answers)[0], Some(Err(PublishError::Blocked(String::new()))));
        assert!(answer.try_recv().is_err(), "another message's confirm");
        unconfirmed.settle(3, false, true);
        assert_eq!(answer.try_recv(), Ok(Ok(())));
    }

    #[test]
    fn a_lost_session_fails_everybody_who_waits() {
        let (mut unconfirmed, mut answers) = unconfirmed(2);
        unconfirmed.fail(&PublishError::Lost);
        assert!(unconfirmed.is_empty());
        assert_eq!(results(&mut answers), [Some(Err(PublishError::Lost)), Some(Err(PublishError::Lost))]);
    }
}
