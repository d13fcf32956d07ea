//! The names: a copy of their table, those of the own sessions, and how they are claimed and released by
//! comparing and setting.
//!
//! As for the own life, one request about a name is under way at a time, and whenever the end of one is not
//! known, the key is read before anything else is done with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::engine::{Answer, Request, Revision, Table, Written};
use super::mark::Mark;
use super::out::{Out, Purpose};
use super::rules::{Rule, Rules};
use super::timing::{AGAIN_AFTER, Moment, REFUSE_AFTER, STRAY_AFTER};
use super::told::{Holder, LostName, NameValue, NotClaimed, Ticket, Told};
use super::values::{read_name, write_name};
use crate::chat::accounts::AccountId;
use crate::chat::directory::ConnId;

/// How often a claim is tried where others change the name at the same time.
const TRIES: u32 = 4;

/// So many names without a session are released at a time, so that the end of a node with thousands of users
/// does not keep the engine from what people wait for.
const SWEEP_AT_ONCE: usize = 64;

/// So many claims of a new life are under way at once.
const RETURNS_AT_ONCE: usize = 256;

/// A name that a session wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key: what is left of the name once all that looks alike is the same.
    pub key: String,
    /// The session.
    pub conn: ConnId,
    /// The account that it belongs to, where the session has proved that it is theirs.
    pub account: Option<AccountId>,
    /// What the application says of it.
    pub said: Bytes,
}

/// Who has a name, as the copy of the table knows it.
#[derive(Debug)]
struct Entry {
    revision: Revision,
    /// None where the value cannot be read: then somebody unknown has it.
    value: Option<NameValue>,
    /// In which reading of the table it was seen last.
    pass: u32,
}

/// What is to be done with a name of a session, and what is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It is to be had; with those who have had it before, it is said at the end of their life.
    Claiming { tries: u32, again: bool },
    /// The session has it.
    Held,
    /// It has it, and something else is to be said of it.
    Changing,
    /// It goes, once its last line is in the log.
    Leaving { after: Ticket },
}

#[derive(Debug)]
struct Own {
    claim: Claim,
    stage: Stage,
    /// The writing by which this session has it.
    held: Option<Revision>,
    since: Moment,
    /// The request that is under way.
    asked: Option<u64>,
    /// Whether the key is to be read first.
    look: bool,
    /// Nothing is asked before this.
    wait: Moment,
    /// A session of this node that has the name until the claim is decided, with its writing.
    before: Option<(Claim, Option<Revision>)>,
    /// The session has gone while its name was being claimed.
    gone: bool,
}

impl Own {
    fn new(claim: Claim, stage: Stage, now: Moment) -> Self {
        Self {
            claim,
            stage,
            held: None,
            since: now,
            asked: None,
            look: false,
            wait: now,
            before: None,
            gone: false,
        }
    }
}

/// The names.
#[derive(Debug)]
pub(crate) struct Names {
    node: Arc<str>,
    rules: Rules,
    table: HashMap<Box<str>, Entry>,
    pass: u32,
    read: bool,
    own: HashMap<String, Own>,
    /// Names of own sessions with which something is to be done.
    due: VecDeque<String>,
    /// Names that wait for time.
    waiting: Vec<String>,
    /// Names that go, by the line that is to be in the log first.
    leaving: BTreeSet<(Ticket, String)>,
    /// Names of an earlier life that wait for their turn.
    returns: VecDeque<String>,
    /// Names that no session has, with the writing, and when they are released.
    strays: BTreeMap<(Moment, String), Revision>,
    /// How many claims of a new life are not decided.
    returning: usize,
    returns_asked: usize,
    /// Names of which a session was given up: they may be strays.
    given_up: Vec<String>,
    last_asked: u64,
}

/// What a turn has to know of the rest of the node.
pub(crate) struct Around<'a> {
    /// The life under which names are claimed, while there is one.
    pub(crate) life: Option<Revision>,
    /// Whether anything may be asked: there is a connection, and the log was read to its end.
    pub(crate) may_ask: bool,
    /// The lives that are over.
    pub(crate) mark: &'a Mark,
    /// All lines up to this one have come back.
    pub(crate) logged: Ticket,
    /// Whether what waits is refused after a while.
    pub(crate) away: bool,
    /// The time.
    pub(crate) now: Moment,
}

/// What is to be done about a name, by what its key has.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Put(Option<Revision>),
    Mine(Revision),
    Not(NotClaimed),
    TakenOver,
}

impl Names {
    pub(crate) fn new(node: Arc<str>, rules: Rules) -> Self {
        Self {
            node,
            rules,
            table: HashMap::new(),
            pass: 0,
            read: false,
            own: HashMap::new(),
            due: VecDeque::new(),
            waiting: Vec::new(),
            leaving: BTreeSet::new(),
            returns: VecDeque::new(),
            strays: BTreeMap::new(),
            returning: 0,
            returns_asked: 0,
            given_up: Vec::new(),
            last_asked: 0,
        }
    }

    /// Whether the whole table has been read since the last connection.
    pub(crate) fn is_read(&self) -> bool {
        self.read
    }

    /// Whether each name that was had under an earlier life is claimed anew, or lost.
    pub(crate) fn have_returned(&self) -> bool {
        self.returning == 0
    }

    /// There is a new connection, and the table is read anew.
    pub(crate) fn connected(&mut self) {
        self.pass += 1;
        self.read = false;
        self.returns_asked = 0;
        self.waiting.clear();
        self.leaving.clear();
        self.returns.clear();
        self.due = self.own.keys().cloned().collect();
        for own in self.own.values_mut() {
            own.look |= own.asked.take().is_some();
            own.wait = Moment::default();
        }
    }

    /// All that was in the table has come.
    pub(crate) fn table_read(&mut self, around: &Around<'_>, out: &mut Out) {
        self.read = true;
        let pass = self.pass;
        self.table.retain(|_, entry| entry.pass == pass);
        self.strays.clear();
        let keys: Vec<String> = self.table.keys().map(|key| key.to_string()).collect();
        for key in keys {
            self.note_stray(&key, around);
        }
        // Names that were removed meanwhile, which nobody does while a session of a living node has them.
        let lost = |(key, own): (&String, &Own)| {
            let holds = matches!(own.stage, Stage::Held | Stage::Changing);
            (holds && !self.table.contains_key(&**key)).then(|| key.clone())
        };
        // The log may say why: then that is read before the key is.
        let lost: Vec<String> = self.own.iter().filter_map(lost).collect();
        for key in lost {
            self.read_first(key);
        }
        out.tell(Told::NamesRead);
    }

    /// A name was written or removed.
    pub(crate) fn written(&mut self, written: &Written, around: &Around<'_>, out: &mut Out) {
        let (key, revision) = (&written.key, written.revision);
        let known = self.table.get_mut(&**key);
        if let Some(known) = known {
            if known.revision > revision {
                return;
            }
            known.pass = self.pass;
            if known.revision == revision && written.bytes.is_some() {
                return;
            }
        }
        let value = written.bytes.as_ref().map(read_name);
        match &value {
            Some(value) => {
                let entry = Entry { revision, value: value.clone(), pass: self.pass };
                self.table.insert(key.as_str().into(), entry);
            }
            None => {
                self.table.remove(&**key);
            }
        }
        self.note_held(key, revision, value.clone().flatten().as_ref(), around, out);
        self.note_stray(key, around);
        out.tell(Told::Name { key: key.clone(), value: value.flatten() });
    }

    /// Whether an own session still has the name that was written.
    fn note_held(
        &mut self,
        key: &str,
        revision: Revision,
        value: Option<&NameValue>,
        around: &Around<'_>,
        out: &mut Out,
    ) {
        let Some(own) = self.own.get_mut(key) else { return };
        let holds = matches!(own.stage, Stage::Held | Stage::Changing | Stage::Leaving { .. });
        if !holds || own.held.is_none_or(|held| held >= revision) || own.asked.is_some() {
            return;
        }
        let holder = value.and_then(|value| value.holder.as_ref());
        let mine = holder.is_some_and(|h| {
            h.node == self.node && h.conn == own.claim.conn && Some(h.life) == around.life
        });
        if mine {
            own.held = Some(revision);
        } else if holder.is_none() {
            self.read_first(key.to_owned());
        } else if around.life.is_some() {
            let account = value.and_then(|value| value.account);
            let same = account.is_some() && account == own.claim.account && holder.is_some();
            let how = if same { LostName::TakenOver } else { LostName::Meanwhile };
            self.lose(key, how, out);
        }
    }

    /// The key of a name is read before anything else is done with it.
    fn read_first(&mut self, key: String) {
        if let Some(own) = self.own.get_mut(&key) {
            own.look = true;
            self.due.push_back(key);
        }
    }

    fn lose(&mut self, key: &str, how: LostName, out: &mut Out) {
        let Some(own) = self.own.remove(key) else { return };
        self.given_up.push(key.to_owned());
        let again = matches!(own.stage, Stage::Claiming { again: true, .. });
        self.returning -= usize::from(again);
        // Of those who have left meanwhile there may be lines, which are nobody's now.
        if again || !(own.gone || matches!(own.stage, Stage::Leaving { .. })) {
            out.tell(Told::LostName { key: key.to_owned(), conn: own.claim.conn, how });
        }
    }

    /// Notes a name that nobody has, to release it in a while.
    fn note_stray(&mut self, key: &str, around: &Around<'_>) {
        if let Some((revision, true)) =
            self.table.get(key).map(|entry| (entry.revision, self.is_stray(key, entry, around)))
        {
            self.strays.insert((around.now + STRAY_AFTER, key.to_owned()), revision);
        }
    }

    /// Whether nobody has a name: under the own life without a session, or under a life that is over, of
    /// which the first of the nodes takes care.
    fn is_stray(&self, key: &str, entry: &Entry, around: &Around<'_>) -> bool {
        let Some(holder) = entry.value.as_ref().and_then(|value| value.holder.as_ref()) else {
            return false;
        };
        if holder.node == self.node && Some(holder.life) == around.life {
            let had = self.own.get(key).is_some_and(|own| own.claim.conn == holder.conn);
            return !had && self.rules.hold(Rule::Strays);
        }
        around.mark.is_over(&holder.node, holder.life)
            && around.mark.current().map(|(node, _)| node).min() == Some(&self.node)
    }

    /// A life is over: its names are free, and released in a while.
    pub(crate) fn life_over(&mut self, around: &Around<'_>) {
        let over = |entry: &Entry| {
            let holder = entry.value.as_ref().and_then(|value| value.holder.as_ref());
            holder.is_some_and(|h| around.mark.is_over(&h.node, h.life))
        };
        let keys = self.table.iter().filter(|(_, entry)| over(entry));
        let keys: Vec<String> = keys.map(|(key, _)| key.to_string()).collect();
        for key in keys {
            self.note_stray(&key, around);
        }
    }

    /// A new life begins: all names of own sessions are claimed anew.
    pub(crate) fn begin_anew(&mut self, now: Moment) {
        self.returns_asked = 0;
        self.due.clear();
        self.waiting.clear();
        self.leaving.clear();
        self.returns.clear();
        for (key, own) in &mut self.own {
            let left = matches!(own.stage, Stage::Leaving { .. });
            let again = !matches!(own.stage, Stage::Claiming { again: false, .. });
            own.gone |= left;
            own.stage = Stage::Claiming { tries: 0, again };
            (own.held, own.since, own.wait) = (None, now, now);
            (own.look, own.asked) = (false, None);
            self.due.push_back(key.clone());
        }
        let again = |own: &&Own| matches!(own.stage, Stage::Claiming { again: true, .. });
        self.returning = self.own.values().filter(again).count();
    }

    /// A session wants a name.
    pub(crate) fn claim(&mut self, claim: Claim, now: Moment, out: &mut Out) {
        let key = claim.key.clone();
        let mut before = None;
        let mut look = false;
        if let Some(own) = self.own.get(&key) {
            let same = own.claim.account.is_some() && own.claim.account == claim.account;
            match own.stage {
                Stage::Leaving { .. } => look = own.asked.is_some(),
                Stage::Held | Stage::Changing if own.claim.conn == claim.conn => {
                    if let Some(revision) = own.held {
                        out.tell(Told::Claimed { key, conn: claim.conn, revision });
                    }
                    return;
                }
                Stage::Held | Stage::Changing if same => {
                    look = own.asked.is_some();
                    before = Some((own.claim.clone(), own.held));
                }
                Stage::Claiming { again: false, .. } if own.gone => {
                    look = own.asked.is_some();
                    before.clone_from(&own.before);
                    before.take_if(|(before, _)| before.conn == claim.conn);
                }
                Stage::Claiming { .. } | Stage::Held | Stage::Changing => {
                    let why = NotClaimed::Taken(own.claim.said.clone());
                    out.tell(Told::NotClaimed { key, conn: claim.conn, why });
                    return;
                }
            }
        }
        let stage = Stage::Claiming { tries: 0, again: false };
        // What is under way for the session before is not waited for: its answer finds another claim.
        let own = Own::new(claim, stage, now);
        let own = Own { look, before, ..own };
        self.own.insert(key.clone(), own);
        self.due.push_back(key);
    }

    /// Something else is to be said of the name of a session.
    pub(crate) fn change(
        &mut self,
        key: &str,
        conn: ConnId,
        account: Option<AccountId>,
        said: Bytes,
    ) {
        let Some(own) = self.own.get_mut(key).filter(|own| own.claim.conn == conn) else { return };
        (own.claim.account, own.claim.said) = (account, said);
        if own.stage == Stage::Held {
            own.stage = Stage::Changing;
            self.due.push_back(key.to_owned());
        } else {
            // A request that is under way says what was to be said before.
            own.look |= own.asked.is_some();
        }
    }

    /// A session needs its name no more, once all lines up to this one are in the log.
    pub(crate) fn release(&mut self, key: &str, conn: ConnId, after: Ticket) {
        let Some(own) = self.own.get_mut(key) else { return };
        own.before.take_if(|(before, _)| before.conn == conn);
        if own.claim.conn != conn {
            return;
        }
        match own.stage {
            Stage::Claiming { .. } => own.gone = true,
            Stage::Held | Stage::Changing => {
                own.stage = Stage::Leaving { after };
                self.due.push_back(key.to_owned());
            }
            Stage::Leaving { .. } => {}
        }
    }

    /// The lines that were said again under a new life are the last of those who have left meanwhile.
    pub(crate) fn resumed(&mut self, after: Ticket) {
        for (key, own) in &mut self.own {
            if own.gone && own.stage == Stage::Held {
                own.stage = Stage::Leaving { after };
                self.due.push_back(key.clone());
            }
        }
    }

    /// How many names own sessions have or want.
    pub(crate) fn own_names(&self) -> usize {
        self.own.len()
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, around: &Around<'_>, out: &mut Out) {
        if around.away {
            self.refuse_late(around.now, out);
        }
        self.due.extend(self.waiting.drain(..));
        if around.life.is_some() && self.read && around.may_ask {
            self.sweep(around, out);
        }
    }

    /// Does what is to be done now.
    pub(crate) fn turn(&mut self, around: &Around<'_>, out: &mut Out) {
        let Some(life) = around.life.filter(|_| self.read && around.may_ask) else { return };
        for key in std::mem::take(&mut self.given_up) {
            self.note_stray(&key, around);
        }
        while self.leaving.first().is_some_and(|(after, _)| *after <= around.logged) {
            self.due.extend(self.leaving.pop_first().map(|(_, key)| key));
        }
        let free = RETURNS_AT_ONCE.saturating_sub(self.returns_asked).min(self.returns.len());
        self.due.extend(self.returns.drain(..free));
        for _ in 0..self.due.len() {
            let Some(key) = self.due.pop_front() else { break };
            self.turn_of(key, life, around, out);
        }
    }

    /// Does what is to be done with one name.
    fn turn_of(&mut self, key: String, life: Revision, around: &Around<'_>, out: &mut Out) {
        let Some(own) = self.own.get_mut(&key) else { return };
        if own.asked.is_some() {
            return;
        }
        let again = matches!(own.stage, Stage::Claiming { again: true, .. });
        if around.now < own.wait {
            return self.waiting.push(key);
        }
        if again && self.returns_asked >= RETURNS_AT_ONCE {
            return self.returns.push_back(key);
        }
        match own.stage {
            Stage::Leaving { after }
                if after > around.logged && self.rules.hold(Rule::LastLineFirst) =>
            {
                self.leaving.insert((after, key));
                return;
            }
            _ => {}
        }
        if own.look {
            let request = Request::Get { table: Table::Names, key: key.clone() };
            self.ask(key, request, around.now, out);
            return;
        }
        match own.stage {
            Stage::Held => {}
            Stage::Claiming { .. } => {
                let entry = self.table.get(&*key);
                let entry = entry.map(|entry| (entry.revision, entry.value.clone()));
                self.decide(key, entry, life, around, out);
            }
            Stage::Changing | Stage::Leaving { .. } => self.put(key, None, life, around.now, out),
        }
    }

    /// Writes what is to be written: after the writing that is known to be the last.
    fn put(
        &mut self,
        key: String,
        after: Option<Revision>,
        life: Revision,
        now: Moment,
        out: &mut Out,
    ) {
        let Some(own) = self.own.get_mut(&key) else { return };
        let leaving = matches!(own.stage, Stage::Leaving { .. });
        let holder = Holder { node: self.node.clone(), life, conn: own.claim.conn };
        let value = NameValue {
            account: own.claim.account,
            holder: (!leaving).then_some(holder),
            said: own.claim.said.clone(),
        };
        let table = Table::Names;
        let request = match own.held {
            Some(held) if leaving && value.account.is_none() => {
                Request::Remove { table, key: key.clone(), after: held }
            }
            held => {
                let after = if matches!(own.stage, Stage::Claiming { .. }) { after } else { held };
                Request::Put { table, key: key.clone(), bytes: write_name(&value), after }
            }
        };
        self.ask(key, request, now, out);
    }

    fn ask(&mut self, key: String, request: Request, now: Moment, out: &mut Out) {
        let Some(own) = self.own.get_mut(&key) else { return };
        self.last_asked += 1;
        own.asked = Some(self.last_asked);
        let again = matches!(own.stage, Stage::Claiming { again: true, .. });
        self.returns_asked += usize::from(again);
        out.ask(Purpose::Name(key, self.last_asked), request, now);
    }

    /// What is to be done about a claim, by what its key has.
    fn next(
        &self,
        own: &Own,
        entry: Option<&(Revision, Option<NameValue>)>,
        life: Revision,
        mark: &Mark,
    ) -> Next {
        let again = matches!(own.stage, Stage::Claiming { again: true, .. });
        let (revision, value) = match entry {
            None => return Next::Put(None),
            Some((_, None)) => return Next::Not(NotClaimed::Taken(Bytes::new())),
            Some((revision, Some(value))) => (*revision, value),
        };
        let Some(holder) = &value.holder else {
            return match value.account {
                Some(account) if Some(account) != own.claim.account => {
                    Next::Not(NotClaimed::Account(account))
                }
                _ => Next::Put(Some(revision)),
            };
        };
        let here = holder.node == self.node;
        let mine = here && holder.life == life;
        if mine && holder.conn == own.claim.conn {
            return Next::Mine(revision);
        }
        match value.account {
            Some(account) if Some(account) != own.claim.account => {
                return Next::Not(NotClaimed::Account(account));
            }
            // The newer login has it: not the one that comes back after its node was cut off.
            Some(_) if !again => return Next::Put(Some(revision)),
            _ => {}
        }
        // A name under the own life that is claimed here has no other session.
        if mine || mark.is_over(&holder.node, holder.life) {
            return Next::Put(Some(revision));
        }
        if value.account.is_some() {
            return Next::TakenOver;
        }
        Next::Not(NotClaimed::Taken(value.said.clone()))
    }

    /// Goes on with a claim, by what its key has.
    fn decide(
        &mut self,
        key: String,
        entry: Option<(Revision, Option<NameValue>)>,
        life: Revision,
        around: &Around<'_>,
        out: &mut Out,
    ) {
        let Some(own) = self.own.get(&key) else { return };
        match self.next(own, entry.as_ref(), life, around.mark) {
            Next::Put(after) => self.put(key, after, life, around.now, out),
            Next::Mine(revision) => self.claimed(&key, revision, out),
            Next::Not(why) => self.not_claimed(&key, why, out),
            Next::TakenOver => self.lose(&key, LostName::TakenOver, out),
        }
    }

    fn claimed(&mut self, key: &str, revision: Revision, out: &mut Out) {
        let Some(own) = self.own.get_mut(key) else { return };
        let again = matches!(own.stage, Stage::Claiming { again: true, .. });
        self.returning -= usize::from(again);
        (own.stage, own.held) = (Stage::Held, Some(revision));
        let conn = own.claim.conn;
        if let Some((before, _)) = own.before.take() {
            let (key, conn) = (key.to_owned(), before.conn);
            out.tell(Told::LostName { key, conn, how: LostName::TakenOver });
        }
        self.doubt(key, revision);
        let Some(own) = self.own.get_mut(key) else { return };
        if own.gone && !again {
            // It never had a line of its own.
            own.stage = Stage::Leaving { after: Ticket(0) };
            self.due.push_back(key.to_owned());
        } else {
            let key = key.to_owned();
            out.tell(Told::Claimed { key, conn, revision });
        }
    }

    /// A name was written by an own session. Somebody may have written it since, whose word came earlier.
    fn doubt(&mut self, key: &str, revision: Revision) {
        if self.table.get(key).is_some_and(|entry| entry.revision > revision) {
            self.read_first(key.to_owned());
        }
    }

    fn not_claimed(&mut self, key: &str, why: NotClaimed, out: &mut Out) {
        let Some(own) = self.own.get(key) else { return };
        if matches!(own.stage, Stage::Claiming { again: true, .. }) {
            self.lose(key, LostName::Meanwhile, out);
            return;
        }
        let Some(own) = self.own.remove(key) else { return };
        self.given_up.push(key.to_owned());
        let since = own.since;
        if !own.gone {
            out.tell(Told::NotClaimed { key: key.to_owned(), conn: own.claim.conn, why });
        }
        // The session before may have it still: that is read.
        if let Some((claim, held)) = own.before {
            let stage = Stage::Held;
            self.own
                .insert(key.to_owned(), Own { held, look: true, ..Own::new(claim, stage, since) });
            self.due.push_back(key.to_owned());
        }
    }

    /// Claims of new sessions that waited too long.
    fn refuse_late(&mut self, now: Moment, out: &mut Out) {
        let late = |(key, own): (&String, &Own)| {
            let new = matches!(own.stage, Stage::Claiming { again: false, .. });
            (new && now.since(own.since) >= REFUSE_AFTER).then(|| key.clone())
        };
        let late: Vec<String> = self.own.iter().filter_map(late).collect();
        for key in late {
            self.not_claimed(&key, NotClaimed::Away, out);
        }
    }

    /// A request about a name of a session was answered.
    pub(crate) fn answered(
        &mut self,
        key: String,
        asked: u64,
        answer: &Answer,
        around: &Around<'_>,
        out: &mut Out,
    ) {
        let Some(life) = around.life else { return };
        // What was asked for a session before, or for a life before, is of no use.
        let Some(own) = self.own.get_mut(&key).filter(|own| own.asked == Some(asked)) else {
            return;
        };
        own.asked = None;
        let again = matches!(own.stage, Stage::Claiming { again: true, .. });
        self.returns_asked = self.returns_asked.saturating_sub(usize::from(again));
        match answer {
            Answer::Value(found) => {
                own.look = false;
                let found = found.as_ref().map(|(revision, bytes)| (*revision, read_name(bytes)));
                self.found(key, found, life, around, out);
            }
            Answer::Written(revision) if !own.look => match own.stage {
                Stage::Claiming { .. } => self.claimed(&key, *revision, out),
                Stage::Changing | Stage::Held => {
                    (own.stage, own.held) = (Stage::Held, Some(*revision));
                    self.doubt(&key, *revision);
                }
                Stage::Leaving { .. } => {
                    self.own.remove(&key);
                }
            },
            _ => {
                own.look = true;
                if matches!(answer, Answer::Refused | Answer::Unknown) {
                    own.wait = around.now + AGAIN_AFTER;
                }
                let refused = matches!(answer, Answer::Refused);
                if let Stage::Claiming { tries, again: false } = &mut own.stage {
                    *tries += 1;
                    if refused {
                        self.not_claimed(&key, NotClaimed::Refused, out);
                        return;
                    }
                    if *tries >= TRIES {
                        self.not_claimed(&key, NotClaimed::Taken(Bytes::new()), out);
                        return;
                    }
                }
                self.due.push_back(key);
            }
        }
    }

    /// The key of a name of a session was read.
    fn found(
        &mut self,
        key: String,
        found: Option<(Revision, Option<NameValue>)>,
        life: Revision,
        around: &Around<'_>,
        out: &mut Out,
    ) {
        let Some(own) = self.own.get_mut(&key) else { return };
        if matches!(own.stage, Stage::Claiming { .. }) {
            return self.decide(key, found, life, around, out);
        }
        let value = found.as_ref().and_then(|(_, value)| value.as_ref());
        let holder = value.and_then(|value| value.holder.as_ref());
        let mine = holder
            .is_some_and(|h| h.node == self.node && h.life == life && h.conn == own.claim.conn);
        if let (true, Some((revision, _))) = (mine, &found) {
            own.held = Some(*revision);
            if own.stage == Stage::Held {
                own.stage = Stage::Changing;
            }
            self.due.push_back(key);
            return;
        }
        let account = value.and_then(|value| value.account);
        let same = account.is_some() && account == own.claim.account && holder.is_some();
        self.lose(&key, if same { LostName::TakenOver } else { LostName::Meanwhile }, out);
    }

    /// Releases names that nobody has had for a while.
    fn sweep(&mut self, around: &Around<'_>, out: &mut Out) {
        for _ in 0..SWEEP_AT_ONCE {
            let Some(first) = self.strays.first_entry() else { return };
            if first.key().0 > around.now {
                return;
            }
            let ((_, key), noted) = first.remove_entry();
            let Some(entry) = self.table.get(&*key) else { continue };
            if entry.revision != noted || !self.is_stray(&key, entry, around) {
                continue;
            }
            let after = entry.revision;
            let account = entry.value.as_ref().filter(|value| value.account.is_some());
            let table = Table::Names;
            let request = match account {
                Some(value) => {
                    let free = NameValue { holder: None, ..value.clone() };
                    let bytes = write_name(&free);
                    Request::Put { table, key: key.clone(), bytes, after: Some(after) }
                }
                None => Request::Remove { table, key: key.clone(), after },
            };
            out.ask(Purpose::Sweep, request, around.now);
            // Unless it is seen to be free by then, it is tried again.
            self.strays.insert((around.now + STRAY_AFTER, key), after);
        }
    }
}
