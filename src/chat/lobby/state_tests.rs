use std::net::IpAddr;

use super::*;
use crate::chat::accounts::Subject;
use crate::chat::bot::TokenHash;
use crate::chat::command::spec;
use crate::chat::name::NameKey;
use crate::chat::orders::Named;
use crate::chat::sanctions::Terms;

const NOW: UnixMillis = UnixMillis(1_000_000);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn who(conn: u64, text: &str, account: Option<u32>, admin: bool) -> Identity {
    let ip = IpAddr::from([10, 0, 0, conn as u8]).into();
    Identity { ip, admin, ..Identity::example(conn, text, account) }
}

fn guest() -> Identity {
    who(1, "guest", None, false)
}

fn member() -> Identity {
    who(2, "member", Some(2), false)
}

fn operator() -> Identity {
    who(3, "operator", Some(3), false)
}

fn owner() -> Identity {
    who(4, "owner", Some(4), false)
}

fn admin() -> Identity {
    who(5, "admiral", Some(5), true)
}

fn of(owner: Owner) -> LobbyState {
    LobbyState { owner, ..LobbyState::example(2, name("coding")) }
}

/// A lobby of the owner's with one operator.
fn state() -> LobbyState {
    let mut state = of(Owner::Account(AccountId(4)));
    state.operators.insert(AccountId(3));
    state
}

/// Plans, and carries out where that is allowed. The row of the command asks for the same right.
fn order(state: &mut LobbyState, by: &Identity, order: Order) -> Result<Moderation, OrderError> {
    let word = match &order {
        Order::Topic(_) => "/topic",
        Order::Op(_) => "/op",
        Order::Deop(_) => "/deop",
        Order::Kick { .. } => "/kick",
        Order::Mute { .. } => "/mute",
        Order::Unmute(_) => "/unmute",
        Order::Ban { .. } => "/ban",
        Order::Unban(_) => "/unban",
        Order::Slow(_) => "/slow",
        Order::SetPassword(_) => "/setpass",
        Order::Transfer(_) => "/transfer",
        Order::Accept => "/accept",
        Order::Delete => "/delete",
        Order::SetPrompt(_) => "/setai",
        Order::SetRox(_) => "/airoom",
        Order::Undo(_) => "/undo",
        Order::Purge { .. } => "/purge",
        Order::AddHook { .. } | Order::DeleteHook(_) => "/hook",
    };
    assert_eq!(spec(word).unwrap().right, order.right(), "{word}");
    let what = state.plan(by, order, NOW)?;
    state.apply(&what, NOW, 1);
    Ok(what)
}

fn on(whom: Identity) -> Target {
    Target::Present(whom)
}

fn kick(whom: Identity) -> Order {
    Order::Kick { whom: on(whom), reason: None }
}

fn ban(whom: Identity) -> Order {
    Order::Ban { whom: on(whom), terms: Terms::default() }
}

fn mute(whom: Identity) -> Order {
    Order::Mute { whom: on(whom), terms: Terms::default() }
}

#[test]
fn everybody_has_one_rank() {
    let state = state();
    for (user, want) in [
        (guest(), Rank::Member),
        (member(), Rank::Member),
        (operator(), Rank::Operator),
        (owner(), Rank::Owner),
        (admin(), Rank::Admin),
    ] {
        assert_eq!(state.rank(&user), want);
        assert_eq!(state.rank_of_target(&on(user)), want);
    }
    let absent =
        Target::Absent { account: AccountId(4), name: name("owner"), admin: false, bot_of: None };
    assert_eq!(state.rank_of_target(&absent), Rank::Owner);
    let impostor = who(9, "owner", None, false);
    assert_eq!(state.rank(&impostor), Rank::Member, "a name gives no rights");
}

#[test]
fn kicks_mutes_and_bans_are_for_those_above_and_of_those_below() {
    let users = [guest(), member(), operator(), owner(), admin()];
    let unallowed = [true, true, false, false, false];
    for (by, denied) in users.iter().zip(unallowed) {
        for whom in &users {
            let (mine, theirs) = (state().rank(by), state().rank(whom));
            let want = match () {
                () if denied => Some(Denied::NotOperator),
                () if by == whom => Some(Denied::Oneself),
                () if theirs >= mine => Some(Denied::Outranked(theirs)),
                () => None,
            };
            for what in [kick(whom.clone()), ban(whom.clone()), mute(whom.clone())] {
                let got = order(&mut state(), by, what).err();
                assert_eq!(got, want.map(OrderError::Denied), "{} on {}", by.name, whom.name);
            }
        }
    }
}

#[test]
fn owners_name_operators_who_have_accounts() {
    let mut state = state();
    let op = |whom| Order::Op(on(whom));
    for (by, whom, want) in [
        (operator(), member(), Err(Denied::NotOwner.into())),
        (owner(), guest(), Err(OrderError::NoAccount(name("guest")))),
        (owner(), operator(), Err(OrderError::AlreadyOperator(name("operator")))),
        (owner(), owner(), Err(OrderError::AlreadyOwner(name("owner")))),
        (owner(), admin(), Err(OrderError::AlreadyOwner(name("admiral")))),
        (owner(), member(), Ok(())),
    ] {
        assert_eq!(order(&mut state, &by, op(whom)).map(|_| ()), want);
    }
    assert_eq!(state.rank(&member()), Rank::Operator);
    let deop = |whom| Order::Deop(on(whom));
    assert_eq!(
        order(&mut state, &operator(), deop(member())).unwrap_err(),
        Denied::NotOwner.into()
    );
    order(&mut state, &admin(), deop(member())).unwrap();
    assert_eq!(state.rank(&member()), Rank::Member);
    let again = order(&mut state, &owner(), deop(member())).unwrap_err();
    assert_eq!(again, OrderError::NotOperator(name("member")));
}

#[test]
fn there_are_only_so_many_operators() {
    let mut state = state();
    state.operators = (100..100 + MAX_OPERATORS as u32).map(AccountId).collect();
    let full = order(&mut state, &owner(), Order::Op(on(member()))).unwrap_err();
    assert_eq!(full, OrderError::TooMany);
}

#[test]
fn an_owner_who_gives_the_lobby_away_goes_on_as_operator() {
    let mut state = state();
    let transfer = |whom| Order::Transfer(on(whom));
    for (by, whom, want) in [
        (operator(), member(), Denied::NotOwner.into()),
        (owner(), guest(), OrderError::NoAccount(name("guest"))),
        (owner(), owner(), OrderError::AlreadyOwner(name("owner"))),
    ] {
        assert_eq!(order(&mut state, &by, transfer(whom)).unwrap_err(), want);
    }
    // Asked and accepted.
    let give = |state: &mut LobbyState, by: &Identity, whom| {
        let Moderation::Offer { account, name } = order(state, by, transfer(whom)).unwrap() else {
            panic!("not asked");
        };
        state.apply(&Moderation::Transfer { account, name }, NOW, 1);
    };
    give(&mut state, &owner(), operator());
    assert_eq!(state.rank(&operator()), Rank::Owner);
    assert_eq!(state.rank(&owner()), Rank::Operator);
    give(&mut state, &admin(), admin());
    assert_eq!(state.owner, Owner::Account(AccountId(5)), "an admin may take one over");

    let mut of_guest = of(Owner::Guest(ConnId(1)));
    give(&mut of_guest, &guest(), member());
    assert_eq!((of_guest.rank(&member()), of_guest.rank(&guest())), (Rank::Owner, Rank::Member));
}

#[test]
fn general_is_nobodys_but_admins_run_it() {
    let mut general = of(Owner::Server);
    for what in [Order::SetPassword(None), Order::Transfer(on(member())), Order::Delete] {
        assert_eq!(
            order(&mut general, &owner(), what.clone()).unwrap_err(),
            Denied::NotOwner.into()
        );
        assert_eq!(order(&mut general, &admin(), what).unwrap_err(), OrderError::General);
    }
    let prompt = || Order::SetPrompt(Some(Line::clean("Be a pirate")));
    let refused = order(&mut general, &admin(), prompt()).unwrap_err();
    assert_eq!(refused, PromptError::General.into());
    order(&mut general, &admin(), Order::Op(on(member()))).unwrap();
    order(&mut general, &member(), kick(guest())).unwrap();
    let refused = order(&mut state(), &operator(), prompt()).unwrap_err();
    assert_eq!(refused, PromptError::NotCreator.into());
    assert!(order(&mut state(), &admin(), prompt()).is_ok());
}

#[test]
fn operators_say_whether_a_lobby_has_rox_and_admins_of_general() {
    let mut state = state();
    assert!(state.has_rox(true) && !state.has_rox(false));
    for (by, may) in [(guest(), false), (member(), false), (operator(), true), (owner(), true)] {
        let mut state = self::state();
        let done = order(&mut state, &by, Order::SetRox(false));
        assert_eq!(done.is_ok(), may, "{}", by.name);
    }
    for on in [false, true, false] {
        order(&mut state, &owner(), Order::SetRox(on)).unwrap();
        let again = order(&mut state, &operator(), Order::SetRox(on)).unwrap_err();
        assert_eq!(again, OrderError::RoxAlready { on });
        let refused = order(&mut state, &member(), Order::SetRox(on)).unwrap_err();
        assert_eq!(refused, Denied::NotOperator.into(), "who may not is told no more");
    }
    assert!(!state.has_rox(true));
    let mut general = of(Owner::Server);
    order(&mut general, &admin(), Order::Op(on(member()))).unwrap();
    for by in [guest(), member(), owner()] {
        let refused = order(&mut general, &by, Order::SetRox(false)).unwrap_err();
        assert_eq!(refused, Denied::NotAdmin.into(), "{}", by.name);
    }
    order(&mut general, &admin(), Order::SetRox(true)).unwrap();
    assert!(general.has_rox(false));
    // What was said while it was off goes to nobody.
    let on = Moderation::SetRox { on: true };
    state.apply(&on, NOW, 9);
    assert_eq!((state.rox, state.rox_from), (Some(true), 9));
    state.apply(&on, NOW, 12);
    assert_eq!(state.rox_from, 9, "it was on");
}

#[test]
fn what_is_refused_changes_nothing_and_what_is_planned_nothing_yet() {
    let mut state = state();
    let before = format!("{state:?}");
    for what in [Order::Topic(Some(Line::clean("x"))), ban(member()), Order::Delete] {
        assert!(order(&mut state, &member(), what).is_err());
    }
    let topic = Order::Topic(Some(Line::clean("x")));
    assert!(state.plan(&owner(), topic, NOW).is_ok());
    assert_eq!(format!("{state:?}"), before);
}

#[test]
fn orders_that_set_something_set_it() {
    let mut state = state();
    order(&mut state, &operator(), Order::Topic(Some(Line::clean("Release")))).unwrap();
    assert_eq!(state.topic.as_ref().map(Line::as_str), Some("Release"));
    order(&mut state, &operator(), Order::Topic(None)).unwrap();
    assert!(state.topic.is_none());
    order(&mut state, &operator(), Order::Slow(Duration::from_secs(5))).unwrap();
    assert_eq!(state.slow, Duration::from_secs(5));
    let deleted = order(&mut state, &owner(), Order::Delete).unwrap();
    assert!(matches!(deleted, Moderation::Delete(lobby) if lobby == name("coding")));
}

#[test]
fn bans_are_lifted_by_the_name_they_were_set_for() {
    let mut state = state();
    order(&mut state, &operator(), ban(guest())).unwrap();
    order(&mut state, &operator(), ban(who(8, "Guest", None, false))).unwrap();
    assert_eq!(state.bans.list(NOW).len(), 2);
    let named = |text| Named { key: NameKey::of(text), whom: None };
    let missing = order(&mut state, &operator(), Order::Unban(named("bob"))).unwrap_err();
    assert_eq!(missing, OrderError::NotBanned);
    order(&mut state, &operator(), Order::Unban(named("GUEST"))).unwrap();
    assert!(state.bans.list(NOW).is_empty());

    order(&mut state, &operator(), ban(guest())).unwrap();
    let renamed = Named { whom: Some(on(who(1, "other", None, false))), ..named("other") };
    let what = order(&mut state, &operator(), Order::Unban(renamed)).unwrap();
    let shown = matches!(what, Moderation::Unban { name: shown, .. } if shown == name("guest"));
    assert!(shown, "under the name on the list");
}

#[test]
fn an_account_that_is_not_connected_can_be_banned() {
    let mut state = state();
    let whom =
        Target::Absent { account: AccountId(2), name: name("member"), admin: false, bot_of: None };
    let time = Some(Duration::from_secs(60));
    let terms = Terms { time, reason: Some(Line::clean("spam")), alone: true };
    let what = Order::Ban { whom, terms };
    let Ok(Moderation::Ban { ban, conn: None }) = order(&mut state, &operator(), what) else {
        panic!("not planned");
    };
    assert_eq!(ban.subject, Subject::Account(AccountId(2)));
    assert_eq!((ban.time(), ban.by), (time, name("operator")));
    let kick = Order::Kick {
        whom: Target::Absent {
            account: AccountId(2),
            name: name("member"),
            admin: false,
            bot_of: None,
        },
        reason: None,
    };
    let absent = order(&mut state, &operator(), kick).unwrap_err();
    assert_eq!(absent, OrderError::NotHere(name("member")));
}

#[test]
fn an_account_that_is_gone_runs_nothing() {
    let mut state = state();
    assert!(!state.unregistered(AccountId(2), None));
    assert!(state.unregistered(AccountId(3), None));
    assert_eq!(state.rank(&operator()), Rank::Member);
    assert!(state.unregistered(AccountId(4), Some(ConnId(4))));
    assert_eq!(state.owner, Owner::Guest(ConnId(4)));
    assert!(state.registered(ConnId(4), AccountId(9)));
    assert!(!state.registered(ConnId(4), AccountId(10)));
    assert!(state.unregistered(AccountId(9), None));
    assert_eq!(state.owner, Owner::Nobody);
}

fn add_hook(name: &str, byte: u8) -> Order {
    Order::AddHook { name: self::name(name), token: TokenHash([byte; 32]) }
}

#[test]
fn operators_add_ten_hooks_and_delete_them_by_name() {
    let mut state = state();
    let operator = who(3, "operator", Some(3), false);
    let member = who(9, "member", Some(9), false);
    assert_eq!(order(&mut state, &member, add_hook("ci", 0)), Err(Denied::NotOperator.into()));
    for n in 0..10 {
        order(&mut state, &operator, add_hook(&format!("hook{n}"), n)).unwrap();
    }
    assert_eq!(order(&mut state, &operator, add_hook("more", 77)), Err(OrderError::TooManyHooks));
    let again = order(&mut state, &operator, add_hook("HOOK3", 78));
    assert_eq!(again, Err(OrderError::HookExists(name("HOOK3"))));
    let delete = |key: &str| Order::DeleteHook(NameKey::of(key));
    let denied = order(&mut state, &member, delete("hook3"));
    assert_eq!(denied, Err(Denied::NotOperator.into()));
    let gone = order(&mut state, &operator, delete("HOOK3")).unwrap();
    assert_eq!(gone, Moderation::DeleteHook(name("hook3")), "as it was spelled");
    assert_eq!(order(&mut state, &operator, delete("hook3")), Err(OrderError::NoSuchHook));
    assert_eq!(state.hooks.len(), 9);
    let hook = &state.hooks[&NameKey::of("hook4")];
    assert_eq!((hook.by.as_str(), hook.made_at, hook.token), ("operator", NOW, TokenHash([4; 32])));
}

#[test]
fn general_has_hooks_by_its_admins_alone() {
    let mut general = LobbyState::general(NOW).unwrap();
    let (alice, root) = (who(1, "alice", Some(1), false), who(2, "root", Some(2), true));
    assert_eq!(order(&mut general, &alice, add_hook("ci", 0)), Err(Denied::NotOperator.into()));
    order(&mut general, &root, add_hook("ci", 0)).unwrap();
}

#[test]
fn a_lobby_is_not_given_to_a_bot() {
    let mut state = state();
    let owner = who(4, "owner", Some(4), false);
    let bot = Identity { bot_of: Some(AccountId(4)), ..who(9, "bot", Some(9), false) };
    let given = order(&mut state, &owner, Order::Transfer(on(bot)));
    assert_eq!(given, Err(OrderError::NoAccount(name("bot"))));
}
