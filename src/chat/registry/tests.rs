use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::departed::DEPARTED_FOR;
use super::*;
use crate::chat::accounts::{REGISTRATION_WINDOW, Subject, UNUSED_AFTER};
use crate::chat::kept;
use crate::chat::orders::{Named, OFFER_TIME, OrderError, ServerOrder};
use crate::chat::password::{SALT_BYTES, Secret};
use crate::chat::roles::Denied;
use crate::chat::sanctions::{Penalty, Terms};

/// People, what has happened to them, and a clock. A user is reached by the number of their connection;
/// connections whose numbers have the same last digit are of one address.
struct Script {
    people: People<u64>,
    log: Vec<(Happening<u64>, UnixMillis)>,
    now: UnixMillis,
}

const START: UnixMillis = UnixMillis(1_000_000_000);
const ROOT: u64 = 9;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn ip(conn: u64) -> IpKey {
    IpKey::from(IpAddr::from([10, 0, 0, u8::try_from(conn % 10).unwrap()]))
}

fn who(conn: u64, text: &str, account: Option<u32>) -> Identity {
    Identity { ip: ip(conn), ..Identity::example(conn, text, account) }
}

fn person(conn: u64, text: &str, account: Option<u32>) -> Person {
    (&who(conn, text, account)).into()
}

fn taken() -> LoginError {
    ClaimError::Taken.into()
}

/// As it was at a start: the accounts alice (1), bob (2) and root (3), an admin's.
fn stored() -> People<u64> {
    let mut people = People::new([name("root")], 2);
    for (id, text) in [(1, "alice"), (2, "bob"), (3, "root")] {
        let (id, name, by_operator) = (AccountId(id), name(text), text == "root");
        let known = KnownAccount { id, name, by_operator, unused_since: None, bot_of: None };
        people.restore_account(known);
    }
    people.restore_next_account(AccountId(4));
    people
}

impl Script {
    fn new() -> Self {
        Self { people: stored(), log: Vec::new(), now: START }
    }

    fn wait(&mut self, time: Duration) {
        self.now.0 += u64::try_from(time.as_millis()).unwrap();
    }

    fn happen(&mut self, what: Happening<u64>) -> Vec<Effect<u64>> {
        self.log.push((what.clone(), self.now));
        let effects = self.people.happen(what, self.now).into_iter();
        effects.map(without_terms).collect()
    }

    fn claim(&mut self, conn: u64, text: &str) -> Result<(), LoginError> {
        let came_in = self.people.propose_claim(who(conn, text, None), conn, self.now)?;
        assert_eq!(self.happen(came_in), [], "of a guest nothing follows");
        Ok(())
    }

    fn log_in(
        &mut self,
        conn: u64,
        text: &str,
        account: u32,
    ) -> Result<Vec<Effect<u64>>, LoginError> {
        let who = who(conn, text, Some(account));
        let came_in = self.people.propose_login(who, conn, self.now)?;
        Ok(self.happen(came_in))
    }

    fn rename(&mut self, conn: u64, text: &str) -> Result<Vec<Effect<u64>>, RenameError> {
        let renamed = self.people.propose_rename(ConnId(conn), name(text), |_| false)?;
        Ok(self.happen(renamed))
    }

    fn begin(&mut self, conn: u64) -> Result<Registration, RegistrationError> {
        let registration = self.people.propose_registration(ConnId(conn), self.now)?;
        self.people.begin_registration(&registration);
        Ok(registration)
    }

    /// Registers and has it stored at once. Answered with the account's number.
    fn register(&mut self, conn: u64) -> Result<u32, RegistrationError> {
        let registration = self.begin(conn)?;
        let account = registration.account;
        self.happen(Happening::Registered(registration));
        Ok(account.0)
    }

    fn unregister(&mut self, conn: u64, account: u32) -> Vec<Effect<u64>> {
        let account = AccountId(account);
        let given_up = self.people.propose_unregistration(ConnId(conn), account, self.now).unwrap();
        self.happen(Happening::Unregistered { account, who: Some(given_up.who) })
    }

    fn plan_ban(&self, text: &str, secs: u64) -> Result<ServerModeration, OrderError> {
        let whom = self.people.target(&NameKey::of(text)).unwrap();
        let time = Some(Duration::from_secs(secs));
        let order = ServerOrder::Ban { whom, terms: Terms { time, ..Terms::default() } };
        self.people.propose_moderation(&root(), order, self.now)
    }

    fn plan_unban(&self, text: &str) -> Result<ServerModeration, OrderError> {
        let key = NameKey::of(text);
        let named = Named { whom: self.people.target(&key), key };
        self.people.propose_moderation(&root(), ServerOrder::Unban(named), self.now)
    }

    fn moderate(&mut self, what: ServerModeration) -> Vec<Effect<u64>> {
        self.happen(Happening::Moderated { by: name("root"), what })
    }

    fn left(&mut self, conn: u64) {
        assert_eq!(self.happen(Happening::Left(ConnId(conn))), []);
    }

    fn took_over(&mut self, conn: u64) -> Vec<Effect<u64>> {
        self.happen(Happening::TookOver(ConnId(conn)))
    }

    /// The connection that has this name.
    fn conn(&self, text: &str) -> Option<u64> {
        self.people.users.find(&NameKey::of(text)).map(|user| user.handle)
    }

    fn is_banned(&self, conn: u64, account: Option<u32>) -> bool {
        self.people.bans.of(&who(conn, "eve", account), self.now).is_some()
    }
}

fn root() -> Identity {
    Identity { admin: true, ..who(ROOT, "root", Some(3)) }
}

fn elsewhere(conn: u64) -> Effect<u64> {
    Effect::Disconnect(conn, Cause::Elsewhere)
}

fn became(before: Person, now: Person) -> [Effect<u64>; 2] {
    let kept = Change::Became { before: before.clone(), now: now.clone() };
    [Effect::Became { before, now }, Effect::Keep(kept)]
}

fn used(account: u32, at: UnixMillis) -> Effect<u64> {
    Effect::Keep(Change::AccountUsed { account: AccountId(account), at })
}

fn banned(conn: u64) -> Effect<u64> {
    let penalty = Penalty { left: None, reason: None, by_address: false };
    Effect::Disconnect(conn, Cause::Banned(penalty))
}

/// Here it is of interest alone who is banned.
fn without_terms(effect: Effect<u64>) -> Effect<u64> {
    match effect {
        Effect::Disconnect(conn, Cause::Banned(_)) => banned(conn),
        other => other,
    }
}

/// The bans that are stored for what has happened: of whom, and their seconds.
fn kept(effects: &[Effect<u64>]) -> Vec<(Option<u32>, u64)> {
    let ban = |effect: &Effect<u64>| match effect {
        Effect::Keep(Change::SanctionSet { sanction: ban, .. }) => {
            let account = match ban.subject {
                Subject::Account(account) => Some(account.0),
                Subject::Address(_) | Subject::Name(_) => None,
            };
            Some((account, ban.time().unwrap().as_secs()))
        }
        _ => None,
    };
    effects.iter().filter_map(ban).collect()
}

#[test]
fn nobody_is_back_who_would_have_been_put_out() {
    let mut script = Script::new();
    script.log_in(ROOT, "root", 3).unwrap();
    let alice = who(1, "alice", Some(1));
    let eve = who(2, "eve", None);
    let back = |script: &Script, who: &Identity, passwords| {
        script.people.may_return(who, passwords, script.now)
    };
    let ends = |cause| Err(NotBack::Ends(cause));
    for who in [&alice, &eve] {
        assert_eq!(back(&script, who, 0), Ok(()), "{who:?}");
    }
    // They were there, and are not known any more.
    for who in [&alice, &eve] {
        let whom = match who.account {
            Some(account) => {
                Target::Absent { account, name: who.name.clone(), admin: false, bot_of: None }
            }
            None => Target::Departed(who.clone()),
        };
        let order = ServerOrder::Ban { whom, terms: Terms::default() };
        let ban = script.people.propose_moderation(&root(), order, script.now).unwrap();
        script.moderate(ban);
        let told = back(&script, who, 0);
        assert!(matches!(told, Err(NotBack::Ends(Cause::Banned(_)))), "{who:?}: {told:?}");
        let admin = Identity { admin: true, ..who.clone() };
        assert_eq!(back(&script, &admin, 0), Ok(()), "a ban puts no admin out");
    }
    let bob = who(5, "bob", Some(2));
    assert_eq!(back(&script, &bob, 0), Ok(()));
    let given = script.people.propose_password(&name("bob")).unwrap();
    script.happen(Happening::PasswordGiven { given, before: None });
    assert_eq!(back(&script, &bob, 0), ends(Cause::NewPassword));
    assert_eq!(back(&script, &bob, 1), Ok(()), "they came in with that one");
    script.log_in(6, "bob", 2).unwrap();
    assert_eq!(back(&script, &bob, 1), ends(Cause::Elsewhere));
    script.claim(7, "carol").unwrap();
    assert_eq!(back(&script, &who(8, "Carol", None), 0), Err(NotBack::Name));
}

#[test]
fn of_many_who_want_one_name_one_gets_it() {
    let mut script = Script::new();
    assert_eq!(script.claim(1, "carol"), Ok(()));
    for (text, want) in [
        ("CAROL", taken()),
        ("car0l", ClaimError::TooClose(name("carol")).into()),
        ("Alice", ClaimError::Registered(AccountId(1)).into()),
        ("a1ice", ClaimError::TooClose(name("alice")).into()),
        ("rox", taken()),
    ] {
        assert_eq!(script.claim(2, text), Err(want), "{text}");
    }
    assert_eq!(script.claim(1, "dave"), Err(taken()), "they have one");
    script.left(1);
    script.left(1);
    assert_eq!(script.claim(2, "car0l"), Ok(()));
}

#[test]
fn a_banned_guest_gets_no_name_and_an_account_is_judged_by_itself() {
    let mut script = Script::new();
    script.claim(1, "eve").unwrap();
    script.log_in(2, "bob", 2).unwrap();
    let (eve, bob) = (script.plan_ban("eve", 60).unwrap(), script.plan_ban("bob", 90).unwrap());
    assert_eq!(script.moderate(eve), [banned(1)]);
    assert_eq!(script.moderate(bob), [banned(2)]);
    script.left(1);
    script.left(2);
    let refused = |secs, by_address| {
        let left = Some(Duration::from_secs(secs));
        Err(LoginError::Banned(Penalty { left, reason: None, by_address }))
    };
    script.wait(Duration::from_secs(10));
    assert_eq!(script.claim(11, "mal"), refused(50, true), "of that address");
    let registered = Err(ClaimError::Registered(AccountId(1)).into());
    assert_eq!(script.claim(11, "alice"), registered, "may prove that it is theirs");
    assert_eq!(script.log_in(11, "alice", 1), Ok(vec![]));
    assert_eq!(script.log_in(3, "bob", 2).map(|_| ()), refused(80, false), "from anywhere");
    assert_eq!(script.claim(12, "carol"), Ok(()), "the address of an account is free");
    // The clock is set an hour ahead, which ends no ban.
    script.people.note_clock(ClockState::default());
    script.people.note_clock(ClockState { set_by: 3_600_000, ..ClockState::default() });
    script.wait(Duration::from_secs(3_600));
    assert_eq!(script.claim(11, "mal"), refused(50, true));
    script.wait(Duration::from_secs(50));
    assert_eq!(script.claim(21, "mal"), Ok(()));
}

#[test]
fn a_login_that_comes_too_late_for_its_account_is_none() {
    let mut script = Script::new();
    assert_eq!(script.log_in(1, "alice", 2), Err(taken()), "another account has the name");
    assert_eq!(script.log_in(1, "carol", 7), Err(taken()));
    script.log_in(2, "alice", 1).unwrap();
    script.unregister(2, 1);
    assert_eq!(script.log_in(1, "alice", 1), Err(taken()), "given up while it was proved");
}

#[test]
fn a_second_login_takes_the_place_of_the_first_which_goes_when_that_is_in() {
    let mut script = Script::new();
    script.log_in(1, "alice", 1).unwrap();
    assert_eq!(script.log_in(2, "alice", 1), Ok(vec![]));
    assert_eq!(script.conn("alice"), Some(2));
    let before =
        |script: &Script, conn| script.people.taken_over_by(ConnId(conn)).map(|user| user.handle);
    assert_eq!((before(&script, 2), before(&script, 1)), (Some(1), None));
    // A third while the second is on its way.
    assert_eq!(script.log_in(3, "alice", 1), Ok(vec![]));
    assert_eq!(script.took_over(2), [elsewhere(1)]);
    assert_eq!(script.took_over(3), [elsewhere(2)]);
    assert_eq!(script.took_over(3), [], "once");
    script.left(1);
    script.left(2);
    assert_eq!(script.conn("alice"), Some(3), "they have nothing left to give back");
}

#[test]
fn a_login_that_breaks_off_leaves_the_account_to_the_next() {
    let mut script = Script::new();
    script.log_in(1, "alice", 1).unwrap();
    script.log_in(2, "alice", 1).unwrap();
    script.left(2);
    assert_eq!(script.took_over(2), [elsewhere(1)], "it has no name any more either");
    assert_eq!(script.conn("alice"), None);
    assert_eq!(script.log_in(3, "alice", 1), Ok(vec![]));
    assert!(script.people.taken_over_by(ConnId(3)).is_none());
}

#[test]
fn a_moderator_means_whoever_has_the_name_else_the_guest_who_left_with_it() {
    let mut script = Script::new();
    script.claim(1, "eve").unwrap();
    script.log_in(2, "bob", 2).unwrap();
    script.left(1);
    script.left(2);
    let offender = |script: &Script, text| script.people.offender(&NameKey::of(text), script.now);
    assert_eq!(offender(&script, "EVE"), Some(Target::Departed(who(1, "eve", None))));
    assert!(script.people.target(&NameKey::of("eve")).is_none(), "for nobody else");
    assert!(matches!(offender(&script, "bob"), Some(Target::Absent { .. })), "an account");
    script.claim(3, "Eve").unwrap();
    assert_eq!(offender(&script, "eve"), Some(Target::Present(who(3, "Eve", None))));
    script.left(3);
    script.wait(DEPARTED_FOR);
    assert_eq!(offender(&script, "eve"), None);
}

#[test]
fn only_whom_the_operator_named_and_made_is_an_admin() {
    let mut script = Script::new();
    for (conn, text, account, admin) in [(1, "alice", 1, false), (2, "root", 3, true)] {
        script.log_in(conn, text, account).unwrap();
        assert_eq!(script.people.users.get(ConnId(conn)).unwrap().who.admin, admin, "{text}");
    }
}

#[test]
fn whoever_takes_another_name_takes_along_what_is_known_of_them() {
    let mut script = Script::new();
    script.claim(1, "carol").unwrap();
    script.claim(2, "dave").unwrap();
    assert_eq!(script.rename(1, "DAVE"), Err(ClaimError::Taken.into()));
    assert_eq!(script.rename(1, "bob"), Err(ClaimError::Registered(AccountId(2)).into()));
    assert_eq!(script.rename(3, "erin"), Err(ClaimError::Taken.into()), "has none");
    script.log_in(4, "alice", 1).unwrap();
    assert_eq!(script.rename(4, "erin"), Err(ClaimError::Taken.into()), "has that of an account");
    assert_eq!(script.rename(1, "carol"), Err(RenameError::Unchanged(name("carol"))));
    let muted = script.people.propose_rename(ConnId(1), name("erin"), |who| who.conn == ConnId(1));
    assert!(matches!(muted, Err(RenameError::Muted)));
    let (before, after) = (who(1, "carol", None), who(1, "erin", None));
    let mut want = vec![Effect::CarryOver { before, after }];
    want.extend(became(person(1, "carol", None), person(1, "erin", None)));
    assert_eq!(script.rename(1, "erin"), Ok(want));
    let found = script.people.target_of(&person(1, "carol", None));
    assert_eq!(found.map(|target| target.name().clone()), Some(name("erin")));
}

#[test]
fn a_guest_who_registers_is_an_account_from_then_on() {
    let mut script = Script::new();
    script.claim(1, "carol").unwrap();
    let registration = script.begin(1).unwrap();
    assert_eq!(registration.account, AccountId(4));
    assert_eq!(script.begin(1), Err(RegistrationError::NotAGuest), "one at a time");
    script.wait(Duration::from_secs(1));
    let (guest, with) = (who(1, "carol", None), who(1, "carol", Some(4)));
    let mut want = became((&guest).into(), (&with).into()).to_vec();
    want.push(Effect::CarryOver { before: guest.clone(), after: with });
    want.push(Effect::Registered { guest, account: AccountId(4), admin: false });
    assert_eq!(script.happen(Happening::Registered(registration)), want);
    let refused = Err(RegistrationError::NotAGuest);
    assert_eq!(script.begin(1), refused, "they are none any more");
    assert_eq!(script.begin(7), refused);
    assert_eq!(script.log_in(11, "carol", 4), Ok(vec![used(4, script.now)]));
    assert_eq!(script.log_in(21, "carol", 4), Ok(vec![]), "used already");
}

#[test]
fn a_name_is_kept_while_its_account_is_stored_and_free_where_that_fails() {
    let mut script = Script::new();
    script.claim(1, "carol").unwrap();
    let registration = script.begin(1).unwrap();
    script.left(1);
    assert_eq!(script.claim(2, "carol"), Err(taken()));
    assert_eq!(script.claim(2, "car0l"), Err(ClaimError::TooClose(name("carol")).into()));
    script.people.end_registration(&registration);
    assert_eq!(script.claim(2, "carol"), Ok(()));
    assert_eq!(script.begin(2).unwrap().account, AccountId(5), "no number is given twice");
}

/// Two nodes on which the same has happened: carol is there as 1 and dave as 2.
fn two_nodes() -> [People<u64>; 2] {
    [(); 2].map(|()| {
        let mut script = Script::new();
        script.claim(1, "carol").unwrap();
        script.claim(2, "dave").unwrap();
        script.people
    })
}

/// The new account that a node proposes for a guest, with what is stored of it.
fn registers(node: &mut People<u64>, conn: u64) -> (Happening<u64>, Vec<Change>) {
    let made = node.propose_registration(ConnId(conn), START).unwrap();
    node.begin_registration(&made);
    let account = kept::Account::new(made.account, made.guest.name.clone(), record(1), START);
    let (name, who) = (name("eve"), person(7, "eve", None));
    let ignored = Change::IgnoreAdded { account: made.account, name, who };
    (Happening::Registered(made), vec![Change::AccountPut(account), ignored])
}

/// What comes out of the log of both; the changes are stored with it, or it may not be any more.
fn decide(
    nodes: &mut [People<u64>; 2],
    (what, changes): &(Happening<u64>, Vec<Change>),
) -> Option<Vec<Change>> {
    let [one, other] = nodes.each_mut().map(|node| {
        let (what, changes) = node.numbered(what.clone(), changes.clone());
        let may = node.may_still(&what, START);
        may.then(|| (sorted(node.happen(what, START)), changes))
    });
    assert_eq!(one, other);
    assert_eq!(told(&nodes[0], START), told(&nodes[1], START));
    one.map(|(_, changes)| changes)
}

/// The accounts that changes are of.
fn accounts_of(changes: &[Change]) -> Vec<u32> {
    let of = |change: &Change| match change {
        Change::AccountPut(account) => account.id.0,
        Change::AccountVouched(account) | Change::IgnoreAdded { account, .. } => account.0,
        other => panic!("{other:?}"),
    };
    changes.iter().map(of).collect()
}

#[test]
fn two_accounts_that_two_nodes_propose_with_one_number_have_two() {
    let mut nodes = two_nodes();
    // A number that one of them has proposed in vain says nothing to the other.
    let vain = nodes[0].propose_password(&name("frank")).unwrap();
    nodes[0].begin_password(&vain);
    nodes[0].end_password(&vain);
    let dave = registers(&mut nodes[1], 2);
    let [one, other] = &mut nodes;
    let carol = registers(one, 1);
    let erin = other.propose_password(&name("erin")).unwrap();
    other.begin_password(&erin);
    assert_eq!((accounts_of(&carol.1), accounts_of(&dave.1)), (vec![5, 5], vec![4, 4]));
    let vouched = vec![Change::AccountVouched(erin.account)];
    let erin = (Happening::PasswordGiven { given: erin, before: None }, vouched);
    assert_eq!(accounts_of(&erin.1), [5]);
    for (proposed, number) in [(&carol, 5), (&dave, 6), (&erin, 7)] {
        let stored = decide(&mut nodes, proposed).unwrap();
        assert!(accounts_of(&stored).iter().all(|account| *account == number), "{stored:?}");
        assert_eq!(decide(&mut nodes, proposed), None, "once");
    }
    for (text, number) in [("carol", 5), ("dave", 6), ("erin", 7)] {
        let found = nodes.each_ref().map(|node| node.accounts.find(&NameKey::of(text)));
        assert_eq!(found, [Some(AccountId(number)); 2], "{text}");
    }
    let next = nodes.each_ref().map(|node| node.propose_password(&name("gina")).unwrap().account);
    assert_eq!(next, [AccountId(8); 2]);
}

#[test]
fn of_two_accounts_of_one_name_that_two_nodes_propose_one_is_made() {
    let mut nodes = two_nodes();
    let [one, other] = nodes.each_mut().map(|node| {
        let given = node.propose_password(&name("erin")).unwrap();
        node.begin_password(&given);
        let vouched = vec![Change::AccountVouched(given.account)];
        (Happening::PasswordGiven { given, before: None }, vouched)
    });
    assert_eq!(accounts_of(&decide(&mut nodes, &other).unwrap()), [4]);
    assert_eq!(decide(&mut nodes, &one), None);
    // A guest who has another name by then, or is gone, has made none of the one before.
    let carol = registers(&mut nodes[0], 1);
    let dave = registers(&mut nodes[1], 2);
    let renamed = Happening::Renamed { conn: ConnId(1), name: name("clara") };
    assert!(decide(&mut nodes, &(renamed, Vec::new())).is_some());
    assert!(decide(&mut nodes, &(Happening::Left(ConnId(2)), Vec::new())).is_some());
    assert_eq!(decide(&mut nodes, &carol), None);
    assert_eq!(decide(&mut nodes, &dave), None);
}

#[test]
fn an_account_is_made_also_where_the_guest_has_left_meanwhile() {
    let mut script = Script::new();
    script.claim(1, "carol").unwrap();
    let registration = script.begin(1).unwrap();
    script.left(1);
    script.claim(1, "dave").unwrap();
    let effects = script.happen(Happening::Registered(registration));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Became { .. })));
    assert_eq!(script.people.users.get(ConnId(1)).unwrap().who.account, None);
    script.left(1);
    assert_eq!(script.claim(1, "carol"), Err(ClaimError::Registered(AccountId(4)).into()));
}

#[test]
fn an_address_makes_so_many_accounts_those_under_way_too() {
    let mut script = Script::new();
    for (conn, text) in [(1, "carol"), (11, "dave"), (21, "erin"), (2, "frank")] {
        script.claim(conn, text).unwrap();
    }
    let first = script.begin(1).unwrap();
    assert_eq!(script.register(11), Ok(5));
    assert_eq!(script.begin(21), Err(RegistrationError::TooMany));
    assert!(script.people.may_register(ip(2), script.now));
    script.people.end_registration(&first);
    assert_eq!(script.register(21), Ok(6));
    assert_eq!(script.begin(1), Err(RegistrationError::TooMany));
    script.wait(REGISTRATION_WINDOW);
    script.people.forget_old(script.now);
    assert_eq!(script.register(1), Ok(7));
}

#[test]
fn a_ban_that_crosses_a_registration_is_of_the_guest_and_of_the_account() {
    // What comes first: that the ban is stored, or the account.
    for ban_first in [true, false] {
        let mut script = Script::new();
        script.claim(1, "eve").unwrap();
        let registration = script.begin(1).unwrap();
        let ban = script.plan_ban("eve", 60).unwrap();
        let (first, second) = if ban_first {
            let first = script.moderate(ban);
            (first, script.happen(Happening::Registered(registration)))
        } else {
            let first = script.happen(Happening::Registered(registration));
            (first, script.moderate(ban))
        };
        assert_eq!(kept(&first), [], "{ban_first}");
        assert_eq!(kept(&second), [(Some(4), 60)], "{ban_first}");
        assert!(second.contains(&banned(1)), "{ban_first}");
        assert!(script.is_banned(11, None) && script.is_banned(2, Some(4)), "{ban_first}");
        assert!(!script.is_banned(2, None) && !script.is_banned(11, Some(1)), "{ban_first}");
    }
}

#[test]
fn who_gives_an_account_up_is_a_guest_and_its_ban_stays_with_their_address() {
    let mut script = Script::new();
    script.log_in(1, "alice", 1).unwrap();
    let ban = script.plan_ban("alice", 60).unwrap();
    let nobody = script.people.propose_unregistration(ConnId(1), AccountId(2), script.now);
    assert_eq!(nobody, None, "of another account");
    let asked = script.people.propose_unregistration(ConnId(1), AccountId(1), script.now);
    assert_eq!(asked.map(|given_up| given_up.ban), Some(None));

    // The ban is carried out while the end of the account is being stored.
    assert_eq!(script.moderate(ban), [banned(1)]);
    let asked = script.people.propose_unregistration(ConnId(1), AccountId(1), script.now).unwrap();
    assert_eq!(asked.ban.map(|ban| ban.subject), Some(who(1, "alice", None).subject()));
    let (with, guest) = (who(1, "alice", Some(1)), who(1, "alice", None));
    let carried = Effect::CarryOver { before: with.clone(), after: guest.clone() };
    let mut want = vec![carried.clone()];
    want.extend(became((&with).into(), (&guest).into()));
    let (account, present) = (AccountId(1), Some(ConnId(1)));
    want.extend([carried, banned(1), Effect::Unregistered { account, who: Some(with), present }]);
    assert_eq!(script.unregister(1, 1), want);
    assert!(script.is_banned(11, None));
    assert!(script.people.accounts.find(&NameKey::of("alice")).is_none());
}

#[test]
fn another_connection_of_an_account_that_is_given_up_has_to_go() {
    let mut script = Script::new();
    script.log_in(1, "alice", 1).unwrap();
    let given_up =
        script.people.propose_unregistration(ConnId(1), AccountId(1), script.now).unwrap();
    // Somebody logs in to it while that is being stored.
    script.log_in(2, "alice", 1).unwrap();
    let who = Some(given_up.who);
    let effects = script.happen(Happening::Unregistered { account: AccountId(1), who });
    assert!(effects.contains(&elsewhere(2)), "{effects:?}");
    let Some(Effect::Unregistered { present, .. }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(*present, Some(ConnId(2)));
    assert_eq!(script.people.users.get(ConnId(2)).unwrap().who.account, None);
}

#[test]
fn accounts_that_nobody_used_again_go_unless_their_makers_are_here() {
    let mut script = Script::new();
    for (conn, text) in [(1, "carol"), (2, "dave")] {
        script.claim(conn, text).unwrap();
    }
    assert_eq!((script.register(1), script.register(2)), (Ok(4), Ok(5)));
    script.left(1);
    assert_eq!(script.people.unused_accounts(script.now), Unused::default());
    script.wait(UNUSED_AFTER);
    let (here, gone) = (vec![AccountId(5)], vec![AccountId(4)]);
    assert_eq!(script.people.unused_accounts(script.now), Unused { here, gone });
    assert_eq!(script.happen(Happening::AccountUsed(AccountId(5))), [used(5, script.now)]);
    let (account, who) = (AccountId(4), None);
    let over = Effect::Unregistered { account, who: None, present: None };
    assert_eq!(script.happen(Happening::Unregistered { account, who }), [over]);
    assert_eq!(script.people.unused_accounts(script.now), Unused::default());
    assert_eq!(script.claim(3, "carol"), Ok(()));
}

#[test]
fn of_bans_that_cross_at_one_address_each_stands_for_itself() {
    for (first, second, stands) in [(60, 10, 60), (10, 60, 60), (60, 60, 60)] {
        let mut script = Script::new();
        script.claim(1, "eve").unwrap();
        script.claim(11, "mal").unwrap();
        let (eve, mal) = (script.plan_ban("eve", first), script.plan_ban("mal", second));
        let effects = script.moderate(eve.unwrap());
        assert_eq!(kept(&effects), []);
        assert!(effects.contains(&banned(1)) && effects.contains(&banned(11)), "{effects:?}");
        let effects = script.moderate(mal.unwrap());
        assert_eq!(kept(&effects), [], "{first} {second}: it was stored before");
        script.wait(Duration::from_secs(stands - 1));
        assert!(script.is_banned(21, None));
        script.wait(Duration::from_secs(1));
        assert!(!script.is_banned(21, None));
    }
}

#[test]
fn orders_that_cross_come_to_what_was_stored_last() {
    let mut script = Script::new();
    script.log_in(2, "bob", 2).unwrap();
    assert_eq!(script.plan_unban("bob").unwrap_err(), OrderError::NotBanned);
    let ban = script.plan_ban("bob", 60).unwrap();
    script.moderate(ban);
    let (one, other) = (script.plan_unban("bob").unwrap(), script.plan_unban("bob").unwrap());
    let longer = script.plan_ban("bob", 90).unwrap();
    assert_eq!(script.moderate(one), []);
    assert!(!script.is_banned(2, Some(2)));
    assert_eq!(script.moderate(longer), [banned(2)]);
    assert!(script.is_banned(2, Some(2)));
    assert_eq!(script.moderate(other), [], "lifts what it was not about");
    assert!(!script.is_banned(2, Some(2)));
}

#[test]
fn only_admins_order_anything_for_the_server() {
    let mut script = Script::new();
    script.claim(1, "eve").unwrap();
    let text = Line::clean("hi");
    let key = NameKey::of("eve");
    let whom = script.people.target(&key);
    let eve = who(1, "eve", None);
    for order in [
        ServerOrder::Announce(text.clone()),
        ServerOrder::Ban { whom: whom.clone().unwrap(), terms: Terms::default() },
        ServerOrder::Unban(Named { key, whom }),
    ] {
        let denied = script.people.propose_moderation(&eve, order, script.now).unwrap_err();
        assert_eq!(denied, Denied::NotAdmin.into());
    }
    let order = ServerOrder::Announce(text.clone());
    let what = script.people.propose_moderation(&root(), order, script.now).unwrap();
    assert_eq!(script.moderate(what), [Effect::Announce { by: name("root"), text }]);
}

#[test]
fn an_offer_is_told_to_who_is_there_and_ends() {
    let mut script = Script::new();
    let offered = |lobby| Happening::Offered {
        lobby: LobbyId(lobby),
        to: AccountId(2),
        from: person(1, "alice", Some(1)),
        name: name("club"),
    };
    assert_eq!(script.happen(offered(5)), [], "not there");
    script.log_in(2, "bob", 2).unwrap();
    let from = person(1, "alice", Some(1));
    let told = Effect::Offer { to: 2, from, name: name("club") };
    assert_eq!(script.happen(offered(6)), [told]);
    let offer = |script: &Script| script.people.offer_to(AccountId(2), script.now);
    assert_eq!(offer(&script), Some(LobbyId(6)), "the newest");
    script.happen(Happening::OfferOver(LobbyId(6)));
    assert_eq!(offer(&script), Some(LobbyId(5)));
    script.wait(OFFER_TIME);
    assert_eq!(offer(&script), None);
    script.happen(offered(5));
    script.unregister(2, 2);
    assert_eq!(offer(&script), None);
}

/// What can be asked of people, told in full.
fn told(people: &People<u64>, now: UnixMillis) -> Vec<String> {
    let mut told: Vec<_> = people.users.iter().map(|user| format!("{user:?}")).collect();
    let accounts = (0..100).map(AccountId).filter_map(|id| {
        Some(format!("{:?} {:?} {:?}", id, people.accounts.name(id)?, people.offer_to(id, now)))
    });
    told.extend(accounts);
    told.extend(people.bans.list(now).iter().map(|ban| format!("{ban:?}")));
    let of_conn =
        |conn| people.bans.of_conn(ConnId(conn), now).map(|ban| format!("{conn} {ban:?}"));
    told.extend((0..100).filter_map(of_conn));
    let mut unused = people.unused_accounts(UnixMillis(u64::MAX));
    unused.here.sort_unstable();
    unused.gone.sort_unstable();
    told.push(format!("{unused:?}"));
    told.extend((0..10).map(|last| format!("{last} {}", people.may_register(ip(last), now))));
    told.sort();
    told
}

fn sorted(effects: Vec<Effect<u64>>) -> Vec<String> {
    let mut effects: Vec<_> = effects.iter().map(|effect| format!("{effect:?}")).collect();
    effects.sort();
    effects
}

/// One thing that somebody tries, of what number `what` is; most may not be.
fn attempt(script: &mut Script, waiting: &mut Vec<Happening<u64>>, (what, a, b): (u8, u64, u8)) {
    let names = ["alice", "bob", "carol", "car0l", "dave"];
    let text = names[usize::from(b) % names.len()];
    let (conn, key, now) = (ConnId(a), NameKey::of(text), script.now);
    let account = script.people.accounts.find(&key);
    let people = &script.people;
    let proposed = match what {
        0 => people.propose_claim(who(a, text, None), a, now).ok(),
        1 => {
            let login = |id: AccountId| who(a, text, Some(id.0));
            account.and_then(|id| people.propose_login(login(id), a, now).ok())
        }
        2 => Some(Happening::Left(conn)),
        3 => Some(Happening::TookOver(conn)),
        4 => people.propose_rename(conn, name(text), |_| false).ok(),
        5 => script.begin(a).ok().map(Happening::Registered),
        6 => account.and_then(|account| {
            let given_up = people.propose_unregistration(conn, account, now)?;
            Some(Happening::Unregistered { account, who: Some(given_up.who) })
        }),
        7 => people
            .target(&key)
            .and_then(|_| script.plan_ban(text, 1 + 30 * a).ok())
            .map(|what| Happening::Moderated { by: name("root"), what }),
        8 => {
            script.plan_unban(text).ok().map(|what| Happening::Moderated { by: name("root"), what })
        }
        9 => account.map(|to| Happening::Offered {
            lobby: LobbyId(5),
            to,
            from: person(a, "alice", None),
            name: name("club"),
        }),
        _ => {
            script.wait(Duration::from_secs(a * 10));
            None
        }
    };
    match proposed {
        // What is stored first happens some time later, if it does not come to nothing.
        Some(
            what @ (Happening::Registered(_)
            | Happening::Unregistered { .. }
            | Happening::Moderated { .. }),
        ) => waiting.push(what),
        Some(what) => _ = script.happen(what),
        None => {}
    }
    if b % 3 == 0 && !waiting.is_empty() {
        let what = waiting.remove(0);
        match what {
            Happening::Registered(registration) if a == 0 => {
                script.people.end_registration(&registration);
            }
            what => _ = script.happen(what),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_sees_the_same_happen_comes_to_the_same(
        attempts in prop::collection::vec((0_u8..11, 0_u64..8, 0_u8..30), 0..80),
    ) {
        let (mut script, mut waiting) = (Script::new(), Vec::new());
        attempts.into_iter().for_each(|what| attempt(&mut script, &mut waiting, what));
        for what in waiting {
            script.happen(what);
        }
        let (mut one, mut other) = (stored(), stored());
        for (what, at) in script.log {
            prop_assert_eq!(
                sorted(one.happen(what.clone(), at)),
                sorted(other.happen(what, at))
            );
        }
        prop_assert_eq!(told(&one, script.now), told(&script.people, script.now));
        prop_assert_eq!(told(&one, script.now), told(&other, script.now));
        for user in one.users.iter() {
            let of_conn = one.users.get(user.who.conn).map(|user| &user.who);
            prop_assert_eq!(of_conn, Some(&user.who), "each has one name");
            let known = user.who.account.is_none_or(|id| one.accounts.name(id).is_some());
            prop_assert!(known, "nobody has an account that is no more");
        }
    }
}

/// One that is equal to another of the same salt alone.
fn record(salt: u8) -> Arc<PasswordRecord> {
    PasswordRecord::create(&Secret::new("pw"), &[salt; SALT_BYTES]).unwrap().into()
}

fn new_password() -> Effect<u64> {
    Effect::Disconnect(5, Cause::NewPassword)
}

#[test]
fn the_operator_makes_an_account_or_takes_one_from_whoever_had_it() {
    let mut script = Script::new();
    let give = |script: &mut Script, text: &str| {
        let given = script.people.propose_password(&name(text))?;
        script.people.begin_password(&given);
        let before = (!given.made).then(|| record(1));
        let told = (given.account.0, given.made);
        let effects = script.happen(Happening::PasswordGiven { given, before });
        Ok::<_, GiveError>((told, effects))
    };
    // Nobody has it: it is made, and an admin's where it is to be.
    assert_eq!(give(&mut script, "carol").unwrap(), ((4, true), vec![]));
    assert_eq!(script.claim(5, "carol"), Err(ClaimError::Registered(AccountId(4)).into()));
    // Somebody is logged in to it, under whatever spelling it is asked for.
    script.log_in(5, "alice", 1).unwrap();
    assert_eq!(give(&mut script, "ALICE").unwrap(), ((1, false), vec![new_password()]));
    assert!(script.people.is_void(AccountId(1), &record(1)));
    assert!(!script.people.is_void(AccountId(1), &record(2)));
    assert!(!script.people.is_void(AccountId(2), &record(1)));
    // A guest would be somebody else under it.
    script.claim(6, "dave").unwrap();
    assert_eq!(give(&mut script, "Dave").unwrap_err(), GiveError::InUse);
    script.left(6);
    assert_eq!(give(&mut script, "Dave").unwrap(), ((5, true), vec![]));
    assert_eq!(give(&mut script, "server").unwrap_err(), GiveError::Reserved);
}

#[test]
fn a_name_is_kept_while_the_operators_account_of_it_is_stored() {
    let mut script = Script::new();
    let given = script.people.propose_password(&name("carol")).unwrap();
    script.people.begin_password(&given);
    assert_eq!(script.claim(5, "carol"), Err(taken()));
    assert_eq!(script.people.propose_password(&name("carol")), Err(GiveError::Pending));
    script.people.end_password(&given);
    script.claim(5, "carol").unwrap();
    // Its number is not given again.
    let next = script.people.propose_password(&name("dave")).unwrap();
    assert_eq!(next.account, AccountId(5));
    // An account that was given up while its password was stored is no account.
    script.log_in(6, "alice", 1).unwrap();
    let given = script.people.propose_password(&name("alice")).unwrap();
    script.people.begin_password(&given);
    script.unregister(6, 1);
    assert_eq!(script.happen(Happening::PasswordGiven { given, before: None }), []);
    assert_eq!(script.people.accounts().find(&NameKey::of("alice")), None);
}

#[test]
fn a_stranger_with_an_admins_name_is_one_once_the_operator_has_given_the_password() {
    let mut people = People::<u64>::new([name("root")], 2);
    let stranger = KnownAccount {
        id: AccountId(1),
        name: name("root"),
        by_operator: false,
        unused_since: None,
        bot_of: None,
    };
    people.restore_account(stranger);
    let key = NameKey::of("root");
    assert!(!people.accounts().is_admin(&key));
    let given = people.propose_password(&name("root")).unwrap();
    people.begin_password(&given);
    people.happen(Happening::PasswordGiven { given, before: None }, START);
    assert!(people.accounts().is_admin(&key));
}

#[test]
fn the_operator_ends_the_connection_of_anybody_who_is_there() {
    let mut script = Script::new();
    script.log_in(ROOT, "root", 3).unwrap();
    script.log_in(5, "alice", 1).unwrap();
    let order = |whom: &str, script: &Script| {
        let whom = script.people.target(&NameKey::of(whom)).unwrap();
        ServerOrder::Kick { whom, reason: None }
    };
    let kick = |whom: &str, script: &Script| {
        script.people.propose_moderation(&Identity::console(), order(whom, script), script.now)
    };
    // Bob has an account, and is not there.
    assert_eq!(kick("bob", &script).unwrap_err(), OrderError::NotConnected(name("bob")));
    let guest = who(7, "eve", None);
    let denied = script.people.propose_moderation(&guest, order("alice", &script), script.now);
    assert_eq!(denied.unwrap_err(), Denied::NotAdmin.into());
    let gone = |conn| Effect::Disconnect(conn, Cause::Kicked(None));
    let kicked = kick("root", &script).unwrap();
    assert_eq!(script.moderate(kicked), [gone(ROOT)]);
    // Another connection takes the account over before it happens: that one ends.
    let kicked = kick("alice", &script).unwrap();
    script.log_in(15, "alice", 1).unwrap();
    script.took_over(15);
    assert_eq!(script.moderate(kicked), [gone(15)]);
}

impl Script {
    /// Adds a bot and has it stored at once. Answered with the number of its account.
    fn add_bot(&mut self, conn: u64, text: &str) -> Result<u32, BotError> {
        let bot = self.people.propose_bot(ConnId(conn), &name(text))?;
        self.people.begin_bot(&bot);
        let account = bot.account;
        assert_eq!(self.happen(Happening::BotMade(bot)), []);
        Ok(account.0)
    }

    fn delete_bot(&mut self, conn: u64, text: &str) -> Option<Vec<Effect<u64>>> {
        let account = self.people.bot_named(ConnId(conn), &NameKey::of(text))?;
        let gone = Happening::BotGone { account };
        Some(self.happen(gone))
    }
}

fn bot_gone(account: u32, present: Option<u64>) -> Vec<Effect<u64>> {
    let account = AccountId(account);
    let mut effects = vec![Effect::Keep(Change::AccountRemoved(account))];
    effects.extend(present.map(|conn| Effect::Disconnect(conn, Cause::BotGone)));
    let present = present.map(ConnId);
    effects.push(Effect::Unregistered { account, who: None, present });
    effects
}

#[test]
fn an_account_has_three_bots_with_names_of_their_own() {
    let mut script = Script::new();
    script.log_in(1, "alice", 1).unwrap();
    script.claim(5, "carol").unwrap();
    assert_eq!(script.add_bot(5, "ci"), Err(BotError::NoAccount), "a guest");
    assert_eq!(script.add_bot(6, "ci"), Err(BotError::NoAccount), "nobody");
    for (text, why) in [
        ("carol", ClaimError::Taken),
        ("bob", ClaimError::Registered(AccountId(2))),
        ("rox", ClaimError::Taken),
        ("car0l", ClaimError::TooClose(name("carol"))),
        ("b0b", ClaimError::TooClose(name("bob"))),
    ] {
        assert_eq!(script.add_bot(1, text), Err(why.into()), "{text}");
    }
    assert_eq!(script.add_bot(1, "ci"), Ok(4));
    assert_eq!(script.add_bot(1, "weather"), Ok(5));
    assert_eq!(script.add_bot(1, "dice"), Ok(6));
    assert_eq!(script.add_bot(1, "more"), Err(BotError::TooMany));
    for (text, why) in
        [("CI", ClaimError::Registered(AccountId(4))), ("c1", ClaimError::TooClose(name("ci")))]
    {
        assert_eq!(script.claim(7, text), Err(why.into()), "{text}");
    }
    let given = script.people.propose_password(&name("ci"));
    assert_eq!(given, Err(GiveError::Bot), "the operator gives it no password");
    assert_eq!(script.delete_bot(5, "ci"), None, "not theirs");
    assert_eq!(script.delete_bot(1, "CI"), Some(bot_gone(4, None)));
    assert_eq!(script.delete_bot(1, "ci"), None);
    script.claim(7, "ci").unwrap();
    let bots = [(name("dice"), false), (name("weather"), false)];
    assert_eq!(script.people.bots(ConnId(1)), bots);
    assert_eq!(script.add_bot(1, "fourth"), Ok(7), "a number is never used twice");
}

#[test]
fn a_bot_that_is_deleted_is_cut_off_and_has_none_of_its_own() {
    let mut script = Script::new();
    script.log_in(1, "alice", 1).unwrap();
    script.add_bot(1, "ci").unwrap();
    script.log_in(12, "ci", 4).unwrap();
    let who = script.people.users.get(ConnId(12)).unwrap().who.clone();
    assert_eq!((who.bot_of, Person::from(&who).bot), (Some(AccountId(1)), true));
    assert_eq!(script.add_bot(12, "another"), Err(BotError::NoAccount));
    // A second connection takes over.
    script.log_in(13, "ci", 4).unwrap();
    assert_eq!(script.took_over(13), [Effect::Disconnect(12, Cause::Elsewhere)]);
    assert_eq!(script.people.bots(ConnId(1)), [(name("ci"), true)]);
    assert_eq!(script.delete_bot(1, "ci"), Some(bot_gone(4, Some(13))));
    assert!(script.log_in(14, "ci", 4).is_err());
    assert_eq!(script.claim(14, "ci"), Err(taken()), "until it has gone");
    script.left(13);
    script.claim(14, "ci").unwrap();
}

#[test]
fn bots_go_with_their_account_and_are_banned_with_it() {
    let mut script = Script::new();
    script.log_in(1, "alice", 1).unwrap();
    script.add_bot(1, "ci").unwrap();
    script.log_in(12, "ci", 4).unwrap();
    let banned = script.plan_ban("alice", 60).unwrap();
    let effects = script.moderate(banned);
    let struck = |conn| effects.iter().any(|e| matches!(e, Effect::Disconnect(c, _) if *c == conn));
    assert!(struck(1) && struck(12), "{effects:?}");
    assert!(matches!(script.log_in(12, "ci", 4), Err(LoginError::Banned(_))));
    script.wait(Duration::from_secs(60));
    script.log_in(1, "alice", 1).unwrap();
    script.log_in(12, "ci", 4).unwrap();
    let effects = script.unregister(1, 1);
    assert_eq!(effects[..3], bot_gone(4, Some(12)));
    script.left(12);
    script.claim(15, "ci").unwrap();
}

#[test]
fn of_bots_that_are_made_at_once_on_several_nodes_three_are() {
    let mut script = Script::new();
    script.log_in(1, "alice", 1).unwrap();
    let names = ["one", "two", "three", "four"];
    let proposed = names.map(|text| script.people.propose_bot(ConnId(1), &name(text)).unwrap());
    for (n, bot) in proposed.into_iter().enumerate() {
        let (token, account) = (crate::chat::bot::TokenHash([0; 32]), bot.account);
        let made = kept::Account::of_bot(
            account,
            bot.name.clone(),
            crate::chat::bot::Bot { owner: AccountId(1), token },
            START,
        );
        let put = vec![Change::AccountPut(made)];
        let (what, changes) = script.people.numbered(Happening::BotMade(bot), put);
        assert_eq!(script.people.may_still(&what, START), n < 3, "{n}");
        if n < 3 {
            let number = AccountId(4 + u32::try_from(n).unwrap());
            assert!(matches!(&changes[..], [Change::AccountPut(put)] if put.id == number));
            assert_eq!(script.people.touched(&what), []);
            script.happen(what);
        }
    }
    assert_eq!(script.people.bots(ConnId(1)).len(), 3);
    let twice = Happening::BotMade(NewBot {
        account: AccountId(9),
        name: name("one"),
        owner: AccountId(2),
    });
    assert!(!script.people.may_still(&twice, START), "the name is somebody else's by now");
}
