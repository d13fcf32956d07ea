//! What was written to an account while it was not connected: shown at its login, and taken away only
//! when it was received.
//!
//! That a letter was written to a socket says little: the kernel takes more than a hundred kilobytes
//! for a client that reads nothing. It was received when the client's machine has taken all that was
//! written, and then anything came back: a line, the end of the connection in good order, or enough
//! time for a dead peer to be found.

use std::pin::Pin;
use std::task::Context as TaskContext;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::Session;
use crate::actors::unix_now;
use crate::chat::accounts::AccountId;
use crate::chat::replies;
use crate::store::{Change, Mail, MailId};

/// After this long a peer that acknowledges nothing has been found dead (see `net::listen`), so one
/// that is still there has received.
const RECEIVED_AFTER: Duration = Duration::from_secs(120);

/// Mail that was shown.
pub(super) struct ShownMail {
    account: AccountId,
    up_to: MailId,
    timer: Pin<Box<Sleep>>,
}

impl Session {
    /// Shows what was written to an account while it was not connected.
    pub(super) fn show_mail(&mut self, account: AccountId, mail: Vec<(MailId, Mail)>) {
        let Some(&(up_to, _)) = mail.last() else { return };
        let mut mail: Vec<_> = mail.into_iter().map(|(_, mail)| mail).collect();
        mail.retain(|mail| self.peer.hears(&mail.from));
        let writer = mail.last().map(|mail| mail.from.clone());
        let letters = mail.into_iter().map(|mail| (mail.from.name, mail.at, mail.text));
        let letters: Vec<_> = letters.collect();
        if let Some(writer) = writer {
            self.peer.note_writer(writer);
            self.show(|sheet| replies::mail(sheet, &letters, self.times(), unix_now()));
        }
        let timer = Box::pin(sleep(RECEIVED_AFTER));
        self.mail = Some(Box::new(ShownMail { account, up_to, timer }));
    }

    /// Something says that the client still reads: takes the mail away where all of it has left here.
    pub(super) fn mail_may_be_there(&mut self) {
        let sent = self.mail.is_some()
            && self.peer.queued_bytes() == 0
            && self.peer.transport().all_is_taken();
        if sent && let Some(mail) = self.mail.take() {
            let ShownMail { account, up_to, .. } = *mail;
            self.world.store.keep(vec![Change::MailTaken { account, up_to }]);
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
