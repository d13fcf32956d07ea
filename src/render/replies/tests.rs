use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::chat::accounts::{AccountId, Fingerprint, Key, KeyKind, Subject};
use crate::chat::asking::{Question, Unfit};
use crate::chat::command::spec;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::ignores::{IgnoreError, Ignores};
use crate::chat::lobbies::LobbySummary;
use crate::chat::lobby::LobbyState;
use crate::chat::lobby::PromptError;
use crate::chat::lobby::{Presence, SayError};
use crate::chat::moderation::Moderation;
use crate::chat::name::NameError;
use crate::chat::orders::OrderError;
use crate::chat::password::{PasswordRecord, Secret};
use crate::chat::person::Person;
use crate::chat::pictures::{self, Picture};
use crate::chat::registry::ClaimError;
use crate::chat::roles::{Denied, Rank};
use crate::chat::sanctions::{Penalty, Sanction, Terms};
use crate::chat::settings::{Bell, Colours, Mode, Setting, Width};
use crate::chat::terminal::{Manner, Seen, Told};
use crate::render::Form;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn text(bytes: Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(super) fn written(body: impl FnOnce(&mut Sheet)) -> String {
    let mut sheet = Sheet::new(Form::PLAIN);
    body(&mut sheet);
    text(sheet.take())
}

#[test]
fn one_line_answers() {
    let coding = name("coding");
    let mode = |manner, seen| {
        let told = Told { manner, mode: Mode::Line, seen, escapes: true, is_ssh: false };
        PersonalReply::Mode(told).into()
    };
    let not_sent = |lines, first| Reply::NotSent(NotSent { lines, first: Line::clean(first) });
    let cases = [
        (Reply::SearchTooSlow, "Too much to look through. Be more exact."),
        (mode(Manner::Line, Seen::Lines), "Mode: line, since you chose it."),
        (
            mode(Manner::Line, Seen::Raw),
            "Mode: line, since you chose it. Your terminal does not show what you type.",
        ),
        (
            mode(Manner::Line, Seen::Pty),
            "Mode: line, since you chose it. What you type is shown from your next connection on.",
        ),
        (Reply::TooLong(1000), "Message too long (max 1000 chars)"),
        (Reply::PasswordTooLong, "Password too long (max 128 chars)"),
        (Reply::PasswordTooShort, "Password too short (min 8 chars)"),
        (
            Reply::NoPassword(PasswordFault::NotUtf8),
            "This password is not valid UTF-8. Set your terminal to UTF-8 and type it again.",
        ),
        (Reply::NotStored, "That could not be stored, so nothing was changed."),
        (Reply::QuestionTooLong(1000), "AI question too long. Max: 1000 characters"),
        (Reply::RateLimited(7), "⚠ Rate limited! Wait 7 seconds."),
        (
            Reply::Kept { limit: Limit::Rate, secs: 8, lines: 1 },
            "⚠ Rate limited! Wait 8 seconds. Your line is kept and sent then.",
        ),
        (
            Reply::Kept { limit: Limit::Slow, secs: 30, lines: 7 },
            "⚠ Slow mode! Wait 30 seconds. Your 7 lines are kept and sent then.",
        ),
        (not_sent(12, "let text = 1;"), "Not sent: 12 lines, from: let text = 1;"),
        (not_sent(1, "hm"), "Not sent: 1 line, from: hm"),
        (not_sent(1, ""), "Not sent: 1 line."),
        (Reply::UnknownCommand(None), "Unknown command. Type /help for available commands."),
        (
            Reply::UnknownCommand(Some("/join")),
            "Unknown command. Type /help for available commands. Did you mean /join?",
        ),
        (
            Reply::NoHelp(Some("rox")),
            "Unknown command. Type /help for available commands. Did you mean /help rox?",
        ),
        (PersonalReply::HowToLeave(TakenFor::Line).into(), "Press Ctrl-D or type /quit to leave."),
        (PersonalReply::HowToLeave(TakenFor::Password).into(), "Press Ctrl-D to leave."),
        (
            PersonalReply::HowToLeave(TakenFor::Answer).into(),
            "Press Enter to change nothing, or Ctrl-D to leave.",
        ),
        (Reply::BareWord, "Type /quit to leave or /help for help; /say quit says it."),
        (
            Reply::Usage(spec("/msg").unwrap()),
            "Usage: /msg <user> <message> - Send a private message",
        ),
        (Reply::UserNotFound(None), "User not found."),
        (Reply::UserNotFound(Some(name("bob"))), "User not found. Did you mean bob?"),
        (
            Reply::Created { lobby: coding.clone(), password: None },
            "Created public lobby 'coding'. Use /join coding to enter.",
        ),
        (
            Reply::Created { lobby: coding.clone(), password: Some(Line::clean("Secret lobby")) },
            "Created private lobby 'coding'. Use /join coding <password> to enter.\n\
             Password: Secret lobby",
        ),
        (Reply::NotCreated(CreateError::Exists), "Lobby already exists"),
        (
            Reply::NotCreated(CreateError::TooClose(name("coding"))),
            "Lobby name too close to 'coding', try another.",
        ),
        (
            Reply::NotCreated(CreateError::BadName(NameError::TooShort)),
            "Lobby name must be 2-20 letters, numbers, - or _",
        ),
        (Reply::NotCreated(CreateError::TooManyOfUser), "You have too many lobbies"),
        (Reply::NotCreated(CreateError::TooMany), "Too many lobbies on this server"),
        (Reply::NotJoined(JoinError::NoSuchLobby), "Lobby does not exist"),
        (Reply::NotJoined(JoinError::WrongPassword), "Incorrect password for private lobby"),
        (
            Reply::NotJoined(JoinError::NeedsPassword(coding.clone())),
            "Incorrect password for private lobby It needs one: /join coding <password>",
        ),
        (Reply::NotJoined(JoinError::AlreadyThere(coding.clone())), "You are already in 'coding'"),
        (Reply::NotJoined(JoinError::TooManyAttempts(9)), "Too many attempts. Wait 9 seconds."),
        (Reply::PictureReset, "Profile picture reset to default."),
        (Reply::PictureUnknown, "Profile picture not found. Use /sp list to see options."),
        (Reply::PromptSet, "AI prompt updated!"),
        (Reply::PromptReset, "The AI has its own personality again."),
        (Reply::Prompt(None), "The AI has its own personality here."),
        (Reply::Prompt(Some(Line::clean("Be a pirate"))), "AI prompt: Be a pirate"),
        (Reply::AiThinking, "[AI] Thinking..."),
        (Reply::AiUnavailable, "AI is not available on this server"),
        (Reply::AiBusy, "AI is busy, try again in a moment."),
        (
            Reply::AiFailed(AiFailure::RateLimited),
            "AI Error: Rate limit reached. Please wait and try again.",
        ),
        (Reply::AiFailed(AiFailure::QuotaReached), "AI Error: Quota reached. Try later."),
        (Reply::AiFailed(AiFailure::InvalidPrompt), "AI Error: Your prompt is invalid."),
        (
            Reply::AiFailed(AiFailure::Misconfigured),
            "AI Error: The server's AI is not set up right.",
        ),
        (Reply::AiFailed(AiFailure::NoProvider), "AI is not available on this server"),
        (Reply::AiFailed(AiFailure::Unavailable), "AI Error: Please try again later."),
    ];
    for (case, want) in cases {
        assert_eq!(written(|s| reply(s, &case)), format!("{want}\n"));
    }
}

#[test]
fn names_are_asked_for_again_with_the_reason() {
    let cases = [
        (NameProblem::Invalid(NameError::TooShort), "Username too short (min 2 characters)"),
        (NameProblem::Invalid(NameError::TooLong), "Username too long (max 20 characters)"),
        (
            NameProblem::Invalid(NameError::BadCharacter),
            "Username can only contain letters, numbers, - and _",
        ),
        (NameProblem::Command, "Pick a name first: 2-20 letters, numbers, - or _."),
        (NameProblem::Taken, "Username already taken, try another."),
        (NameProblem::LineTooLong(1000), "Message too long (max 1000 chars)"),
        (ClaimError::TooClose(name("admin")).into(), "Username too close to 'admin', try another."),
        (ClaimError::Taken.into(), "Username already taken, try another."),
        (
            NameProblem::Banned(of_address(penalty(Some(90), Some("spam")))),
            "Guests of your address are banned for 1m 30s more: spam",
        ),
        (NameProblem::Banned(penalty(None, None)), "This name is banned."),
    ];
    for (problem, want) in cases {
        let shown = text(ask_name_again(Form::PLAIN, &problem));
        assert_eq!(shown, format!("\n{want}\nEnter your username: "));
    }
}

fn penalty(secs: Option<u64>, reason: Option<&str>) -> Penalty {
    Penalty {
        left: secs.map(Duration::from_secs),
        reason: reason.map(Line::clean),
        by_address: false,
    }
}

fn of_address(penalty: Penalty) -> Penalty {
    Penalty { by_address: true, ..penalty }
}

fn sanction(secs: Option<u64>, reason: Option<&str>) -> Sanction {
    let subject = (Subject::Account(AccountId(2)), name("bob"));
    let (time, reason) = (secs.map(Duration::from_secs), reason.map(Line::clean));
    let terms = Terms { time, reason, alone: false };
    Sanction::new(subject, name("alice"), terms, UnixMillis(1))
}

#[test]
fn a_password_is_asked_for() {
    assert_eq!(ask_password(Form::default()).as_ref(), b"\r\x1b[K\rPassword: ");
    let secret = |form, question, why, first| ask_secret(form, question, why, first);
    assert_eq!(secret(Form::default(), Question::Old, None, true), "\r\x1b[K\rOld password: ");
    assert_eq!(secret(Form::PLAIN, Question::New, None, false), "New password: ");
    for (why, want) in [
        (Unfit::Fault(PasswordFault::NotUtf8), NOT_UTF8),
        (Unfit::TooShort, "Password too short (min 8 chars)"),
        (Unfit::TooLong, "Password too long (max 128 chars)"),
        (Unfit::Different, "That was another password. An empty line gives up."),
    ] {
        let asked = secret(Form::PLAIN, Question::Again, Some(why), false);
        assert_eq!(asked, format!("{want}\nAgain: "));
    }
    let keys = Form { crlf: true, ..Form::default() };
    let after_nothing = |form| [ask_password_after_nothing(form), crate::render::prompt(form)];
    assert_eq!(after_nothing(Form::default()), ["Password: ", "> "]);
    assert_eq!(after_nothing(Form::PLAIN), ["Password: ", "> "]);
    assert_eq!(after_nothing(keys), ["\r\x1b[KPassword: ", "\r\x1b[K> "]);
    for (problem, want) in [
        (PasswordProblem::Wrong, "Wrong password."),
        (PasswordProblem::TooManyAttempts(9), "Too many attempts. Wait 9 seconds."),
        (
            PasswordProblem::NotUtf8,
            "This password is not valid UTF-8. Set your terminal to UTF-8 and type it again.",
        ),
        (PasswordProblem::ServerBusy, "Server is busy, try again in a moment."),
    ] {
        assert_eq!(text(ask_password_again(Form::PLAIN, problem)), format!("\n{want}\nPassword: "));
    }
}

#[test]
fn answers_about_accounts() {
    use AccountReply::*;
    let alice = name("alice");
    let (cert, ssh) = (Key::x509(Fingerprint([0xAB; 32])), Key::ssh(Fingerprint([0; 32])));
    for (case, good, want) in [
        (
            Registered(alice.clone()),
            true,
            "'alice' is yours now. It asks for your password from the next login on.",
        ),
        (AlreadyRegistered, false, "This name has an account already."),
        (TooManyOfAddress, false, "Too many accounts from your address. Try again tomorrow."),
        (Accepted(alice.clone()), true, "The lobby 'alice' is yours now."),
        (PasswordChanged, true, "Password changed."),
        (Unregistered(alice.clone()), true, "The account 'alice' is gone, and you are a guest."),
        (WrongPassword, false, "Wrong password."),
        (TooManyAttempts(9), false, "Too many attempts. Wait 9 seconds."),
        (
            RegisteredByKey(alice.clone(), ssh),
            true,
            "'alice' is yours now, by the key SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA. \
             /passwd gives it a password.",
        ),
        (KeyAdded(cert), true, "Certificate AB:AB:AB:AB:AB:AB:AB:AB... is tied to your account."),
        (
            KeyAdded(ssh),
            true,
            "Key SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA is tied to your account.",
        ),
        (KeyKnown(KeyKind::X509), false, "This certificate is tied to your account already."),
        (KeyKnown(KeyKind::Ssh), false, "This key is tied to your account already."),
        (NoKey(KeyKind::X509), false, "You are not connected over TLS with a client certificate."),
        (NoKey(KeyKind::Ssh), false, "Your SSH client has offered no key."),
        (
            TooManyKeys(KeyKind::X509),
            false,
            "You have 10 certificates already. Take one away with /cert del.",
        ),
        (
            TooManyKeys(KeyKind::Ssh),
            false,
            "You have 10 keys already. Take one away with /cert del.",
        ),
        (KeyRemoved(cert), true, "Certificate AB:AB:AB:AB:AB:AB:AB:AB... is taken away."),
        (
            KeyUnknown(KeyKind::X509),
            false,
            "No certificate of yours starts like that. See /cert list.",
        ),
        (KeyUnknown(KeyKind::Ssh), false, "No key of yours starts like that. See /cert list."),
        (
            KeyAmbiguous(KeyKind::X509),
            false,
            "Several certificates start like that. Give more of it.",
        ),
        (KeyAmbiguous(KeyKind::Ssh), false, "Several keys start like that. Give more of it."),
        (LastKey, false, "Nothing else lets you in. Give your account a password first: /passwd"),
        (NoPassword, false, "Your account has no password. Give it one first: /passwd"),
    ] {
        let case = Reply::Account(case);
        assert_eq!(written(|s| reply(s, &case)), format!("{want}\n"));
        assert_eq!(case.is_good(), good, "{want}");
    }
}

#[test]
fn answers_about_oneself_and_whom_one_hears() {
    use PersonalReply::*;
    let (bob, lunch) = (name("bob"), Line::clean("lunch"));
    for (case, want) in [
        (NotRenamed(NameProblem::Taken), "Username already taken, try another."),
        (Away(true), "You are away. /away says that you are back."),
        (Away(false), "You are back."),
        (IsAway(bob.clone(), lunch), "bob is away: lunch"),
        (Ignored(bob.clone()), "You ignore 'bob' from now on."),
        (Unignored(bob.clone()), "You hear 'bob' again."),
        (NotIgnored(IgnoreError::Oneself), "You cannot ignore yourself."),
        (NotIgnored(IgnoreError::Already), "You ignore them already."),
        (NotIgnored(IgnoreError::NotIgnored), "You do not ignore anybody of that name."),
        (NotIgnored(IgnoreError::TooMany), "You ignore 100 users already, which is the most."),
        (NobodyIgnored, "You ignore nobody."),
        (Set(Setting::ClockTimes(true)), "Times are shown by the clock."),
        (Set(Setting::ClockTimes(false)), "Times are shown as ages."),
        (Set(Setting::Colours(Colours::On)), "Colours are on."),
        (Set(Setting::Colours(Colours::Light)), "Colours are on, for a light ground."),
        (Set(Setting::Colours(Colours::Off)), "Colours are off."),
        (Set(Setting::Compact(true)), "A message takes one row."),
        (Set(Setting::Compact(false)), "Messages are shown in full."),
        (Set(Setting::Echo(true)), "Your own messages are shown to you."),
        (Set(Setting::Echo(false)), "Your own messages are not shown to you any more."),
        (Set(Setting::Bell(Bell::Off)), "The bell is silent."),
        (Set(Setting::Bell(Bell::Tags)), "The bell rings when you are tagged or written to."),
        (Set(Setting::Bell(Bell::All)), "The bell rings with every message."),
        (Set(Setting::Quiet(true)), "You are not told any more who comes and goes."),
        (Set(Setting::Quiet(false)), "You are told who comes and goes."),
        (Set(Setting::Width(Width::Off)), "Text is not wrapped."),
        (
            WidthIsTold(120),
            "Kept. This terminal says itself that it has 120 columns, which goes before.",
        ),
        (Set(Setting::Width(Width::Columns(100))), "Text is wrapped at 100 columns."),
        (
            Set(Setting::Picture(Picture::find("cat").unwrap())),
            "Profile picture changed to: (=^・^=)",
        ),
        (NobodyWrote, "Nobody has written to you yet."),
        (IsGone(bob.clone()), "bob is gone."),
        (MailKept(bob.clone()), "bob is not connected. They will see it at their next login."),
        (
            MailFull(bob.clone()),
            "bob is not connected, and 50 messages wait for them already. Yours was not kept.",
        ),
        (MayBeLost, "The other server does not answer. Your message may not have been delivered."),
        (NothingSaid, "Nothing was said in this lobby yet."),
        (NothingBefore, "Nothing was said in this lobby before that."),
        (NothingFound, "No message of this lobby has all these words."),
    ] {
        assert_eq!(written(|s| reply(s, &Reply::Personal(case))), format!("{want}\n"));
    }
}

#[test]
fn whoever_may_not_is_told_what_they_are_not() {
    let coding = name("coding");
    for (why, want) in [
        (Denied::NotGuest, "Only guests can do that, and you have an account."),
        (Denied::NoAccount, "You have no account. Make one with /register <password>."),
        (Denied::NotOperator, "Only an owner or operator of 'coding' can do that."),
        (Denied::NotOwner, "Only an owner of 'coding' can do that."),
        (Denied::NotAdmin, "Only an admin can do that."),
        (Denied::Oneself, "You cannot do that to yourself."),
        (Denied::Outranked(Rank::Operator), "You cannot do that to an operator of 'coding'."),
        (Denied::Outranked(Rank::Owner), "You cannot do that to an owner of 'coding'."),
        (Denied::Outranked(Rank::Admin), "You cannot do that to an admin."),
    ] {
        let order = OrderError::from(why);
        let case = ModerationReply::NotDone(order, coding.clone());
        assert_eq!(written(|s| reply(s, &Reply::Moderation(case))), format!("{want}\n"));
    }
}

#[test]
fn orders_and_messages_are_refused_with_the_reason() {
    let (coding, bob) = (name("coding"), || name("bob"));
    for (why, want) in [
        (OrderError::General, "That cannot be done to the general lobby."),
        (OrderError::Prompt(PromptError::General), "Cannot set the prompt of the general lobby"),
        (
            OrderError::Prompt(PromptError::NotCreator),
            "Only the lobby creator can set the AI prompt",
        ),
        (OrderError::NotHere(bob()), "'bob' is not in 'coding'."),
        (OrderError::NoAccount(bob()), "'bob' has no account."),
        (OrderError::AlreadyOperator(bob()), "'bob' is an operator already."),
        (OrderError::AlreadyOwner(bob()), "'bob' is an owner already."),
        (OrderError::RoxAlready { on: true }, "AI is on in this lobby already"),
        (OrderError::RoxAlready { on: false }, "AI is off in this lobby already"),
        (OrderError::NotOperator(bob()), "'bob' is not an operator."),
        (OrderError::NotConnected(bob()), "'bob' is not connected, and cannot be asked."),
        (
            OrderError::AskedAlready,
            "Somebody was asked already. Try again when their 5 minutes are over.",
        ),
        (OrderError::NothingOffered, "Nobody offers you a lobby."),
        (OrderError::NothingToUndo, "You have said nothing here in the last 5 minutes."),
        (
            OrderError::NothingToPurge(name("bob")),
            "'bob' has said nothing here in the last 24 hours.",
        ),
        (OrderError::NotMuted, "Nobody of that name is muted."),
        (OrderError::NotBanned, "Nobody of that name is banned."),
        (OrderError::TooMany, "There are too many already. Take one back first."),
    ] {
        let case = Reply::Moderation(ModerationReply::NotDone(why, coding.clone()));
        assert_eq!(written(|s| reply(s, &case)), format!("{want}\n"));
    }
    for (why, want) in [
        (SayError::NotHere, "You are not in 'coding' any more."),
        (SayError::Muted(penalty(None, None)), "You are muted in 'coding'."),
        (SayError::Muted(penalty(Some(600), None)), "You are muted in 'coding' for 10m more."),
        (
            SayError::Muted(of_address(penalty(Some(600), None))),
            "You are muted in 'coding' for 10m more, as are all guests of your address.",
        ),
        (SayError::TooSoon(Duration::from_millis(6_001)), "⚠ Slow mode! Wait 7 seconds."),
    ] {
        let case = Reply::Moderation(ModerationReply::NotSaid(why, coding.clone()));
        assert_eq!(written(|s| reply(s, &case)), format!("{want}\n"));
    }
    for (terms, want) in [
        (penalty(Some(600), None), "You are banned for 10m more."),
        (penalty(None, Some("spam")), "You are banned: spam"),
        (
            of_address(penalty(Some(600), Some("spam"))),
            "Guests of your address are banned for 10m more: spam",
        ),
    ] {
        let case = Reply::Moderation(ModerationReply::Banned(terms));
        assert_eq!(written(|s| reply(s, &case)), format!("{want}\n"));
    }
    for (penalty, want) in [
        (penalty(None, None), "You are banned from 'coding'."),
        (
            of_address(penalty(Some(7_100), Some("spam"))),
            "You are banned from 'coding' for 1h 59m more: spam",
        ),
    ] {
        let error = JoinError::Banned(name("coding"), penalty);
        assert_eq!(written(|s| reply(s, &Reply::NotJoined(error.clone()))), format!("{want}\n"));
    }
}

#[test]
fn whoever_is_removed_is_told_by_whom_and_why() {
    let (coding, alice) = (name("coding"), name("alice"));
    let kick = |reason: Option<&str>| Moderation::Kick {
        conn: ConnId(2),
        account: None,
        name: name("bob"),
        reason: reason.map(Line::clean),
    };
    let ban = |secs, reason| Moderation::Ban { ban: sanction(secs, reason), conn: None };
    for (what, want) in [
        (kick(None), "alice kicked you from 'coding'."),
        (kick(Some("spam")), "alice kicked you from 'coding': spam"),
        (ban(None, None), "alice banned you from 'coding' for good."),
        (ban(Some(604_800), Some("spam")), "alice banned you from 'coding' for 7d: spam"),
        (Moderation::Delete(name("coding")), "alice deleted the lobby 'coding'."),
    ] {
        let (by, how, lobby) = (alice.clone(), what.removal().unwrap(), coding.clone());
        let case = ModerationReply::Removed { by, how, lobby };
        assert_eq!(written(|s| reply(s, &Reply::Moderation(case))), format!("{want}\n"));
    }
    let also = |count: usize| {
        let names = (0..count).map(|n| name(&format!("gina{n}"))).collect();
        written(|s| reply(s, &Reply::Moderation(ModerationReply::AlsoStruck(names))))
    };
    assert_eq!(also(1), "also: gina0 (same address)\n");
    assert_eq!(also(2), "also: gina0, gina1 (same address)\n");
    assert!(also(20).ends_with(", gina19 (same address)\n"));
    assert!(also(23).ends_with(", gina19 and 3 more (same address)\n"));
    assert_eq!(
        written(|s| reply(s, &Reply::Moderation(ModerationReply::SayAgain(coding)))),
        "Say it again within 30 seconds to delete 'coding' and all that was said in it.\n"
    );
    let done = Reply::Moderation(ModerationReply::Done(Moderation::Delete(name("coding")).into()));
    assert_eq!(written(|s| reply(s, &done)), "You deleted the lobby 'coding'\n");
    assert!(done.is_good());
}

#[test]
fn users_and_lobbies_are_listed() {
    let bob = Presence {
        picture: Picture::DEFAULT,
        who: Person::example(2, "bob"),
        owner: false,
        operator: false,
        admin: false,
        away: None,
    };
    let ignoring_bob = {
        let mut ignores = Ignores::default();
        ignores.add(&Person::example(1, "alice"), bob.who.clone()).unwrap();
        ignores
    };
    let listed = |user: &Presence, you, ignores: &Ignores| {
        written(|s| {
            users(s, &name("coding"), 1);
            lists::user(s, user, ConnId(you), ignores);
        })
    };
    let nobody = Ignores::default();
    let heading = "=== Users in 'coding' (1) ===\n";
    assert_eq!(listed(&bob, 1, &nobody), format!("{heading}  [@_@] bob\n"));
    let away = Some(Line::clean("lunch"));
    for (user, you, ignores, marks) in [
        (Presence { owner: true, ..bob.clone() }, 2, &nobody, "(owner) (you)"),
        (Presence { operator: true, ..bob.clone() }, 1, &ignoring_bob, "(operator) (ignored)"),
        (Presence { away: away.clone(), ..bob.clone() }, 1, &nobody, "(away): lunch"),
        (
            Presence { owner: true, operator: true, admin: true, away, ..bob.clone() },
            2,
            &ignoring_bob,
            "(owner) (operator) (admin) (away) (you) (ignored): lunch",
        ),
    ] {
        assert_eq!(listed(&user, you, ignores), format!("{heading}  [@_@] bob {marks}\n"));
    }
    let summary = |state: LobbyState| LobbySummary { state: state.into(), users: 3 };
    let coding = |description| LobbyState {
        description: Line::clean(description),
        ..LobbyState::example(2, name("coding"))
    };
    let record = PasswordRecord::create(&Secret::new("pw"), b"0123456789abcdef").unwrap();
    let secret = LobbyState {
        name: name("secret"),
        prompt: Some(Line::clean("Be a pirate")),
        record: Some(record.into()),
        ..coding("For us")
    };
    let list = [summary(coding("")), summary(secret)];
    assert_eq!(
        written(|s| {
            lobbies(s, list.len());
            list.iter().for_each(|listed| lobby(s, listed));
        }),
        "=== Available Lobbies (2) ===\n\
         Lobby: coding\n  Privacy: public | AI: default AI | Created by: alice | Users: 3\n  \
         Description: No description\n\
         Lobby: secret\n  Privacy: private | AI: custom AI | Created by: alice | Users: 3\n  \
         Description: For us\n"
    );
    let word = Line::clean("code");
    assert_eq!(
        written(|s| more_lobbies(s, 1, 3, None)),
        "Page 1 of 3. /lobbies 2 shows the next.\n"
    );
    assert_eq!(
        written(|s| more_lobbies(s, 2, 3, Some(&word))),
        "Page 2 of 3. /lobbies code 3 shows the next.\n"
    );
    let topical = LobbyState { topic: Some(Line::clean("Release")), ..coding("Code") };
    let shown = written(|s| lobby(s, &summary(topical)));
    assert!(shown.ends_with("  Description: Code\n  Topic: Release\n"), "{shown}");
}

#[test]
fn the_picture_list_stands_in_columns_that_fit_a_small_terminal() {
    let shown = written(picture_list);
    assert!(
        shown.starts_with("=== Available Profile Pictures ===\n  alien     [\u{1f47d}]"),
        "{shown}"
    );
    assert!(shown.lines().count() + 2 <= 24, "{shown}");
    for (width, abreast) in [(80, 3), (60, 2), (40, 1), (0, 3)] {
        let mut sheet = Sheet::new(Form { width, ..Form::PLAIN });
        picture_list(&mut sheet);
        let shown = text(sheet.take());
        let rows = pictures::all().count().div_ceil(abreast);
        assert_eq!(shown.lines().count(), 1 + rows, "{shown}");
        for line in shown.lines().skip(1) {
            assert!(crate::render::wrap::columns(line) <= abreast * 26, "{line}");
        }
    }
    for (name, picture) in pictures::all() {
        let entry = format!("  {name:10}{}", picture.as_str());
        let after = shown.split(&entry).nth(1).unwrap_or_else(|| panic!("{entry}: {shown}"));
        assert!(after.starts_with([' ', '\n']), "{entry}: {shown}");
    }
    // Down each column.
    let at = |name: &str| shown.find(&format!("  {name} ")).unwrap();
    assert!(at("alien") < at("cat") && at("cat") < at("wizard"), "{shown}");
}

#[test]
fn the_pictures_are_read_aloud_by_their_names() {
    let mut sheet = Sheet::new(Form { plain: true, ..Form::PLAIN });
    picture_list(&mut sheet);
    let shown = text(sheet.take());
    assert!(shown.starts_with("=== Available Profile Pictures ===\n  alien, "), "{shown}");
    assert!(shown.is_ascii() && !shown.contains(['[', ']']) && shown.lines().count() == 2);
    pictures::all().for_each(|(name, _)| assert!(shown.contains(name), "{name}"));
}

#[test]
fn the_welcome_names_the_commands_and_asks_for_a_name() {
    let shown = text(welcome(Form::PLAIN, false, true));
    for text in [
        ">> Welcome to the Ultimate Chat Server <<",
        "/help",
        "/users",
        "/quit",
        "[● CONNECTED] You're live! Start chatting now...",
    ] {
        assert!(shown.contains(text), "{text}");
    }
    assert!(shown.ends_with("Enter your username: "));
    let (as_is, erased) =
        (welcome(Form::default(), false, true), welcome(Form::default(), true, true));
    assert_eq!(erased.strip_prefix(b"\r\x1b[K"), Some(as_is.as_ref()));
    let edges: Vec<_> = shown.lines().filter(|l| l.starts_with(['╔', '║', '╚'])).collect();
    assert!(edges.iter().all(|l| l.chars().count() == edges[0].chars().count()), "{shown}");
}

#[test]
fn farewells_carry_no_prompt() {
    assert_eq!(
        text(farewell(Form::PLAIN, Farewell::Quit)),
        "\nDisconnecting from server. Goodbye!\n"
    );
    for (last, told) in [
        (Farewell::Shutdown { others: false }, "\nServer is shutting down. Goodbye!\n"),
        (
            Farewell::Shutdown { others: true },
            "\nThe other servers go on: connect again.\nServer is shutting down. Goodbye!\n",
        ),
        (Farewell::CannotGoOn { others: false }, "\nServer is restarting. Try again soon.\n"),
        (
            Farewell::CannotGoOn { others: true },
            "\nThe other servers go on: connect again.\nServer is restarting. Try again soon.\n",
        ),
    ] {
        assert_eq!(text(farewell(Form::PLAIN, last)), told);
    }
    let locked = text(farewell(Form::PLAIN, Farewell::TooManyAttempts(7)));
    assert_eq!(locked, "\nToo many attempts. Wait 7 seconds.\n");
    assert_eq!(text(farewell(Form::PLAIN, Farewell::Elsewhere)), "\nLogged in from elsewhere.\n");
    let tls = text(farewell(Form::PLAIN, Farewell::SpeaksTls(Some(8443))));
    assert_eq!(tls, "\nThis port does not speak TLS. Use port 8443.\n");
}

#[test]
fn the_http_answer_has_the_length_it_says_and_where_the_page_is() {
    let page = |tls| Some(PagePort { port: 8_088, tls });
    for (page, host, told) in [
        (None, Some("chat"), ""),
        (page(true), None, "For browsers it has a page, on port 8088: https://...:8088/\n"),
        (
            page(false),
            Some("chat"),
            "For browsers it has a page, on port 8088: http://chat:8088/\n",
        ),
    ] {
        let answer = String::from_utf8(http_answer(page, host)).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{}", body.len());
        assert_eq!(body.split_once('\n').unwrap().1, told);
    }
}
