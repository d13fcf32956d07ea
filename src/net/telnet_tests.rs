use proptest::prelude::*;

use super::*;

fn step_all(telnet: &mut Telnet, bytes: &[u8]) -> (Vec<u8>, Vec<Token>) {
    let (mut data, mut others, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    for &byte in bytes {
        match telnet.step(byte, &mut behind) {
            Some(Token::Data(byte)) => data.push(byte),
            Some(other) => others.push(other),
            None => {}
        }
    }
    telnet.finish(&mut behind);
    assert!(behind.is_empty(), "{behind:?}");
    (data, others)
}

fn tokens(bytes: &[u8]) -> (Vec<u8>, Vec<Token>) {
    step_all(&mut Telnet::default(), bytes)
}

/// What comes of commands alone.
fn heard(telnet: &mut Telnet, bytes: &[u8]) -> Vec<Token> {
    let (data, others) = step_all(telnet, bytes);
    assert_eq!(data, b"");
    others
}

fn size(columns: u16, rows: u16) -> Token {
    Token::Size(Size { columns, rows })
}

#[test]
fn commands_are_taken_out_and_options_refused() {
    let cases: [(&[u8], &[u8], &[Token]); 17] = [
        (b"plain", b"plain", &[]),
        (&[b'a', IAC, IAC, b'b'], &[b'a', IAC, b'b'], &[]),
        (&[IAC, WILL, 24, b'x'], b"x", &[Token::Reply([IAC, DONT, 24])]),
        (&[IAC, DO, 1, b'x'], b"x", &[Token::Reply([IAC, WONT, 1])]),
        (
            &[IAC, DO, 3, IAC, DO, 0],
            b"",
            &[Token::Reply([IAC, WONT, 3]), Token::Reply([IAC, WONT, 0])],
        ),
        (
            &[IAC, WILL, 0, IAC, WILL, 86],
            b"",
            &[Token::Reply([IAC, DONT, 0]), Token::Reply([IAC, DONT, 86])],
        ),
        (&[IAC, WONT, 24, IAC, DONT, 1, b'x'], b"x", &[]),
        (&[IAC, SB, 24, 0, b'v', b't', IAC, SE, b'x'], b"x", &[]),
        (&[IAC, SB, 24, 0, IAC, IAC, 7, IAC, SE, b'x'], b"x", &[]),
        (&[IAC, SB, IAC, SE, b'x'], b"x", &[]),
        (&[IAC, AYT, b'x'], b"x", &[Token::AreYouThere]),
        (&[IAC, EC, IAC, EL], b"", &[Token::EraseCharacter, Token::EraseLine]),
        (&[IAC, EOF, b'x'], b"x", &[Token::EndOfFile]),
        (&[IAC, 241, IAC, 244, b'x'], b"x", &[Token::Interrupt]),
        (&[IAC, SB, 24, 0, IAC, WILL, 24, b'x'], b"x", &[Token::Reply([IAC, DONT, 24])]),
        (&[IAC, SB, 31, 0, 80, 0, 24, IAC, AYT, b'x'], b"x", &[Token::AreYouThere]),
        (&[IAC, SB, IAC, DO, 3, b'x'], b"x", &[Token::Reply([IAC, WONT, 3])]),
    ];
    for (bytes, data, others) in cases {
        assert_eq!(tokens(bytes), (data.to_vec(), others.to_vec()), "{bytes:?}");
    }
}

#[test]
fn an_answer_to_our_own_offer_to_echo_is_not_refused() {
    let mut telnet = Telnet::default();
    assert!(!telnet.speaks());
    assert_eq!(telnet.ask(Wish::Echo, true), Some([IAC, WILL, ECHO]));
    assert_eq!(heard(&mut telnet, &[IAC, DO, ECHO]), [Token::Changed]);
    assert!(telnet.speaks() && telnet.has(Wish::Echo));
    assert_eq!(telnet.ask(Wish::Echo, true), None, "it is so");
    assert_eq!(telnet.ask(Wish::Echo, false), Some([IAC, WONT, ECHO]));
    assert_eq!(heard(&mut telnet, &[IAC, DONT, ECHO]), [Token::Changed]);
    assert_eq!(heard(&mut telnet, &[IAC, DO, ECHO]), [Token::Reply([IAC, WONT, ECHO])]);
}

#[test]
fn a_peer_that_shows_nothing_of_telnet_is_not_waited_for() {
    let mut silent = Telnet::default();
    for _ in 0..3 {
        assert_eq!(silent.ask(Wish::Echo, true), Some([IAC, WILL, ECHO]));
        assert_eq!(silent.ask(Wish::Echo, false), Some([IAC, WONT, ECHO]));
    }
    // What it answers at last ends as it should be.
    assert_eq!(heard(&mut silent, &[IAC, DO, ECHO]), []);
    assert_eq!(heard(&mut silent, &[IAC, DONT, ECHO]), [Token::Changed]);
    assert!(!silent.has(Wish::Echo));
}

#[test]
fn one_that_speaks_it_answers_before_it_is_asked_again() {
    let mut telnet = Telnet::default();
    heard(&mut telnet, &[IAC, 241]);
    assert_eq!(telnet.ask(Wish::Echo, true), Some([IAC, WILL, ECHO]));
    assert_eq!(telnet.ask(Wish::Echo, false), None);
    assert_eq!(telnet.ask(Wish::Echo, true), None);
    assert_eq!(telnet.ask(Wish::Echo, false), None);
    assert_eq!(heard(&mut telnet, &[IAC, DO, ECHO]), [Token::Reply([IAC, WONT, ECHO])]);
    assert_eq!(telnet.ask(Wish::Echo, true), None);
    assert_eq!(heard(&mut telnet, &[IAC, DONT, ECHO]), [Token::Reply([IAC, WILL, ECHO])]);
    assert_eq!(heard(&mut telnet, &[IAC, DO, ECHO]), [Token::Changed]);
    assert!(telnet.has(Wish::Echo));
}

#[test]
fn the_size_of_a_window_is_read_where_it_is_one() {
    let told = |size: &[u8]| {
        let mut bytes = vec![IAC, SB, NAWS];
        bytes.extend(size);
        bytes.extend([IAC, SE, b'x']);
        let (data, others) = tokens(&bytes);
        assert_eq!(data, b"x", "{size:?}");
        others
    };
    for (bytes, want) in [
        (&[0, 80, 0, 24][..], vec![size(80, 24)]),
        (&[0, 20, 0, 0], vec![size(20, 0)]),
        (&[1, 0xF4, 1, 0], vec![size(500, 256)]),
        (&[0, IAC, IAC, 0, 24], vec![size(255, 24)]),
        (&[0, 0, 0, 24], vec![size(0, 24)]),
        (&[IAC, IAC, IAC, IAC, 0, 24], vec![size(0xFFFF, 24)]),
        (&[0, 80, 0], vec![]),
        (&[0, 80, 0, 24, 0], vec![]),
        (&[0, 80, 0, 24, 0, 0, 0, 0], vec![]),
        (&[], vec![]),
    ] {
        assert_eq!(told(bytes), want, "{bytes:?}");
    }
}

#[test]
fn the_size_of_the_window_is_negotiated_without_a_loop() {
    let say = |telnet: &mut Telnet, verb| heard(telnet, &[IAC, verb, NAWS]);
    let reply = |verb| vec![Token::Reply([IAC, verb, NAWS])];
    let mut asked = Telnet::default();
    assert_eq!(asked.ask_terminal(), [IAC, DO, TTYPE, IAC, DO, NAWS]);
    for (verb, want) in [
        (WILL, vec![Token::Changed]),
        (WILL, vec![]),
        (WONT, reply(DONT)),
        (WONT, vec![]),
        (WILL, reply(DO)),
    ] {
        assert_eq!(say(&mut asked, verb), want, "{verb}");
    }
    let mut refused = Telnet::default();
    refused.ask_terminal();
    assert_eq!(say(&mut refused, WONT), [Token::Changed]);
    assert_eq!(say(&mut refused, WILL), reply(DO));
    let mut offered = Telnet::default();
    assert_eq!((say(&mut offered, WILL), say(&mut offered, WILL)), (reply(DO), vec![]));
    assert_eq!(say(&mut offered, DO), reply(WONT), "a size of ours there is not");
}

/// The commands by which a client tells a name.
fn is(name: &str) -> Vec<u8> {
    [&[IAC, SB, TTYPE, IS], name.as_bytes(), &[IAC, SE]].concat()
}

#[test]
fn a_client_is_asked_three_times_what_it_is() {
    let told = |told, on| vec![Token::Client { told, on }];
    let mut telnet = Telnet::default();
    assert_eq!(heard(&mut telnet, &is("XTERM")), [], "nobody has asked");
    telnet.ask_terminal();
    assert_eq!(heard(&mut telnet, &is("XTERM")), [], "nor for the name itself");
    assert_eq!(heard(&mut telnet, &[IAC, WILL, TTYPE]), told(None, true));
    assert_eq!(heard(&mut telnet, &[IAC, WILL, TTYPE]), []);
    assert_eq!(heard(&mut telnet, &is("MUDLET")), told(Some(Client::Other), true));
    assert_eq!(heard(&mut telnet, &is("XTERM")), told(Some(Client::Other), true));
    assert_eq!(heard(&mut telnet, &is("MTTS 2093")), told(Some(Client::Other), false));
    assert_eq!(heard(&mut telnet, &is("MTTS 64")), [], "it was asked no more");
    assert_eq!(heard(&mut telnet, &[IAC, WONT, TTYPE]), [Token::Reply([IAC, DONT, TTYPE])]);
    assert_eq!(heard(&mut telnet, &[IAC, WILL, TTYPE]), [Token::Reply([IAC, DONT, TTYPE])]);
    let mut refuses = Telnet::default();
    refuses.ask_terminal();
    assert_eq!(heard(&mut refuses, &[IAC, WONT, TTYPE]), []);
}

#[test]
fn terminals_are_told_from_clients_that_edit_themselves() {
    for (name, want) in [
        ("XTERM", Client::Terminal),
        ("xterm-kitty", Client::Terminal),
        ("TMUX-256COLOR", Client::Terminal),
        ("SCREEN.XTERM-256COLOR", Client::Terminal),
        ("FOO-256COLOR", Client::Terminal),
        ("LINUX", Client::Terminal),
        ("VT100", Client::Terminal),
        ("ANSI", Client::Terminal),
        ("RXVT-UNICODE", Client::Terminal),
        ("ST", Client::Terminal),
        ("PUTTY", Client::Terminal),
        ("CYGWIN", Client::Terminal),
        ("DEC-VT220", Client::Terminal),
        ("DEC-VT100", Client::Terminal),
        ("DEC-VTMUD", Client::Other),
        ("DEC-", Client::Other),
        ("IBM-3278-2", Client::Other),
        ("MUD-XTERM", Client::Other),
        ("DUMB", Client::Dumb),
        ("MTTS 137", Client::Other),
        ("MTTS 64", Client::ScreenReader),
        ("mtts 2253", Client::ScreenReader),
        ("MTTS", Client::Other),
        ("MTTS -64", Client::Other),
        ("MUDLET", Client::Other),
        ("TINTIN++", Client::Other),
        ("KBtin", Client::Other),
        ("VTMUD", Client::Other),
        ("STARWARS", Client::Other),
        ("ANSIMUD", Client::Other),
        ("UNKNOWN", Client::Other),
        ("", Client::Other),
        ("xterm\u{e9}", Client::Terminal),
    ] {
        assert_eq!(Client::of(name.as_bytes(), true), want, "{name}");
        let later = if want == Client::Terminal { Client::Other } else { want };
        assert_eq!(Client::of(name.as_bytes(), false), later, "{name}");
    }
    let mut telnet = Telnet::default();
    telnet.ask_terminal();
    heard(&mut telnet, &[IAC, WILL, TTYPE]);
    let long = "xterm-".to_owned() + &"x".repeat(200);
    let other = Token::Client { told: Some(Client::Other), on: true };
    assert_eq!(heard(&mut telnet, &is(&long)), [other]);
}

#[test]
fn keys_are_asked_for_and_given_up() {
    let all = [Wish::Echo, Wish::Keys, Wish::BinaryOut, Wish::BinaryIn];
    let ask = |telnet: &mut Telnet, on| -> Vec<u8> {
        all.into_iter().filter_map(|wish| telnet.ask(wish, on)).flatten().collect()
    };
    let mut telnet = Telnet::default();
    heard(&mut telnet, &[IAC, 241]);
    let asked = [IAC, WILL, ECHO, IAC, WILL, SGA, IAC, WILL, BINARY, IAC, DO, BINARY];
    assert_eq!(ask(&mut telnet, true), asked);
    assert_eq!(ask(&mut telnet, true), [] as [u8; 0]);
    let agreed = [IAC, DO, ECHO, IAC, DO, SGA, IAC, DO, BINARY, IAC, WILL, BINARY];
    assert_eq!(heard(&mut telnet, &agreed), [Token::Changed; 4]);
    assert!(all.into_iter().all(|wish| telnet.has(wish)));
    let ended = [IAC, WONT, ECHO, IAC, WONT, SGA, IAC, WONT, BINARY, IAC, DONT, BINARY];
    assert_eq!(ask(&mut telnet, false), ended);
    let mut refuses = Telnet::default();
    assert!(refuses.refuses(Wish::Keys), "nothing is on by itself");
    ask(&mut refuses, true);
    assert!(!refuses.refuses(Wish::Keys));
    assert_eq!(heard(&mut refuses, &[IAC, DONT, SGA]), [Token::Changed]);
    assert!(refuses.refuses(Wish::Keys) && !refuses.refuses(Wish::Echo));
}

#[test]
fn a_subnegotiation_that_never_ends_is_given_up() {
    for option in [TTYPE, NAWS, 86] {
        let mut bytes = vec![IAC, SB, option];
        bytes.extend([b'x'; MAX_SUBNEGOTIATION_BYTES as usize]);
        bytes.extend(b"hello");
        assert_eq!(tokens(&bytes).0, b"hello");
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    prop::sample::select(vec![Wish::Echo, Wish::Keys, Wish::BinaryOut, Wish::BinaryIn, Wish::Size])
}

proptest! {
    /// Two of these machines, each asking as it likes, agree in the end and fall silent.
    #[test]
    fn negotiation_ends_and_both_sides_agree(
        asked in prop::collection::vec((wish(), any::<bool>()), 1..12),
        deliver in prop::collection::vec(any::<bool>(), 12),
    ) {
        let mut telnet = Telnet::default();
        heard(&mut telnet, &[IAC, 241]);
        // A peer that agrees to all, and answers only where something changes for it.
        let mut is_on = std::collections::HashMap::new();
        let (mut to_peer, mut to_us) = (Vec::new(), Vec::new());
        let mut steps = 0;
        let mut settle = |telnet: &mut Telnet, to_peer: &mut Vec<u8>, to_us: &mut Vec<u8>| {
            while !(to_peer.is_empty() && to_us.is_empty()) {
                steps += 1;
                assert!(steps < 1_000, "it goes on and on");
                for command in std::mem::take(to_peer).chunks(3) {
                    let &[IAC, verb, option] = command else { panic!("{command:?}") };
                    let (on, answers) = match verb {
                        WILL => (true, [DO, DONT]),
                        WONT => (false, [DO, DONT]),
                        DO => (true, [WILL, WONT]),
                        _ => (false, [WILL, WONT]),
                    };
                    let side = (option, answers);
                    if is_on.insert(side, on).unwrap_or(false) != on {
                        to_us.extend([IAC, answers[usize::from(!on)], option]);
                    }
                }
                for token in heard(telnet, &std::mem::take(to_us)) {
                    if let Token::Reply(reply) = token {
                        to_peer.extend(reply);
                    }
                }
            }
            is_on.clone()
        };
        let mut wanted = std::collections::HashMap::new();
        for ((wish, on), deliver) in asked.into_iter().zip(deliver) {
            to_peer.extend(telnet.ask(wish, on).into_iter().flatten());
            // Those without a queue are asked for one thing at a time.
            if deliver || wish.bits().1 == 0b11 {
                settle(&mut telnet, &mut to_peer, &mut to_us);
            }
            wanted.insert(wish.command(true), (wish, on));
        }
        let is_on = settle(&mut telnet, &mut to_peer, &mut to_us);
        for (wish, on) in wanted.into_values() {
            prop_assert_eq!(telnet.has(wish), on, "{:?}", wish);
            let answers = if wish.is_ours() { [DO, DONT] } else { [WILL, WONT] };
            let theirs = is_on.get(&(wish.option(), answers)).copied().unwrap_or(false);
            prop_assert_eq!(theirs, on, "{:?}", wish);
        }
    }

    #[test]
    fn whatever_comes_nothing_is_left_behind(bytes in prop::collection::vec(
        prop_oneof![Just(IAC), Just(SB), Just(SE), Just(WILL), Just(TTYPE), Just(NAWS), any::<u8>()],
        0..300,
    )) {
        let mut telnet = Telnet::default();
        telnet.ask_terminal();
        let mut behind = Vec::new();
        for byte in bytes {
            telnet.step(byte, &mut behind);
            prop_assert!(behind.len() <= usize::from(TYPE_BYTES));
            prop_assert!(!telnet.is_idle() || behind.is_empty());
        }
    }
}
