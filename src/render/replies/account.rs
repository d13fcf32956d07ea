//! Answers about accounts, and the questions for their passwords.

use bytes::Bytes;

use crate::chat::accounts::{Key, KeyKind, MAX_KEYS};
use crate::chat::asking::{Question, Unfit};
use crate::chat::name::Name;
use crate::chat::password::PasswordFault;
use crate::render::form::Colour;
use crate::render::replies::{NOT_UTF8, password_too_long, password_too_short, too_many_attempts};
use crate::render::{Form, Sheet};

/// A one-line answer about somebody's account.
#[derive(Debug, Clone)]
pub enum AccountReply {
    /// The name is an account now.
    Registered(Name),
    /// It was one already: somebody was quicker.
    AlreadyRegistered,
    /// The address has made as many accounts as it may in a day.
    TooManyOfAddress,
    /// A lobby that was offered belongs to the account now.
    Accepted(Name),
    /// The password was changed.
    PasswordChanged,
    /// The user was asked for a password and gave none.
    GivenUp,
    /// The account is no more.
    Unregistered(Name),
    /// The password is wrong.
    WrongPassword,
    /// This address gave too many wrong passwords; seconds to wait.
    TooManyAttempts(u64),
    /// The name is an account now, which this key alone lets in.
    RegisteredByKey(Name, Key),
    /// The key lets its owner in from now on.
    KeyAdded(Key),
    /// It did so before.
    KeyKnown(KeyKind),
    /// The connection has none.
    NoKey(KeyKind),
    /// The account has as many as one may have.
    TooManyKeys(KeyKind),
    /// The key does not let anybody in any more.
    KeyRemoved(Key),
    /// The account has none of that prefix.
    KeyUnknown(KeyKind),
    /// It has several.
    KeyAmbiguous(KeyKind),
    /// Nothing else would let the account's owner in.
    LastKey,
    /// The account has no password that could be given.
    NoPassword,
}

impl AccountReply {
    pub(super) fn is_good(&self) -> bool {
        matches!(
            self,
            Self::Registered(_)
                | Self::Accepted(_)
                | Self::PasswordChanged
                | Self::GivenUp
                | Self::Unregistered(_)
                | Self::RegisteredByKey(..)
                | Self::KeyAdded(_)
                | Self::KeyRemoved(_)
        )
    }

    pub(super) fn write<'s>(&self, sheet: &'s mut Sheet) -> &'s mut Sheet {
        match self {
            Self::Registered(name) => {
                sheet.fixed("'").name(name);
                sheet.fixed("' is yours now. It asks for your password from the next login on.")
            }
            Self::AlreadyRegistered => sheet.fixed("This name has an account already."),
            Self::TooManyOfAddress => {
                sheet.fixed("Too many accounts from your address. Try again tomorrow.")
            }
            Self::Accepted(lobby) => {
                sheet.fixed("The lobby '").name(lobby).fixed("' is yours now.")
            }
            Self::PasswordChanged => sheet.fixed("Password changed."),
            Self::GivenUp => sheet.fixed("No password given: nothing was changed."),
            Self::Unregistered(name) => {
                sheet.fixed("The account '").name(name).fixed("' is gone, and you are a guest.")
            }
            Self::WrongPassword => sheet.fixed("Wrong password."),
            Self::TooManyAttempts(secs) => too_many_attempts(sheet, *secs),
            Self::RegisteredByKey(name, key) => {
                sheet.fixed("'").name(name).fixed("' is yours now, by the key ").key(key);
                sheet.fixed(". /passwd gives it a password.")
            }
            Self::KeyAdded(key) => {
                kind(sheet, key.kind).key(key).fixed(" is tied to your account.")
            }
            Self::KeyKnown(KeyKind::X509) => {
                sheet.fixed("This certificate is tied to your account already.")
            }
            Self::KeyKnown(KeyKind::Ssh) => {
                sheet.fixed("This key is tied to your account already.")
            }
            Self::NoKey(KeyKind::X509) => {
                sheet.fixed("You are not connected over TLS with a client certificate.")
            }
            Self::NoKey(KeyKind::Ssh) => sheet.fixed("Your SSH client has offered no key."),
            Self::TooManyKeys(kind) => {
                sheet.fixed("You have ").number(MAX_KEYS as u64).fixed(match kind {
                    KeyKind::X509 => " certificates",
                    KeyKind::Ssh => " keys",
                });
                sheet.fixed(" already. Take one away with /cert del.")
            }
            Self::KeyRemoved(key) => kind(sheet, key.kind).key(key).fixed(" is taken away."),
            Self::KeyUnknown(KeyKind::X509) => {
                sheet.fixed("No certificate of yours starts like that. See /cert list.")
            }
            Self::KeyUnknown(KeyKind::Ssh) => {
                sheet.fixed("No key of yours starts like that. See /cert list.")
            }
            Self::KeyAmbiguous(KeyKind::X509) => {
                sheet.fixed("Several certificates start like that. Give more of it.")
            }
            Self::KeyAmbiguous(KeyKind::Ssh) => {
                sheet.fixed("Several keys start like that. Give more of it.")
            }
            Self::LastKey => {
                sheet.fixed("Nothing else lets you in. Give your account a password first: /passwd")
            }
            Self::NoPassword => {
                sheet.fixed("Your account has no password. Give it one first: /passwd")
            }
        }
    }
}

fn kind(sheet: &mut Sheet, kind: KeyKind) -> &mut Sheet {
    sheet.fixed(match kind {
        KeyKind::X509 => "Certificate ",
        KeyKind::Ssh => "Key ",
    })
}

/// Asks somebody who chats for a password, after what is wrong with the last answer. The `first` question
/// follows bytes that are not to be seen.
pub fn ask_secret(form: Form, question: Question, why: Option<Unfit>, first: bool) -> Bytes {
    let mut sheet = Sheet::new(form);
    if first {
        sheet.open_question();
    } else {
        sheet.open_after_enter();
    }
    if let Some(why) = why {
        sheet.on(Colour::Red);
        match why {
            Unfit::Fault(PasswordFault::NotUtf8) => sheet.fixed(NOT_UTF8),
            Unfit::TooShort => password_too_short(&mut sheet),
            Unfit::TooLong => password_too_long(&mut sheet),
            Unfit::Different => sheet.fixed("That was another password. An empty line gives up."),
        };
        sheet.off().newline().fault();
    }
    sheet.ask_secret(secret_prompt(question)).take()
}

/// The prompt of such a question.
pub fn secret_prompt(question: Question) -> &'static str {
    match question {
        Question::Old => "Old password: ",
        Question::New => "New password: ",
        Question::Again => "Again: ",
    }
}
