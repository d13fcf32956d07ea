//! Passwords that are asked for one after the other, where a command was given without them: what is
//! asked next, and what command comes of the answers.

use super::accounts::MIN_ACCOUNT_PASSWORD_CHARS;
use super::command::Command;
use super::password::{MAX_PASSWORD_CHARS, Password, PasswordFault};

/// What somebody is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The password so far.
    Old,
    /// The one from now on.
    New,
    /// That once more, since nobody sees what they type.
    Again,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A new account.
    Register,
    /// Another password, after the one so far.
    Change,
    /// The first password of an account that has none.
    Give,
}

/// How far the asking has come.
#[derive(Debug, PartialEq, Eq)]
pub struct Asking {
    purpose: Purpose,
    old: Option<Password>,
    new: Option<Password>,
}

/// What comes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is a question left, and what is wrong with the answer where something is.
    Ask(Asking, Option<Unfit>),
    /// All is answered: the command, as if it had been given whole.
    Given(Command),
    /// Nothing was answered, so nothing is wanted any more.
    GivenUp,
}

/// Why an answer is no password for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is no text.
    Fault(PasswordFault),
    /// It is too short.
    TooShort,
    /// It is too long.
    TooLong,
    /// It is not what was answered before.
    Different,
}

impl Asking {
    /// Asks for what `/register` wants.
    pub fn to_register() -> Self {
        Self { purpose: Purpose::Register, old: None, new: None }
    }

    /// Asks for what `/passwd` wants.
    pub fn to_change() -> Self {
        Self { purpose: Purpose::Change, ..Self::to_register() }
    }

    /// Asks for what `/passwd` wants of an account that has no password.
    pub fn to_give() -> Self {
        Self { purpose: Purpose::Give, ..Self::to_register() }
    }

    /// Whether it is for an account that there is already.
    pub fn changes(&self) -> bool {
        self.purpose != Purpose::Register
    }

    /// What is asked now.
    pub fn question(&self) -> Question {
        match (&self.old, &self.new) {
            (_, Some(_)) => Question::Again,
            (None, None) if self.purpose == Purpose::Change => Question::Old,
            (_, None) => Question::New,
        }
    }

    /// Takes the answer to that, as it was typed; none for a line longer than any may be.
    pub fn answer(self, typed: Option<&str>) -> Answer {
        let password = match typed.map(Password::parse) {
            None => return Answer::Ask(self, Some(Unfit::TooLong)),
            Some(Err(fault)) => return Answer::Ask(self, Some(Unfit::Fault(fault))),
            Some(Ok(password)) if password.is_empty() => return Answer::GivenUp,
            Some(Ok(password)) => password,
        };
        match self.question() {
            Question::Old => Answer::Ask(Self { old: Some(password), ..self }, None),
            Question::New => match unfit(&password) {
                Some(why) => Answer::Ask(self, Some(why)),
                None => Answer::Ask(Self { new: Some(password), ..self }, None),
            },
            Question::Again => match (self.old, self.new) {
                (old, Some(new)) if new.secret() == password.secret() => {
                    Answer::Given(match (old, self.purpose) {
                        (Some(old), _) => Command::ChangePassword { old, new },
                        (None, Purpose::Give) => Command::GivePassword(new),
                        (None, Purpose::Register | Purpose::Change) => Command::Register(new),
                    })
                }
                (old, _) => {
                    let again = Self { old, new: None, ..self };
                    Answer::Ask(again, Some(Unfit::Different))
                }
            },
        }
    }
}

fn unfit(password: &Password) -> Option<Unfit> {
    match password.chars() {
        ..MIN_ACCOUNT_PASSWORD_CHARS => Some(Unfit::TooShort),
        MIN_ACCOUNT_PASSWORD_CHARS..=MAX_PASSWORD_CHARS => None,
        _ => Some(Unfit::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    /// Asks with these answers, and says what was asked, what was wrong, and what came of it.
    fn asked(mut asking: Asking, answers: &[&str]) -> (Vec<Question>, Vec<Unfit>, Option<Answer>) {
        let (mut questions, mut faults) = (Vec::new(), Vec::new());
        for typed in answers {
            questions.push(asking.question());
            match asking.answer(Some(typed)) {
                Answer::Ask(next, why) => {
                    faults.extend(why);
                    asking = next;
                }
                end => return (questions, faults, Some(end)),
            }
        }
        (questions, faults, None)
    }

    #[test]
    fn a_new_password_is_asked_for_twice_and_an_old_one_first() {
        use Question::{Again, New, Old};
        let register = Answer::Given(Command::Register(password("correct-horse")));
        let (old, new) = (password("old"), password("pa\u{308}sswo\u{308}rt"));
        let change = Answer::Given(Command::ChangePassword { old, new });
        let (long, long_text) =
            ("x".repeat(MAX_PASSWORD_CHARS), "x".repeat(MAX_PASSWORD_CHARS + 1));
        let (as_long, to_register) = (Command::Register(password(&long)), Asking::to_register);
        let no_text = Unfit::Fault(PasswordFault::NotUtf8);
        type Case<'a> = (Asking, &'a [&'a str], &'a [Question], &'a [Unfit], Option<Answer>);
        let give = Answer::Given(Command::GivePassword(password("correct-horse")));
        let cases: [Case<'_>; 10] = [
            (Asking::to_give(), &["correct-horse"; 2], &[New, Again], &[], Some(give)),
            (to_register(), &["correct-horse"; 2], &[New, Again], &[], Some(register)),
            (
                Asking::to_change(),
                &["old", "pa\u{308}sswo\u{308}rt", "p\u{e4}ssw\u{f6}rt"],
                &[Old, New, Again],
                &[],
                Some(change),
            ),
            (
                to_register(),
                &["short", "\u{7}"],
                &[New; 2],
                &[Unfit::TooShort],
                Some(Answer::GivenUp),
            ),
            (to_register(), &[&long_text, ""], &[New; 2], &[Unfit::TooLong], Some(Answer::GivenUp)),
            (to_register(), &[&long, &long], &[New, Again], &[], Some(Answer::Given(as_long))),
            (to_register(), &["pass\u{fffd}word"], &[New], &[no_text], None),
            (
                Asking::to_change(),
                &["old", "correct-horse", "correct-house", "correct-horse"],
                &[Old, New, Again, New],
                &[Unfit::Different],
                None,
            ),
            (Asking::to_change(), &[""], &[Old], &[], Some(Answer::GivenUp)),
            (to_register(), &["correct-horse", ""], &[New, Again], &[], Some(Answer::GivenUp)),
        ];
        for (asking, answers, questions, faults, end) in cases {
            let want = (questions.to_vec(), faults.to_vec(), end);
            assert_eq!(asked(asking, answers), want, "{answers:?}");
        }
    }

    #[test]
    fn a_line_longer_than_any_is_too_long() {
        let still = Answer::Ask(Asking::to_change(), Some(Unfit::TooLong));
        assert_eq!(Asking::to_change().answer(None), still);
    }
}
