//! Passwords that somebody who chats is asked for, hidden as at the login.

use bytes::Bytes;

use super::commands::Judged;
use super::{Phase, Session};
use crate::chat::asking::{Answer, Asking, Unfit};
use crate::chat::roles::Right;
use crate::render::replies::{AccountReply, ask_secret};

impl Session {
    /// Asks, and hides what is typed from here on.
    pub(super) fn begin_asking(&mut self, asking: Asking) {
        self.hide_typing(true);
        self.thread.hub.catch_up(self.seat);
        let question = ask_secret(self.peer.form(), asking.question(), None, true);
        self.peer.answer(question.clone());
        self.keep_asking(asking, question);
    }

    /// Waits for the answer to a question that is shown again, from its first row, below what comes in
    /// between.
    fn keep_asking(&self, asking: Asking, question: Bytes) {
        self.peer.set_question(Some(question));
        if let Some(user) = self.chatting() {
            user.borrow_mut().asked = Some(Box::new(asking));
        }
    }

    /// What the user was asked, where their next line answers something.
    pub(super) fn take_asking(&mut self) -> Option<Asking> {
        let Phase::Chatting(user) = &self.phase else { return None };
        user.borrow_mut().asked.take().map(|asking| *asking)
    }

    /// A line that answers; none is one that is longer than any line.
    pub(super) fn take_answer(&mut self, asking: Asking, typed: Option<&str>) {
        self.peer.set_question(None);
        let right = if asking.changes() { Right::Account } else { Right::Guest };
        match asking.answer(typed) {
            Answer::Ask(asking, why) => self.ask_on(asking, why),
            Answer::Given(command) => {
                self.hide_typing(false);
                self.understand(Judged::Command(right, Ok(command)));
            }
            Answer::GivenUp => {
                self.hide_typing(false);
                self.reply(&AccountReply::GivenUp.into());
            }
        }
    }

    fn ask_on(&mut self, asking: Asking, why: Option<Unfit>) {
        self.thread.hub.catch_up(self.seat);
        let form = self.peer.form();
        let question = ask_secret(form, asking.question(), why, false);
        let again = ask_secret(form, asking.question(), None, true);
        self.keep_asking(asking, again);
        self.answer_in_time(question);
    }
}
