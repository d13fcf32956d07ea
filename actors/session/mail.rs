//! What was written to an account while it was not connected: shown at its login, and taken away only
//! when it was received.
//!
//! That a letter was written to a socket says little: the kernel takes more than a hundred kilobytes
//! for a client that reads nothing. It was received when the client's machine has taken all that was
//! written, and then anything came back: a line, the end of the connection in good order, or enough
//! time for a dead peer to be found.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context as TaskContext;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::Session;
use crate::actors::shard::telling::{Pages, Telling};
use crate::actors::store::messages::ReadLetters;
use crate::chat::accounts::AccountId;
use crate::chat::person::Person;
use crate::render::{Direct, Letter, Sheet, letter, replies};
use crate::store::{Change, Mail, MailId};

/// After this long a peer that acknowledges nothing has been found dead (see `net::listen`), so one
/// that is still there has received.
const RECEIVED_AFTER: Duration = Duration::from_secs(120);

/// Mail that was shown.
pub(super) struct ShownMail {
    account: AccountId,
    up_to: MailId,
    /// Whether the last letter has been made text of.
    told: Rc<Cell<bool>>,
    timer: Pin<Box<Sleep>>,
}

impl Session {
    /// Shows what was written to an account while it was not connected.
    pub(super) fn show_mail(&mut self, account: AccountId, mut mail: Vec<(MailId, Person)>) {
        let Some(&(up_to, _)) = mail.last() else { return };
        mail.retain(|(_, from)| self.peer.hears(from));
        let told = Rc::new(Cell::new(mail.is_empty()));
        if let Some((_, last)) = mail.last() {
            self.peer.note_writer(last.clone());
            let (count, times, now) = (mail.len(), self.times(), self.thread.log().now());
            let ids = mail.into_iter().map(|(id, _)| id).collect();
            let read = move |ids| ReadLetters(account, ids);
            let pages = Pages::stored(self.thread.store.clone(), ids, read, Vec::new());
            let you = self.user().map(|user| user.who.name.clone());
            let write = move |sheet: &mut Sheet, (_, mail): &(MailId, Mail)| {
                let (direction, at) = (Direct::From(&mail.from), mail.at);
                let (you, text) = (you.as_ref(), &mail.text);
                let waited = Letter { direction, you, text, at, mail: true };
                letter(sheet, &waited, Some(times.when(at, now)));
            };
            let whole = told.clone();
            let telling =
                Telling::new(self.peer.form(), |sheet| replies::mail(sheet, count), pages, write);
            self.tell(telling.then(move || whole.set(true)));
        }
        let timer = Box::pin(sleep(RECEIVED_AFTER));
        self.mail = Some(Box::new(ShownMail { account, up_to, told, timer }));
    }

    /// Something says that the client still reads: takes the mail away where all of it has left here.
    pub(super) fn mail_may_be_there(&mut self) {
        let sent = self.mail.as_ref().is_some_and(|mail| mail.told.get())
            && self.peer.has_taken_all()
            && self.peer.link().all_is_taken();
        if sent && let Some(mail) = self.mail.take() {
            let ShownMail { account, up_to, .. } = *mail;
            self.thread.store.note(vec![Change::MailTaken { account, up_to }]);
        }
    }

    /// The same after some time in which nothing came back.
    pub(super) fn look_after_mail(&mut self, cx: &mut TaskContext<'_>) {
        if let Some(mail) = &mut self.mail
            && mail.timer.as_mut().poll(cx).is_ready()
        {
            mail.timer = Box::pin(sleep(RECEIVED_AFTER));
            // Registers the new one; it cannot be over yet.
            let _ = mail.timer.as_mut().poll(cx);
            self.mail_may_be_there();
        }
    }
}
