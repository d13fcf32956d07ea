//! Records of every kind there is, for tests.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::engine::Revision;
use super::record::{Record, What};
use crate::ai::AiFailure;
use crate::ai::budget::{Allowance, Limits};
use crate::ai::questions::{self, End, QuestionId};
use crate::ai::usage::Usage;
use crate::chat::accounts::{AccountId, Fingerprint, Identity, Subject};
use crate::chat::bot::{Bot, Hook, TokenHash};
use crate::chat::change::Change;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::history::{Entry, MessageKind, UnixMillis};
use crate::chat::kept::{Account, AuditEntry, Mail, MailId, SanctionKind, Scope};
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::event::AnswerPiece;
use crate::chat::lobby::replay::ReplayPrefs;
use crate::chat::lobby::step::{Input, Join, JoinKind};
use crate::chat::lobby::{LobbyState, Member, Saying};
use crate::chat::moderation::{Moderation, ServerModeration};
use crate::chat::name::{Name, NameKey};
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::pictures::{self, Picture};
use crate::chat::registry::{GivenPassword, Happening, NewBot, Registration};
use crate::chat::roles::Owner;
use crate::chat::sanctions::{Sanction, SanctionKey};
use crate::chat::settings::{Bell, Colours, Mode, Setting, Settings, Width};
use crate::chat::text::{Line, Text};

/// The names of all cases of a type, and that of one: a new case does not compile until it has a name
/// here, and a test fails until there is a sample of it.
macro_rules! kinds {
    ($all:ident, $of:ident, $type:ty, $($pattern:pat => $name:literal,)*) => {
        pub(super) const $all: &[&str] = &[$($name),*];

        pub(super) fn $of(of: &$type) -> &'static str {
            match of { $($pattern => $name,)* }
        }
    };
}

kinds! { WHATS, kind_of_what, What,
    What::Lobby { .. } => "lobby",
    What::People(_) => "people",
    What::LobbyMade(_) => "lobby_made",
    What::LobbyRemoved(_) => "lobby_removed",
    What::Rox { .. } => "rox",
    What::Mail { .. } => "mail",
    What::Kept => "kept",
    What::LifeOver { .. } => "life_over",
}

kinds! { QUESTIONS, kind_of_question, questions::Input,
    questions::Input::Asked { .. } => "asked",
    questions::Input::Answered(_) => "answered",
    questions::Input::Over { end: End::Answered(_), .. } => "over",
    questions::Input::Over { end: End::Failed(_), .. } => "over, failed",
    questions::Input::Over { end: End::Cut(_), .. } => "over, cut",
    questions::Input::Over { end: End::Stopped, .. } => "over, stopped",
    questions::Input::CatchUp { .. } => "catch_up",
    questions::Input::Stop { .. } => "stop",
    questions::Input::Forget { .. } => "forget",
}

kinds! { INPUTS, kind_of_input, Input<ConnId>,
    Input::Join(_) => "join",
    Input::Leave { .. } => "leave",
    Input::Say { .. } => "say",
    Input::Ask(_) => "ask",
    Input::Post { .. } => "post",
    Input::QuietBots { .. } => "quiet_bots",
    Input::Moderate { .. } => "moderate",
    Input::SumUp => "sum_up",
    Input::RenewPassword { .. } => "renew_password",
    Input::SetPicture(..) => "set_picture",
    Input::Rename(..) => "rename",
    Input::SetAway(..) => "set_away",
    Input::Register { .. } => "register",
    Input::Unregister { .. } => "unregister",
}

kinds! { JOINS, kind_of_join, JoinKind,
    JoinKind::Login => "login",
    JoinKind::Switch => "switch",
    JoinKind::Return => "return",
    JoinKind::Resume => "resume",
    JoinKind::TakeOver(_) => "take_over",
}

kinds! { MESSAGES, kind_of_message, MessageKind,
    MessageKind::Said => "said",
    MessageKind::Action => "action",
    MessageKind::Tag(_) => "tag",
    MessageKind::Asked => "asked",
    MessageKind::Answer => "answer",
}

kinds! { MODERATIONS, kind_of_moderation, Moderation,
    Moderation::Topic(_) => "topic",
    Moderation::Op { .. } => "op",
    Moderation::Deop { .. } => "deop",
    Moderation::Kick { .. } => "kick",
    Moderation::Mute { .. } => "mute",
    Moderation::Unmute { .. } => "unmute",
    Moderation::Ban { .. } => "ban",
    Moderation::Unban { .. } => "unban",
    Moderation::Slow(_) => "slow",
    Moderation::SetPassword(_) => "set_password",
    Moderation::SetPrompt(_) => "set_prompt",
    Moderation::SetRox { .. } => "set_rox",
    Moderation::Offer { .. } => "offer",
    Moderation::Transfer { .. } => "transfer",
    Moderation::Delete(_) => "delete",
    Moderation::Undo { .. } => "undo",
    Moderation::Purge { .. } => "purge",
    Moderation::AddHook(_) => "add_hook",
    Moderation::DeleteHook(_) => "delete_hook",
}

kinds! { HAPPENINGS, kind_of_happening, Happening<ConnId>,
    Happening::CameIn { .. } => "came_in",
    Happening::Returned { .. } => "returned",
    Happening::Left(_) => "left",
    Happening::TookOver(_) => "took_over",
    Happening::Renamed { .. } => "renamed",
    Happening::Away { .. } => "away",
    Happening::Registered(_) => "registered",
    Happening::Unregistered { .. } => "unregistered",
    Happening::AccountUsed(_) => "account_used",
    Happening::PasswordGiven { .. } => "password_given",
    Happening::Moderated { .. } => "moderated",
    Happening::Offered { .. } => "offered",
    Happening::OfferOver(_) => "offer_over",
    Happening::BotMade(_) => "bot_made",
    Happening::BotGone { .. } => "bot_gone",
}

kinds! { SERVER_MODERATIONS, kind_of_server_moderation, ServerModeration,
    ServerModeration::Announce(_) => "announce",
    ServerModeration::Ban { .. } => "ban",
    ServerModeration::Unban { .. } => "unban",
    ServerModeration::Kick { .. } => "kick",
}

kinds! { CHANGES, kind_of_change, Change,
    Change::Said { .. } => "said",
    Change::MessagesRemoved { .. } => "messages_removed",
    Change::LobbyPut(_) => "lobby_put",
    Change::LobbyRemoved(_) => "lobby_removed",
    Change::LobbyUsed { .. } => "lobby_used",
    Change::AccountPut(_) => "account_put",
    Change::SettingSet { .. } => "setting_set",
    Change::RecordRenewed { .. } => "record_renewed",
    Change::AccountRemoved(_) => "account_removed",
    Change::PasswordSet { .. } => "password_set",
    Change::AccountVouched(_) => "account_vouched",
    Change::AccountUsed { .. } => "account_used",
    Change::Registered { .. } => "registered",
    Change::AccountPutOut { .. } => "account_put_out",
    Change::OwnerSet { .. } => "owner_set",
    Change::AccountLeft { .. } => "account_left",
    Change::OperatorAdded { .. } => "operator_added",
    Change::OperatorRemoved { .. } => "operator_removed",
    Change::HookAdded { .. } => "hook_added",
    Change::HookRemoved { .. } => "hook_removed",
    Change::SanctionSet { .. } => "sanction_set",
    Change::SanctionLifted { .. } => "sanction_lifted",
    Change::CertAdded { .. } => "cert_added",
    Change::CertRemoved { .. } => "cert_removed",
    Change::SshKeyAdded { .. } => "ssh_key_added",
    Change::SshKeyRemoved { .. } => "ssh_key_removed",
    Change::IgnoreAdded { .. } => "ignore_added",
    Change::IgnoreRemoved { .. } => "ignore_removed",
    Change::Became { .. } => "became",
    Change::MailAdded { .. } => "mail_added",
    Change::MailTaken { .. } => "mail_taken",
    Change::Audited(_) => "audited",
    // In no record.
    Change::Node(_) => "node",
}

kinds! { OWNERS, kind_of_owner, Owner,
    Owner::Server => "server",
    Owner::Guest(_) => "guest",
    Owner::Account(_) => "account",
    Owner::Nobody => "nobody",
}

kinds! { SUBJECTS, kind_of_subject, Subject,
    Subject::Account(_) => "account",
    Subject::Address(_) => "address",
    Subject::Name(_) => "name",
}

kinds! { FAILURES, kind_of_failure, AiFailure,
    AiFailure::NoProvider => "no_provider",
    AiFailure::RateLimited => "rate_limited",
    AiFailure::QuotaReached => "quota_reached",
    AiFailure::InvalidPrompt => "invalid_prompt",
    AiFailure::Unavailable => "unavailable",
    AiFailure::Misconfigured => "misconfigured",
}

/// Where the values in the samples come from.
pub(super) struct Source {
    numbers: Vec<u64>,
    at: u64,
}

impl Source {
    /// Always the same values: those of the golden file.
    pub(super) fn fixed() -> Self {
        Self::of(Vec::new())
    }

    /// Values made of these numbers.
    pub(super) fn of(numbers: Vec<u64>) -> Self {
        Self { numbers, at: 0 }
    }

    /// The next number; without any, it counts.
    fn any(&mut self) -> u64 {
        self.at += 1;
        let given = usize::try_from(self.at).unwrap() % self.numbers.len().max(1);
        let given = self.numbers.get(given).copied().unwrap_or(0);
        given.wrapping_mul(self.at | 1).wrapping_add(self.at)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.any() % end as u64).unwrap()
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| make(self))
    }

    fn u32(&mut self) -> u32 {
        u32::try_from(self.any() % u64::from(u32::MAX)).unwrap() + 1
    }

    fn conn(&mut self) -> ConnId {
        ConnId::new(self.u32(), self.u32())
    }

    fn account(&mut self) -> AccountId {
        AccountId(self.u32())
    }

    fn lobby(&mut self) -> LobbyId {
        LobbyId(self.u32())
    }

    fn at(&mut self) -> UnixMillis {
        UnixMillis(self.any())
    }

    fn ip(&mut self) -> IpKey {
        match self.below(3) {
            0 => IpKey::unknown(self.any()),
            1 => IpKey::from(IpAddr::from(self.u32().to_be_bytes())),
            _ => IpKey::from(IpAddr::from((u128::from(self.any()) << 64).to_be_bytes())),
        }
    }

    fn name(&mut self) -> Name {
        let names = ["alice", "Bob", "Ev-e_9", "x1", "12345678901234567890", "console"];
        Name::parse(self.pick(&names)).unwrap()
    }

    fn line(&mut self) -> Line {
        let texts = [
            "",
            "hello, world",
            "a \"quote\" and a \\",
            "naïve façade 今天天气很好 👩‍👩‍👧",
            "  indented",
            "$pbkdf2-sha512$ { } [ ] unknown variant `x`",
            "a\u{1b}[31m b\u{7} c",
        ];
        Line::clean(self.pick(&texts))
    }

    fn text(&mut self) -> Text {
        let count = 1 + self.below(3);
        let rows: Vec<Line> = (0..count).map(|_| self.line()).collect();
        Text::of_rows(&rows)
    }

    fn record(&mut self) -> Arc<PasswordRecord> {
        let rounds = 1_000 + self.below(200_000);
        let hash = self.pick(&["A", "Q"]).repeat(43);
        let phc = format!("$pbkdf2-sha512$i={rounds},l=32$MDEyMzQ1Njc4OWFiY2RlZg${hash}");
        Arc::new(PasswordRecord::parse(&phc).unwrap())
    }

    fn picture(&mut self) -> Picture {
        let all: Vec<_> = pictures::all().map(|(_, picture)| picture).collect();
        self.pick(&all)
    }

    fn numbers(&mut self) -> Arc<[u64]> {
        let (mut next, count) = (self.any() >> 8, self.below(5));
        let rise = |_| {
            next += 1 + self.below(300) as u64;
            next
        };
        (0..count).map(rise).collect()
    }

    fn identity(&mut self) -> Identity {
        Identity {
            conn: self.conn(),
            name: self.name(),
            account: self.maybe(Self::account),
            ip: self.ip(),
            admin: self.flag(),
            bot_of: None,
        }
    }

    fn person(&mut self) -> Person {
        Person {
            name: self.name(),
            conn: self.maybe(Self::conn),
            account: self.maybe(Self::account),
            ip: self.maybe(Self::ip),
            bot: false,
        }
    }

    fn bot(&mut self) -> Bot {
        Bot { owner: self.account(), token: TokenHash([0xB0; 32]) }
    }

    fn bot_person(&mut self) -> Person {
        Person { bot: true, ..self.person() }
    }

    fn hook(&mut self) -> Hook {
        let token = TokenHash([0x4C; 32]);
        Hook { name: self.name(), token, by: self.name(), made_at: self.at() }
    }

    fn subjects(&mut self) -> [Subject; 3] {
        [
            Subject::Account(self.account()),
            Subject::Address(self.ip()),
            Subject::Name(self.name().key()),
        ]
    }

    fn subject(&mut self) -> Subject {
        let all = self.subjects();
        self.pick(&all)
    }

    fn sanction(&mut self) -> Sanction {
        let subject = self.subject();
        self.sanction_of(subject)
    }

    fn sanction_of(&mut self, subject: Subject) -> Sanction {
        Sanction {
            subject,
            name: self.name(),
            by: self.name(),
            at: self.at(),
            until: self.maybe(Self::at),
            reason: self.maybe(Self::line),
        }
    }

    fn keys(&mut self) -> Vec<SanctionKey> {
        let count = self.below(3);
        let key = |_| SanctionKey { subject: self.subject(), name: NameKey::of("bob") };
        (0..count).map(key).collect()
    }

    fn slow(&mut self) -> Duration {
        Duration::from_secs(self.u32().into())
    }

    fn owners(&mut self) -> [Owner; 4] {
        [Owner::Server, Owner::Guest(self.conn()), Owner::Account(self.account()), Owner::Nobody]
    }

    fn state(&mut self, owner: Owner) -> Arc<LobbyState> {
        let state = LobbyState {
            creator: self.name(),
            owner,
            description: self.line(),
            topic: self.maybe(Self::line),
            record: self.maybe(Self::record),
            password_at: self.at(),
            prompt: self.maybe(Self::line),
            slow: self.slow(),
            made_at: self.at(),
            used_at: self.at(),
            made_from: self.maybe(Self::ip),
            ..LobbyState::example(self.u32(), self.name())
        };
        Arc::new(state)
    }

    fn settings(&mut self) -> Settings {
        let width = [Width::Off, Width::Columns(20), Width::Columns(80), Width::Columns(500)];
        Settings {
            clock_times: self.flag(),
            colours: self.maybe(|s| s.pick(&[Colours::Off, Colours::On, Colours::Light])),
            picture: self.picture(),
            compact: self.flag(),
            echo: self.flag(),
            bell: self.pick(&[Bell::Off, Bell::Tags, Bell::All]),
            quiet: self.flag(),
            width: self.maybe(|s| s.pick(&width)),
            // Nothing of it is written, as by versions that do not know of it.
            mode: Mode::Auto,
        }
    }

    fn stored_account(&mut self) -> Account {
        Account {
            settings: self.settings(),
            last_lobby: self.maybe(Self::lobby),
            left_at: self.maybe(Self::at),
            left_seq: self.maybe(Self::any),
            ..Account::new(self.account(), self.name(), self.record(), self.at())
        }
    }

    fn messages(&mut self) -> [MessageKind; 3] {
        [MessageKind::Said, MessageKind::Action, MessageKind::Tag(self.name())]
    }

    fn entry(&mut self) -> Arc<Entry> {
        let kinds = self.messages();
        Arc::new(Entry {
            at: self.at(),
            picture: self.picture(),
            author: self.person(),
            kind: self.pick(&kinds),
            text: self.text(),
        })
    }

    fn mail(&mut self) -> Mail {
        Mail { from: self.person(), at: self.at(), text: self.line() }
    }

    fn scope(&mut self) -> Scope {
        self.maybe(Self::lobby).map_or(Scope::Server, Scope::Lobby)
    }

    fn sanction_kind(&mut self) -> SanctionKind {
        self.pick(&[SanctionKind::Mute, SanctionKind::Ban])
    }
}

fn moderations(s: &mut Source) -> Vec<Moderation> {
    vec![
        Moderation::Topic(s.maybe(Source::line)),
        Moderation::Op { account: s.account(), name: s.name() },
        Moderation::Deop { account: s.account(), name: s.name() },
        Moderation::Kick {
            conn: s.conn(),
            account: s.maybe(Source::account),
            name: s.name(),
            reason: s.maybe(Source::line),
        },
        Moderation::Mute { mute: s.sanction(), conn: s.maybe(Source::conn) },
        Moderation::Unmute { lifted: s.keys(), name: s.name() },
        Moderation::Ban { ban: s.sanction(), conn: s.maybe(Source::conn) },
        Moderation::Unban { lifted: s.keys(), name: s.name() },
        Moderation::Slow(s.slow()),
        Moderation::SetPassword(s.maybe(Source::record)),
        Moderation::SetPrompt(s.maybe(Source::line)),
        Moderation::Offer { account: s.account(), name: s.name() },
        Moderation::Transfer { account: s.account(), name: s.name() },
        Moderation::Delete(s.name()),
        Moderation::Undo { seq: s.any() },
        Moderation::Purge { name: s.name(), said: s.numbers() },
    ]
}

fn server_moderations(s: &mut Source) -> Vec<ServerModeration> {
    vec![
        ServerModeration::Announce(s.line()),
        ServerModeration::Ban { ban: s.sanction(), conn: s.maybe(Source::conn) },
        ServerModeration::Unban { lifted: s.keys(), name: s.name() },
        ServerModeration::Kick {
            conn: s.conn(),
            account: s.maybe(Source::account),
            name: s.name(),
            reason: s.maybe(Source::line),
        },
    ]
}

/// What only a connection's own node has does not go over the wire, so there is none of it here.
fn join(s: &mut Source, kind: JoinKind) -> Input<ConnId> {
    let who = s.identity();
    let handle = who.conn;
    let member = Member::new(who, s.picture(), s.maybe(Source::line), handle);
    let prefs = ReplayPrefs::default();
    Input::Join(Box::new(Join { member, proof: None, kind, prefs }))
}

fn inputs(s: &mut Source) -> Vec<Input<ConnId>> {
    let joins = [
        JoinKind::Login,
        JoinKind::Switch,
        JoinKind::Return,
        JoinKind::Resume,
        JoinKind::TakeOver(s.conn()),
    ];
    let mut inputs: Vec<_> = joins.into_iter().map(|kind| join(s, kind)).collect();
    for server_stops in [false, true] {
        let goes_on_in = s.maybe(Source::lobby);
        inputs.push(Input::Leave { conn: s.conn(), goes_on_in, server_stops });
    }
    for kind in s.messages() {
        let saying = Saying { kind, text: s.text() };
        inputs.push(Input::Say { conn: s.conn(), saying, tagged: s.maybe(Source::conn) });
    }
    inputs.push(Input::Ask(s.conn()));
    for what in moderations(s) {
        inputs.push(Input::Moderate { by: s.identity(), what: Arc::new(what) });
    }
    inputs.extend([
        Input::SumUp,
        Input::RenewPassword { before: s.record(), record: s.record() },
        Input::SetPicture(s.conn(), s.picture()),
        Input::Rename(s.conn(), s.name()),
        Input::SetAway(s.conn(), s.maybe(Source::line)),
        Input::Register { guest: s.identity(), account: s.account(), admin: s.flag() },
        Input::Unregister {
            account: s.account(),
            who: s.maybe(Source::identity),
            present: s.maybe(Source::conn),
        },
    ]);
    inputs
}

fn happenings(s: &mut Source) -> Vec<Happening<ConnId>> {
    let who = s.identity();
    let handle = who.conn;
    let mut happenings = vec![
        Happening::CameIn { who: who.clone(), handle },
        Happening::Returned { who, away: s.maybe(Source::line), passwords: 0, handle },
        Happening::Left(s.conn()),
        Happening::TookOver(s.conn()),
        Happening::Renamed { conn: s.conn(), name: s.name() },
        Happening::Away { conn: s.conn(), text: s.maybe(Source::line) },
        Happening::Registered(Registration {
            guest: s.identity(),
            account: s.account(),
            made_at: s.at(),
        }),
        Happening::Unregistered { account: s.account(), who: s.maybe(Source::identity) },
        Happening::AccountUsed(s.account()),
        Happening::PasswordGiven {
            given: GivenPassword { account: s.account(), name: s.name(), made: s.flag() },
            before: s.maybe(Source::record),
        },
        Happening::Offered { lobby: s.lobby(), to: s.account(), from: s.person(), name: s.name() },
        Happening::OfferOver(s.lobby()),
    ];
    for what in server_moderations(s) {
        happenings.push(Happening::Moderated { by: s.name(), what });
    }
    happenings
}

fn changes(s: &mut Source) -> Vec<Change> {
    let owner = s.owners()[2];
    let mut changes = vec![
        Change::Said { lobby: s.lobby(), seq: s.any(), entry: s.entry() },
        Change::MessagesRemoved { lobby: s.lobby(), seqs: s.numbers() },
        Change::LobbyPut(s.state(owner)),
        Change::LobbyRemoved(s.lobby()),
        Change::LobbyUsed { lobby: s.lobby(), at: s.at() },
        Change::AccountPut(s.stored_account()),
        Change::RecordRenewed { account: s.account(), before: s.record(), record: s.record() },
        Change::AccountRemoved(s.account()),
        Change::PasswordSet { account: s.account(), record: s.record() },
        Change::AccountVouched(s.account()),
        Change::AccountUsed { account: s.account(), at: s.at() },
        Change::Registered { address: s.ip(), at: s.at() },
        Change::AccountPutOut { account: s.account(), lobby: s.lobby(), at: s.at() },
        Change::OwnerSet { lobby: s.lobby(), owner: s.maybe(Source::account) },
        Change::AccountLeft {
            account: s.account(),
            lobby: s.lobby(),
            at: s.at(),
            seq: s.maybe(Source::any),
        },
        Change::OperatorAdded { lobby: s.lobby(), account: s.account() },
        Change::OperatorRemoved { lobby: s.lobby(), account: s.account() },
        Change::SanctionLifted {
            kind: s.sanction_kind(),
            scope: s.scope(),
            key: SanctionKey { subject: s.subject(), name: s.name().key() },
        },
        Change::CertAdded { account: s.account(), fingerprint: Fingerprint([0xC4; 32]) },
        Change::CertRemoved { account: s.account(), fingerprint: Fingerprint([7; 32]) },
        Change::IgnoreAdded { account: s.account(), name: s.name(), who: s.person() },
        Change::IgnoreRemoved { account: s.account(), who: s.person() },
        Change::Became { before: s.person(), now: s.person() },
        Change::MailAdded { to: s.account(), mail: s.mail() },
        Change::MailTaken { account: s.account(), up_to: MailId(s.any()) },
        Change::Audited(AuditEntry { scope: s.scope(), at: s.at(), who: s.name(), what: s.line() }),
    ];
    for subject in s.subjects() {
        let sanction = s.sanction_of(subject);
        changes.push(Change::SanctionSet { kind: s.sanction_kind(), scope: s.scope(), sanction });
    }
    // The lines before these, which earlier versions have written, stay as they are.
    changes.extend(settings().map(|setting| Change::SettingSet { account: AccountId(7), setting }));
    changes
}

fn settings() -> impl Iterator<Item = Setting> {
    [
        Setting::ClockTimes(true),
        Setting::Colours(Colours::Light),
        Setting::Compact(false),
        Setting::Echo(false),
        Setting::Bell(Bell::All),
        Setting::Quiet(true),
        Setting::Width(Width::Columns(100)),
        Setting::Picture(Picture::DEFAULT),
        Setting::Mode(Mode::Plain),
    ]
    .into_iter()
}

fn of_rox(s: &mut Source) -> Vec<questions::Input> {
    let mut all = vec![
        questions::Input::Asked {
            question: QuestionId(s.any()),
            conn: s.conn(),
            text: s.line(),
            said: None,
            allowance: None,
        },
        questions::Input::Answered(AnswerPiece {
            id: s.any(),
            asker: s.person(),
            first: s.flag(),
            lines: [s.line(), s.line()].into(),
            open: false,
            shown: 0,
        }),
    ];
    let mut ends = vec![End::Answered([s.line(), s.line()].into())];
    ends.extend(
        [
            AiFailure::NoProvider,
            AiFailure::RateLimited,
            AiFailure::QuotaReached,
            AiFailure::InvalidPrompt,
            AiFailure::Unavailable,
        ]
        .map(End::Failed),
    );
    let over = |end| questions::Input::Over { question: QuestionId(s.any()), end, usage: None };
    all.extend(ends.into_iter().map(over));
    all
}

fn whats(s: &mut Source) -> Vec<What> {
    let mut whats: Vec<_> =
        inputs(s).into_iter().map(|input| What::Lobby { lobby: s.lobby(), input }).collect();
    whats.extend(happenings(s).into_iter().map(What::People));
    for owner in s.owners() {
        whats.push(What::LobbyMade(s.state(owner)));
    }
    whats.push(What::LobbyRemoved(s.lobby()));
    whats.extend(of_rox(s).into_iter().map(|input| What::Rox { lobby: s.lobby(), input }));
    whats
        .extend([What::Mail { to: s.account(), mail: s.mail() }, What::LifeOver { life: s.any() }]);
    whats
}

fn add(records: &mut Vec<Record>, whats: Vec<(What, Vec<Change>)>, s: &mut Source) {
    for (what, changes) in whats {
        let (life, number) = (Revision(s.any()), s.any());
        records.push(Record { life, number, what, changes, until: None });
    }
}

/// A record of each kind there is.
pub(super) fn every_kind(s: &mut Source) -> Vec<Record> {
    let mut all: Vec<_> = whats(s).into_iter().map(|what| (what, Vec::new())).collect();
    all.extend(changes(s).into_iter().map(|change| (What::Kept, vec![change])));
    let mut records = Vec::new();
    add(&mut records, all, s);
    let what = added(s).into_iter().map(|what| (what, Vec::new())).collect::<Vec<_>>();
    add(&mut records, what, s);
    let kept = added_changes(s).into_iter().map(|change| (What::Kept, vec![change]));
    let kept = kept.collect::<Vec<_>>();
    add(&mut records, kept, s);
    let of_rox = added_of_rox(s).into_iter().map(|what| (what, Vec::new())).collect::<Vec<_>>();
    add(&mut records, of_rox, s);
    let talk = talk_with_rox(s).into_iter().map(|what| (what, Vec::new())).collect::<Vec<_>>();
    add(&mut records, talk, s);
    let of_bots = of_bots(s).into_iter().map(|what| (what, Vec::new())).collect();
    add(&mut records, of_bots, s);
    let kept = changes_of_bots(s).into_iter().map(|change| (What::Kept, vec![change])).collect();
    add(&mut records, kept, s);
    records
}

/// What lasts that earlier versions do not know.
fn added_changes(s: &mut Source) -> Vec<Change> {
    vec![
        Change::SshKeyAdded { account: s.account(), fingerprint: Fingerprint([0x55; 32]) },
        Change::SshKeyRemoved { account: s.account(), fingerprint: Fingerprint([0x56; 32]) },
    ]
}

/// What has more in it than it had: at the end, so that the lines before are what they were.
fn added(s: &mut Source) -> Vec<What> {
    let who = s.identity();
    let handle = who.conn;
    let passwords = 1 + s.account().0 % 9;
    vec![What::People(Happening::Returned { who, away: None, passwords, handle })]
}

/// What has more in it than it had, and was added after those.
fn added_of_rox(s: &mut Source) -> Vec<What> {
    let id = s.any();
    let (lines, open, shown) = ([s.line(), s.line()].into(), s.flag(), 1 + (s.any() % 99) as usize);
    let piece = AnswerPiece { id, asker: s.person(), first: false, lines, open, shown };
    let cut = End::Cut([s.line()].into());
    let usage = Some(Usage { question: s.any(), answer: s.any() });
    let over = |end| questions::Input::Over { question: QuestionId(id), end, usage };
    let inputs =
        [questions::Input::Answered(piece), over(cut), over(End::Failed(AiFailure::Misconfigured))];
    inputs.map(|input| What::Rox { lobby: s.lobby(), input }).into()
}

/// What there is of the talk with Rox beside questions and answers: budgets, orders, what is in the history.
fn talk_with_rox(s: &mut Source) -> Vec<What> {
    let limits =
        Limits { user_per_hour: 20, lobby_per_day: 200, per_day: 1_000, tokens_per_day: s.any() };
    let allowance = Some(Allowance { limits, day: UnixMillis(s.any()) });
    let asked = questions::Input::Asked {
        question: QuestionId(s.any()),
        conn: s.conn(),
        text: s.line(),
        said: Some(Text::clean("@rox why?")),
        allowance,
    };
    let question = QuestionId(s.any());
    let inputs = [
        asked,
        questions::Input::CatchUp { question, conn: s.conn(), allowance },
        questions::Input::Stop { conn: s.conn() },
        questions::Input::Forget { conn: s.conn() },
        questions::Input::Over { question, end: End::Stopped, usage: None },
    ];
    let mut whats: Vec<_> =
        inputs.map(|input| What::Rox { lobby: s.lobby(), input }).into_iter().collect();
    let (by, what) = (s.identity(), Arc::new(Moderation::SetRox { on: s.flag() }));
    whats.push(What::Lobby { lobby: s.lobby(), input: Input::Moderate { by, what } });
    for kind in [MessageKind::Asked, MessageKind::Answer] {
        let saying = Saying { kind, text: Text::clean("because") };
        let input = Input::Say { conn: s.conn(), saying, tagged: None };
        whats.push(What::Lobby { lobby: s.lobby(), input });
    }
    whats
}

/// What bots and hooks brought.
fn of_bots(s: &mut Source) -> Vec<What> {
    let (account, name, owner) = (s.account(), s.name(), s.account());
    let who = Identity { bot_of: Some(owner), ..s.identity() };
    let handle = who.conn;
    let mut whats: Vec<_> = [
        Happening::CameIn { who, handle },
        Happening::BotMade(NewBot { account, name, owner }),
        Happening::BotGone { account },
    ]
    .map(What::People)
    .into();
    let hooks = [Moderation::AddHook(s.hook()), Moderation::DeleteHook(s.name())];
    let hooks = hooks.map(|what| Input::Moderate { by: s.identity(), what: Arc::new(what) });
    let posts =
        [Input::Post { hook: s.name(), text: s.text() }, Input::QuietBots { until: s.at() }];
    let of_lobby = hooks.into_iter().chain(posts);
    whats.extend(of_lobby.map(|input| What::Lobby { lobby: s.lobby(), input }));
    whats
}

/// What lasts of bots and hooks.
fn changes_of_bots(s: &mut Source) -> Vec<Change> {
    let owner = s.owners()[2];
    vec![
        Change::AccountPut(Account::of_bot(s.account(), s.name(), s.bot(), s.at())),
        Change::HookAdded { lobby: s.lobby(), hook: s.hook() },
        Change::HookRemoved { lobby: s.lobby(), name: s.name() },
        Change::LobbyPut(Arc::new(LobbyState {
            bots_quiet_until: Some(s.at()),
            ..(*s.state(owner)).clone()
        })),
        Change::MailAdded { to: s.account(), mail: Mail { from: s.bot_person(), ..s.mail() } },
    ]
}
