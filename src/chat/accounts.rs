//! Accounts: who somebody is beyond their name, which names have an account, and whose.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use base64::prelude::*;
use serde::{Deserialize, Serialize};

use super::directory::{ConnId, IpKey};
use super::history::UnixMillis;
use super::name::{Name, NameKey};
use super::skeleton::Lookalikes;

/// Fewest characters in the password of an account (NIST SP 800-63B §5.1.1).
pub const MIN_ACCOUNT_PASSWORD_CHARS: usize = 8;
/// Passwords that somebody may try at one login.
pub const MAX_LOGIN_TRIES: usize = 3;
/// Private messages that wait for an account that is not connected.
pub const MAX_MAIL: usize = 50;
/// Client certificates and SSH keys of one account.
pub const MAX_KEYS: usize = 10;
/// An account that nobody logged in to again for so long after it was made goes: its name is worth
/// more to others.
pub const UNUSED_AFTER: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The time in which the accounts that an address makes are counted.
pub const REGISTRATION_WINDOW: Duration = Duration::from_secs(24 * 3_600);

/// Number of an account, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub u32);

/// Whom a mute or a ban is about: an account, or for guests an address, or a name alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Whoever has logged in to this account, from anywhere.
    Account(AccountId),
    /// Every guest of this address.
    Address(IpKey),
    /// Whatever guest has this name.
    Name(NameKey),
}

/// Whose something is that is counted for a user: the account's, else that of the name at its address.
/// Never a connection's: whoever connects again would start anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Holder {
    /// An account, wherever it is used.
    Account(AccountId),
    /// The guests of this name at this address.
    Guest(NameKey, IpKey),
}

/// Who asks for something: a connected user, as the Session tells with each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The connection.
    pub conn: ConnId,
    /// The name that they have now.
    pub name: Name,
    /// Their account; none for a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The address that they come from.
    pub ip: IpKey,
    /// Whether their account is one of the server's admins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admin: bool,
    /// Of a bot the account that has made it; none of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_of: Option<AccountId>,
}

impl Identity {
    /// Somebody who is no admin, and no bot, as far as is known yet.
    pub fn new(conn: ConnId, name: Name, account: Option<AccountId>, ip: IpKey) -> Self {
        Self { conn, name, account, ip, admin: false, bot_of: None }
    }

    /// The operator, at the console: an admin without an account and a connection, whose number no
    /// connection has.
    pub fn console() -> Self {
        let nowhere = IpKey::from(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        Self { admin: true, ..Self::new(ConnId(0), Name::console(), None, nowhere) }
    }

    /// What holds for them, held for: the account, or that of a [guest](Self::guest_subject).
    pub fn subject(&self) -> Subject {
        self.account.map_or_else(|| self.guest_subject(), Subject::Account)
    }

    /// What holds for them as a guest, held for: the address; where that is not known, the name, since
    /// the place of a connection is gone with it.
    pub fn guest_subject(&self) -> Subject {
        if self.ip.is_known() { Subject::Address(self.ip) } else { Subject::Name(self.name.key()) }
    }

    /// The same connection without an account.
    pub fn as_guest(&self) -> Self {
        Self { account: None, admin: false, bot_of: None, ..self.clone() }
    }

    /// What is counted for them is counted for.
    pub fn holder(&self) -> Holder {
        match self.account {
            Some(account) => Holder::Account(account),
            None => Holder::Guest(self.name.key(), self.ip),
        }
    }
}

#[cfg(test)]
impl Identity {
    /// Somebody for a test, of the address 10.0.0.1 and no admin.
    pub fn example(conn: u64, name: &str, account: Option<u32>) -> Self {
        Self {
            conn: ConnId(conn),
            name: Name::parse(name).unwrap(),
            account: account.map(AccountId),
            ip: IpKey::from(std::net::IpAddr::from([10, 0, 0, 1])),
            admin: false,
            bot_of: None,
        }
    }
}

/// Whom something is done to, once a name that was typed has been looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A connected user, in whatever lobby.
    Present(Identity),
    /// An account that is not connected.
    Absent {
        /// The number of the account.
        account: AccountId,
        /// Its name.
        name: Name,
        /// Whether it is one of the server's admins.
        admin: bool,
        /// Of a bot the account that has made it.
        bot_of: Option<AccountId>,
    },
    /// A guest who has left the server not long ago, as they were.
    Departed(Identity),
}

impl Target {
    /// Their name.
    pub fn name(&self) -> &Name {
        match self {
            Self::Present(who) | Self::Departed(who) => &who.name,
            Self::Absent { name, .. } => name,
        }
    }

    /// Their account; none for a guest.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Present(who) => who.account,
            Self::Absent { account, .. } => Some(*account),
            Self::Departed(_) => None,
        }
    }

    /// Their connection, where they are connected.
    pub fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Present(who) => Some(who.conn),
            Self::Absent { .. } | Self::Departed(_) => None,
        }
    }

    /// Whether it is a bot.
    pub fn is_bot(&self) -> bool {
        match self {
            Self::Present(who) | Self::Departed(who) => who.bot_of.is_some(),
            Self::Absent { bot_of, .. } => bot_of.is_some(),
        }
    }

    /// Whether their account is one of the server's admins.
    pub fn is_admin(&self) -> bool {
        match self {
            Self::Present(who) => who.admin,
            Self::Absent { admin, .. } => *admin,
            Self::Departed(_) => false,
        }
    }

    /// What a mute or a ban of them is held for; with `alone` that of a guest for their name, so that
    /// it is nobody else's of their address.
    pub fn subject(&self, alone: bool) -> Subject {
        match self {
            Self::Present(who) | Self::Departed(who) if alone && who.account.is_none() => {
                Subject::Name(who.name.key())
            }
            Self::Present(who) | Self::Departed(who) => who.subject(),
            Self::Absent { account, .. } => Subject::Account(*account),
        }
    }

    /// Whether this is the one who asks, over whatever connection.
    pub fn is(&self, who: &Identity) -> bool {
        self.conn() == Some(who.conn) || (who.account.is_some() && self.account() == who.account)
    }
}

/// SHA-256 of a client certificate, or of an SSH key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// How many of its bytes a list shows, enough to tell one user's certificates apart.
    pub const SHOWN_BYTES: usize = 8;
}

/// As `openssl x509 -fingerprint -sha256` prints it; `{:.8}` prints the first 8 bytes.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().take(f.precision().unwrap_or(self.0.len())).enumerate() {
            write!(f, "{}{byte:02X}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// What somebody comes with instead of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// A client certificate of TLS.
    X509,
    /// A public key of SSH.
    Ssh,
}

/// A client certificate or an SSH key, as an account knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which of them it is: the same bytes would be another key of the other kind.
    pub kind: KeyKind,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

impl Key {
    /// A client certificate.
    pub fn x509(fingerprint: Fingerprint) -> Self {
        Self { kind: KeyKind::X509, fingerprint }
    }

    /// An SSH key.
    pub fn ssh(fingerprint: Fingerprint) -> Self {
        Self { kind: KeyKind::Ssh, fingerprint }
    }
}

/// What stands before the fingerprint of an SSH key, wherever people see one.
const SSH_LABEL: &str = "SHA256:";

/// As the tools of its kind print it: `openssl x509 -fingerprint -sha256`, `ssh-keygen -l`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            KeyKind::X509 => write!(f, "{}", self.fingerprint),
            KeyKind::Ssh => {
                write!(f, "{SSH_LABEL}{}", BASE64_STANDARD_NO_PAD.encode(self.fingerprint.0))
            }
        }
    }
}

/// How a user names one of their keys: how its fingerprint begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPrefix {
    /// Of a certificate: hexadecimal digits in upper case.
    X509(Box<str>),
    /// Of an SSH key: digits of base64.
    Ssh(Box<str>),
}

impl KeyPrefix {
    /// Reads hexadecimal digits in either case, with or without colons, or what follows `SHA256:`. None where
    /// there are none, more than a fingerprint has, or anything else.
    pub fn parse(typed: &str) -> Option<Self> {
        if let Some((label, rest)) = typed.split_at_checked(SSH_LABEL.len())
            && label.eq_ignore_ascii_case(SSH_LABEL)
        {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"+/".contains(&b);
            let good = rest.bytes().all(fits) && (1..=43).contains(&rest.len());
            return good.then(|| Self::Ssh(rest.into()));
        }
        let digits: String = typed.chars().filter(|c| *c != ':').collect();
        let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        let good = hex && (1..=64).contains(&digits.len());
        good.then(|| Self::X509(digits.to_ascii_uppercase().into()))
    }

    /// Of which kind the key is that is meant.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::X509(_) => KeyKind::X509,
            Self::Ssh(_) => KeyKind::Ssh,
        }
    }

    /// Whether this key is meant.
    pub fn matches(&self, key: &Key) -> bool {
        let Fingerprint(bytes) = &key.fingerprint;
        match (self, key.kind) {
            (Self::X509(digits), KeyKind::X509) => {
                let all: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
                all.starts_with(&**digits)
            }
            (Self::Ssh(digits), KeyKind::Ssh) => {
                BASE64_STANDARD_NO_PAD.encode(bytes).starts_with(&**digits)
            }
            (Self::X509(_), KeyKind::Ssh) | (Self::Ssh(_), KeyKind::X509) => false,
        }
    }
}

/// The names that have an account, and those kept for the server's admins.
#[derive(Debug, Default)]
pub struct Accounts {
    by_key: HashMap<NameKey, AccountId>,
    names: HashMap<AccountId, Name>,
    /// The names kept for admins, as the operator wrote them.
    admins: HashMap<NameKey, Name>,
    /// The accounts that the operator has made, or given a password: they alone can be admins.
    by_operator: HashSet<AccountId>,
    /// Names whose accounts are being stored.
    pending: HashSet<NameKey>,
    /// When those were made that were never logged in to again.
    unused: HashMap<AccountId, UnixMillis>,
    /// The accounts that are bots', and by whom those were made.
    bots: HashMap<AccountId, AccountId>,
    alike: Lookalikes,
}

impl Accounts {
    /// No accounts yet. The names of the admins are kept until each has one.
    pub fn new(admins: impl IntoIterator<Item = Name>) -> Self {
        let mut accounts = Self::default();
        accounts.set_admins(admins);
        accounts
    }

    /// From here on these names are those of the admins, and kept for them; others are no more.
    pub fn set_admins(&mut self, admins: impl IntoIterator<Item = Name>) {
        let mut after = HashMap::new();
        for name in admins {
            after.entry(name.key()).or_insert(name);
        }
        let before = std::mem::replace(&mut self.admins, after);
        // A name is among those that others may not look like once, by whatever it is kept.
        let only_in = |these: &HashMap<NameKey, Name>, those: &HashMap<NameKey, Name>| {
            let only =
                |key: &&NameKey| !those.contains_key(*key) && !self.by_key.contains_key(*key);
            these.keys().filter(only).filter_map(|key| these.get(key)).cloned().collect::<Vec<_>>()
        };
        let (gone, new) = (only_in(&before, &self.admins), only_in(&self.admins, &before));
        gone.iter().for_each(|name| self.alike.remove(name));
        new.iter().for_each(|name| self.alike.add(name));
    }

    /// The accounts of the admins that are theirs.
    pub fn admins(&self) -> impl Iterator<Item = AccountId> {
        let accounts = self.admins.keys().filter_map(|key| self.by_key.get(key));
        accounts.filter(|id| self.by_operator.contains(id)).copied()
    }

    /// Adds an account.
    pub fn add(&mut self, id: AccountId, name: Name) {
        if !self.admins.contains_key(&name.key()) {
            self.alike.add(&name);
        }
        self.by_key.insert(name.key(), id);
        self.names.insert(id, name);
    }

    /// Keeps a name while its account is being stored: nobody else is to have it in between.
    pub fn begin(&mut self, name: &Name) {
        if self.pending.insert(name.key()) {
            self.alike.add(name);
        }
    }

    /// The account is stored, or is not to be had: the name is kept no more on that behalf.
    pub fn end(&mut self, name: &Name) {
        if self.pending.remove(&name.key()) {
            self.alike.remove(name);
        }
    }

    /// Whether the account of this name is being stored.
    pub fn is_pending(&self, key: &NameKey) -> bool {
        self.pending.contains(key)
    }

    /// The operator has made this account, or given it a password.
    pub fn vouch_for(&mut self, id: AccountId) {
        self.by_operator.insert(id);
    }

    /// The account was made at that time and has not been logged in to since.
    pub fn note_unused(&mut self, id: AccountId, made_at: UnixMillis) {
        self.unused.insert(id, made_at);
    }

    /// Somebody logs in to the account. Whether that is the first time since it was made.
    pub fn note_used(&mut self, id: AccountId) -> bool {
        self.unused.remove(&id).is_some()
    }

    /// The accounts that were not logged in to again for [`UNUSED_AFTER`] after they were made.
    pub fn unused(&self, now: UnixMillis) -> Vec<AccountId> {
        let old = self.unused.iter().filter(|(_, made_at)| made_at.until(now) >= UNUSED_AFTER);
        old.map(|(id, _)| *id).collect()
    }

    /// The names of admins without an account, which are no admins yet.
    pub fn absent_admins(&self) -> impl Iterator<Item = &Name> {
        self.admins.iter().filter(|(key, _)| !self.by_key.contains_key(key)).map(|(_, name)| name)
    }

    /// The accounts of an admin's name that somebody else had made before it became one.
    pub fn doubtful_admins(&self) -> impl Iterator<Item = &Name> {
        let admins = self.admins.keys().filter_map(|key| self.by_key.get(key));
        admins.filter(|id| !self.by_operator.contains(id)).filter_map(|id| self.names.get(id))
    }

    /// The account is a bot's, which another one has made.
    pub fn note_bot(&mut self, id: AccountId, owner: AccountId) {
        self.bots.insert(id, owner);
    }

    /// By which account this one was made, where it is a bot's.
    pub fn bot_of(&self, id: AccountId) -> Option<AccountId> {
        self.bots.get(&id).copied()
    }

    /// The bots of an account, by number.
    pub fn bots(&self, owner: AccountId) -> Vec<AccountId> {
        let theirs = self.bots.iter().filter(|(_, of)| **of == owner);
        let mut bots: Vec<_> = theirs.map(|(id, _)| *id).collect();
        bots.sort_unstable();
        bots
    }

    /// Takes an account out: its name is free again.
    pub fn remove(&mut self, id: AccountId) -> Option<Name> {
        let name = self.names.remove(&id)?;
        self.bots.remove(&id);
        self.by_key.remove(&name.key());
        self.by_operator.remove(&id);
        self.unused.remove(&id);
        if !self.admins.contains_key(&name.key()) {
            self.alike.remove(&name);
        }
        Some(name)
    }

    /// The account of this name in any spelling.
    pub fn find(&self, key: &NameKey) -> Option<AccountId> {
        self.by_key.get(key).copied()
    }

    /// The name of an account, as it was registered.
    pub fn name(&self, id: AccountId) -> Option<&Name> {
        self.names.get(&id)
    }

    /// Whether this name is kept for an admin.
    pub fn is_kept(&self, key: &NameKey) -> bool {
        self.admins.contains_key(key)
    }

    /// Whether whoever has logged in under this name is an admin: the operator has named it, and made
    /// its account, so that a stranger who had it before is none.
    pub fn is_admin(&self, key: &NameKey) -> bool {
        let vouched = |id| self.by_operator.contains(id);
        self.admins.contains_key(key) && self.by_key.get(key).is_some_and(vouched)
    }

    /// A registered or kept name that looks like `name` and is another.
    pub fn close_to(&self, name: &Name) -> Option<&Name> {
        self.alike.close_to(name)
    }

    /// A registered name that looks like `name` and is another: of those alone all nodes know the same.
    pub fn close_to_account(&self, name: &Name) -> Option<&Name> {
        self.alike.alike(name).find(|other| self.by_key.contains_key(&other.key()))
    }

    /// The target of this name where nobody is connected under it.
    pub fn absent(&self, key: &NameKey) -> Option<Target> {
        let account = self.find(key)?;
        let name = self.name(account)?.clone();
        let bot_of = self.bot_of(account);
        Some(Target::Absent { account, name, admin: self.is_admin(key), bot_of })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn guest(conn: u64) -> Identity {
        Identity::example(conn, "alice", None)
    }

    #[test]
    fn names_of_accounts_are_found_in_any_spelling_and_freed() {
        let mut accounts = Accounts::default();
        accounts.add(AccountId(7), name("Alice"));
        assert_eq!(accounts.find(&NameKey::of("aLICE")), Some(AccountId(7)));
        assert_eq!(accounts.name(AccountId(7)), Some(&name("Alice")));
        assert_eq!(accounts.close_to(&name("a1ice")), Some(&name("Alice")));
        assert_eq!(accounts.close_to(&name("alice")), None);
        assert_eq!(accounts.remove(AccountId(7)), Some(name("Alice")));
        assert_eq!(accounts.remove(AccountId(7)), None);
        assert!(accounts.is_empty() && accounts.find(&NameKey::of("alice")).is_none());
        assert_eq!(accounts.close_to(&name("a1ice")), None);
    }

    #[test]
    fn names_of_admins_are_kept_with_and_without_an_account() {
        let mut accounts = Accounts::new([name("Root"), name("root")]);
        let key = NameKey::of("ROOT");
        assert!(accounts.is_kept(&key) && accounts.find(&key).is_none());
        assert_eq!(accounts.close_to(&name("r00t")), Some(&name("Root")));
        accounts.add(AccountId(1), name("root"));
        accounts.vouch_for(AccountId(1));
        assert_eq!(
            accounts.absent(&key),
            Some(Target::Absent {
                account: AccountId(1),
                name: name("root"),
                admin: true,
                bot_of: None
            })
        );
        accounts.remove(AccountId(1));
        assert!(!accounts.is_admin(&key) && accounts.absent(&key).is_none());
        assert_eq!(accounts.close_to(&name("r00t")), Some(&name("Root")));
    }

    #[test]
    fn other_names_of_admins_hold_at_once() {
        let mut accounts = Accounts::new([name("root"), name("boss")]);
        accounts.add(AccountId(1), name("root"));
        accounts.add(AccountId(2), name("Carl"));
        accounts.vouch_for(AccountId(1));
        accounts.vouch_for(AccountId(2));
        assert_eq!(accounts.admins().collect::<Vec<_>>(), [AccountId(1)]);
        accounts.set_admins([name("carl"), name("dave")]);
        assert_eq!(accounts.admins().collect::<Vec<_>>(), [AccountId(2)]);
        // What is kept, with or without an account, may not be looked like; what is not may be had.
        for (like, want) in [("r00t", Some("root")), ("b0ss", None), ("car1", Some("Carl"))] {
            assert_eq!(accounts.close_to(&name(like)).map(Name::as_str), want, "{like}");
        }
        assert_eq!(accounts.absent_admins().collect::<Vec<_>>(), [&name("dave")]);
        assert!(accounts.is_kept(&NameKey::of("DAVE")) && !accounts.is_kept(&NameKey::of("boss")));
        accounts.remove(AccountId(1));
        accounts.remove(AccountId(2));
        assert_eq!(accounts.close_to(&name("r00t")), None);
        assert!(accounts.close_to(&name("car1")).is_some());
        accounts.set_admins([]);
        assert_eq!(accounts.close_to(&name("car1")), None);
    }

    #[test]
    fn an_admins_name_that_a_stranger_had_before_makes_no_admin() {
        let mut accounts = Accounts::new([name("root")]);
        let key = NameKey::of("root");
        accounts.add(AccountId(1), name("root"));
        assert!(!accounts.is_admin(&key));
        assert_eq!(accounts.doubtful_admins().collect::<Vec<_>>(), [&name("root")]);
        accounts.vouch_for(AccountId(1));
        assert!(accounts.is_admin(&key) && accounts.doubtful_admins().next().is_none());
        accounts.remove(AccountId(1));
        accounts.add(AccountId(2), name("root"));
        assert!(!accounts.is_admin(&key), "another account of that name");
    }

    #[test]
    fn a_name_is_kept_while_its_account_is_stored() {
        let mut accounts = Accounts::default();
        accounts.begin(&name("alice"));
        assert!(accounts.is_pending(&NameKey::of("ALICE")));
        assert_eq!(accounts.close_to(&name("a1ice")), Some(&name("alice")));
        accounts.end(&name("alice"));
        assert!(!accounts.is_pending(&NameKey::of("alice")));
        assert_eq!(accounts.close_to(&name("a1ice")), None);
    }

    #[test]
    fn accounts_that_are_never_used_again_go_after_a_month() {
        let mut accounts = Accounts::default();
        for id in [1, 2, 3] {
            accounts.add(AccountId(id), name(&format!("user{id}")));
            accounts.note_unused(AccountId(id), UnixMillis(u64::from(id) * 1_000));
        }
        assert!(accounts.note_used(AccountId(2)) && !accounts.note_used(AccountId(2)));
        let month = u64::try_from(UNUSED_AFTER.as_millis()).unwrap();
        assert_eq!(accounts.unused(UnixMillis(month + 999)), []);
        assert_eq!(accounts.unused(UnixMillis(month + 2_999)), [AccountId(1)]);
        accounts.remove(AccountId(1));
        assert_eq!(accounts.unused(UnixMillis(month * 2)), [AccountId(3)]);
    }

    #[test]
    fn an_account_is_one_whatever_its_connection_and_a_guest_is_their_connection() {
        let account = |conn| Identity { account: Some(AccountId(1)), ..guest(conn) };
        assert_eq!(account(1).subject(), Subject::Account(AccountId(1)));
        assert_eq!(guest(1).subject(), guest(2).subject(), "one address");
        assert!(Target::Present(account(1)).is(&account(2)));
        assert!(Target::Present(guest(1)).is(&guest(1)));
        assert!(!Target::Present(guest(1)).is(&guest(2)));
        let absent =
            Target::Absent { account: AccountId(2), name: name("bob"), admin: false, bot_of: None };
        assert!(!absent.is(&account(1)) && !absent.is(&guest(1)));
    }

    #[test]
    fn certificates_are_named_by_their_first_digits() {
        let mut bytes = [0; 32];
        bytes[..3].copy_from_slice(&[0xAB, 0xCD, 0x0F]);
        let fingerprint = Fingerprint(bytes);
        assert_eq!(format!("{fingerprint:.4}"), "AB:CD:0F:00");
        assert_eq!(fingerprint.to_string().len(), 95);
        for (typed, want) in [
            ("a", Some(true)),
            ("AB:cd", Some(true)),
            ("abcd0", Some(true)),
            ("abcd1", Some(false)),
            ("b", Some(false)),
            ("", None),
            (":", None),
            ("xyz", None),
            ("abé", None),
        ] {
            let got = KeyPrefix::parse(typed).map(|prefix| prefix.matches(&Key::x509(fingerprint)));
            assert_eq!(got, want, "{typed}");
        }
        let whole = KeyPrefix::parse(&fingerprint.to_string()).unwrap();
        assert!(whole.matches(&Key::x509(fingerprint)) && !whole.matches(&Key::ssh(fingerprint)));
        assert!(KeyPrefix::parse(&"a".repeat(65)).is_none());
    }

    #[test]
    fn ssh_keys_are_named_as_ssh_keygen_prints_them() {
        // That of nothing, as `openssl dgst -sha256 -binary < /dev/null | base64` has it.
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let bytes: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect();
        let key = Key::ssh(Fingerprint(bytes.try_into().unwrap()));
        assert_eq!(key.to_string(), "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
        for (typed, want) in [
            ("SHA256:4", Some(true)),
            ("sha256:47DEQpj8HBSa+/", Some(true)),
            ("SHA256:47deq", Some(false)),
            ("SHA256:", None),
            ("SHA256:47 ", None),
            ("47DEQ", None),
        ] {
            let got = KeyPrefix::parse(typed).map(|prefix| prefix.matches(&key));
            assert_eq!(got, want, "{typed}");
        }
        let whole = KeyPrefix::parse(&key.to_string()).unwrap();
        assert!(whole.matches(&key) && !whole.matches(&Key::x509(key.fingerprint)));
        assert!(KeyPrefix::parse(&format!("SHA256:{}", "a".repeat(44))).is_none());
    }
}
