//! Messages between publish and confirm.

use std::collections::BTreeMap;

use amqprs::channel::BasicPublishArguments;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::{CONFIRM_DEADLINE, PublishError, Request};
use crate::session::{Session, SessionError};

/// By delivery tag: the channel counts them from 1.
#[derive(Default)]
pub(super) struct Unconfirmed {
    published: u64,
    waiting: BTreeMap<u64, Waiting>,
}

struct Waiting {
    message_id: String,
    deadline: Instant,
    /// Why it came back, if it did; its confirm comes right after.
    returned: Option<String>,
    reply: oneshot::Sender<Result<(), PublishError>>,
}

impl Unconfirmed {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// When the oldest message should have been confirmed.
    pub(super) fn deadline(&self) -> Instant {
        self.waiting.first_key_value().map_or_else(Instant::now, |(_, oldest)| oldest.deadline)
    }

    /// One behind the other. After a failure the rest is not published, and whoever waits for it hears that its fate is not
    /// known, as of everything else on this session.
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

    /// Mandatory, so that a message that no queue takes comes back instead of vanishing.
    async fn publish(
        &mut self,
        session: &Session,
        Request { message, reply }: Request,
    ) -> Result<(), SessionError> {
        let arguments =
            BasicPublishArguments::new(message.exchange, &message.routing_key).mandatory(true).finish();
        let sending = session.channel.basic_publish(message.properties, message.body, arguments);
        match timeout(CONFIRM_DEADLINE, sending).await {
            Ok(Ok(())) => {
                self.published += 1;
                let deadline = Instant::now() + CONFIRM_DEADLINE;
                self.waiting.insert(
                    self.published,
                    Waiting { message_id: message.message_id, deadline, returned: None, reply },
                );
                Ok(())
            }
            Ok(Err(why)) => {
                let _ = reply.send(Err(PublishError::Lost));
                Err(SessionError::Call { doing: "publishing".to_owned(), why })
            }
            Err(_) => {
                let _ = reply.send(Err(PublishError::NotConfirmed));
                Err(SessionError::Timeout { doing: "publishing".to_owned(), after: CONFIRM_DEADLINE })
            }
        }
    }

    /// The broker returns messages in the order in which they were published: of several with the same id, it is the first
    /// that did not come back yet.
    pub(super) fn returned(&mut self, message_id: &str, reason: String) {
        let mut same = self.waiting.values_mut().filter(|waiting| waiting.message_id == message_id);
        if let Some(waiting) = same.find(|waiting| waiting.returned.is_none()) {
            waiting.returned = Some(reason);
        }
    }

    pub(super) fn settle(&mut self, tag: u64, multiple: bool, confirmed: bool) {
        let settled = if multiple {
            let later = self.waiting.split_off(&(tag + 1));
            std::mem::replace(&mut self.waiting, later)
        } else {
            self.waiting.remove(&tag).map(|waiting| (tag, waiting)).into_iter().collect()
        };
        for waiting in settled.into_values() {
            let answer = match waiting.returned {
                Some(reason) => Err(PublishError::Unroutable(reason)),
                None if confirmed => Ok(()),
                None => Err(PublishError::Rejected),
            };
            let _ = waiting.reply.send(answer);
        }
    }

    pub(super) fn fail(&mut self, why: &PublishError) {
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            let _ = waiting.reply.send(Err(why.clone()));
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
                let waiting =
                    Waiting { message_id: tag.to_string(), deadline: Instant::now(), returned: None, reply };
                unconfirmed.waiting.insert(tag, waiting);
                answer
            })
            .collect();
        (unconfirmed, answers)
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

    #[test]
    fn a_returned_message_is_not_sent_although_it_is_confirmed() {
        let (mut unconfirmed, mut answers) = unconfirmed(2);
        unconfirmed.returned("1", "NO_ROUTE".to_owned());
        unconfirmed.settle(2, true, true);
        assert_eq!(
            results(&mut answers),
            [Some(Err(PublishError::Unroutable("NO_ROUTE".to_owned()))), Some(Ok(()))]
        );
    }

    #[test]
    fn of_messages_with_the_same_id_each_is_returned() {
        let (mut unconfirmed, mut answers) = unconfirmed(3);
        for waiting in unconfirmed.waiting.values_mut() {
            waiting.message_id.clear();
        }
        for _ in 0..2 {
            unconfirmed.returned("", "NO_ROUTE".to_owned());
        }
        unconfirmed.settle(3, true, true);
        let returned = Some(Err(PublishError::Unroutable("NO_ROUTE".to_owned())));
        assert_eq!(results(&mut answers), [returned.clone(), returned, Some(Ok(()))]);
    }

    #[test]
    fn a_lost_session_fails_everybody_who_waits() {
        let (mut unconfirmed, mut answers) = unconfirmed(2);
        unconfirmed.fail(&PublishError::Lost);
        assert!(unconfirmed.is_empty());
        assert_eq!(results(&mut answers), [Some(Err(PublishError::Lost)), Some(Err(PublishError::Lost))]);
    }
}
