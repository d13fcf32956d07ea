//! The connections of this server: which there are, the lobby that each is in, and whose password may be
//! looked at.
//!
//! Other servers have their own, so nothing of this is proposed first: it is decided and so at once.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::chat::directory::{Admission, ConnId, Guess, Guesses, IpKey, Refusal};
use crate::chat::lobbies::LobbyId;
use crate::chat::registry::place::Place;

/// A connection that waited to be let try a password, and whether it may now. An error is the time to
/// wait before it may try again. Where it may, [`Connections::end_guess`] must follow.
pub type Woken = (ConnId, Result<(), Duration>);

/// What is known of a connection.
#[derive(Debug)]
struct Connection {
    ip: IpKey,
    /// A password of it is being checked.
    guessing: bool,
    /// Where it is.
    place: Place,
}

/// All connections.
#[derive(Debug)]
pub struct Connections {
    /// The life of this node.
    life: u32,
    /// The number that the next one is tried with.
    next: u32,
    by_id: HashMap<ConnId, Connection>,
    admission: Admission,
    guesses: Guesses,
    /// Those of each address that wait to be let try a password, the first that came first.
    waiting: HashMap<IpKey, VecDeque<ConnId>>,
}

impl Connections {
    /// None yet, within these limits.
    pub fn new(admission: Admission) -> Self {
        Self {
            life: 0,
            next: 1,
            by_id: HashMap::new(),
            admission,
            guesses: Guesses::default(),
            waiting: HashMap::new(),
        }
    }

    /// What limits them, to be changed: that puts nobody out.
    pub fn admission(&mut self) -> &mut Admission {
        &mut self.admission
    }

    /// Gives a connection from `ip` a place and its number.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn admit(&mut self, ip: IpKey, now: Instant) -> Result<ConnId, Refusal> {
        self.admission.admit(ip, now)?;
        let conn = self.free_number();
        self.by_id.insert(conn, Connection { ip, guessing: false, place: Place::default() });
        Ok(conn)
    }

    /// Connections that come from here on are of this life of the node.
    pub fn begin_life(&mut self, life: u32) {
        self.life = life;
    }

    /// A number that no connection has. They come round after four billion: there is always a free one,
    /// since no machine has so many at a time. 0 is nobody's.
    fn free_number(&mut self) -> ConnId {
        loop {
            let conn = ConnId::new(self.life, self.next);
            self.next = self.next.checked_add(1).unwrap_or(1);
            if !self.by_id.contains_key(&conn) {
                return conn;
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether a connection is still there.
    pub fn is_there(&self, conn: ConnId) -> bool {
        self.by_id.contains_key(&conn)
    }

    /// A connection is over, and its place is free. Answered with those who may try a password for it,
    /// or may not: whoever hangs up on a guess has made it.
    pub fn close(&mut self, conn: ConnId, now: Instant) -> Vec<Woken> {
        let Some(ip) = self.ip(conn) else { return Vec::new() };
        if let Some(waiting) = self.waiting.get_mut(&ip) {
            waiting.retain(|other| *other != conn);
        }
        let woken = self.end_guess(conn, true, now);
        self.by_id.remove(&conn);
        self.admission.release(ip);
        woken
    }

    /// Where a connection is, to be changed.
    pub fn place(&mut self, conn: ConnId) -> Option<&mut Place> {
        self.by_id.get_mut(&conn).map(|connection| &mut connection.place)
    }

    /// The lobby that a connection is in.
    pub fn lobby(&self, conn: ConnId) -> Option<LobbyId> {
        self.by_id.get(&conn)?.place.lobby()
    }

    /// Asks to try a password. A connection that has to wait is among those that a later
    /// [`end_guess`](Self::end_guess) or [`close`](Self::close) lets go on.
    pub fn begin_guess(&mut self, conn: ConnId, now: Instant) -> Guess {
        let Some(connection) = self.by_id.get_mut(&conn) else {
            return Guess::Refused(Duration::ZERO);
        };
        let guess = self.guesses.begin(connection.ip, now);
        match guess {
            Guess::Go => connection.guessing = true,
            Guess::Later => self.waiting.entry(connection.ip).or_default().push_back(conn),
            Guess::Refused(_) => {}
        }
        guess
    }

    /// Says how the password of a connection turned out, unless none of it was being checked. Answered
    /// with those of its address who may go on, as far as the wrong passwords allow.
    pub fn end_guess(&mut self, conn: ConnId, wrong: bool, now: Instant) -> Vec<Woken> {
        let Some(connection) = self.by_id.get_mut(&conn) else { return Vec::new() };
        if !std::mem::take(&mut connection.guessing) {
            return Vec::new();
        }
        let ip = connection.ip;
        self.guesses.end(ip, wrong, now);
        self.wake(ip, now)
    }

    /// An address gave a wrong password on another node.
    pub fn wrong_elsewhere(&mut self, ip: IpKey, now: Instant) {
        self.guesses.wrong(ip, now);
    }

    /// The address of a connection.
    pub fn ip(&self, conn: ConnId) -> Option<IpKey> {
        self.by_id.get(&conn).map(|connection| connection.ip)
    }

    /// Forgets addresses without a recent wrong password or connection.
    pub fn forget_old(&mut self, now: Instant) {
        self.guesses.forget_old(now);
        self.admission.forget_old(now);
    }

    fn wake(&mut self, ip: IpKey, now: Instant) -> Vec<Woken> {
        let mut woken = Vec::new();
        let mut waiting = self.waiting.remove(&ip).unwrap_or_default();
        while let Some(conn) = waiting.pop_front() {
            match self.guesses.begin(ip, now) {
                Guess::Go => {
                    if let Some(connection) = self.by_id.get_mut(&conn) {
                        connection.guessing = true;
                    }
                    woken.push((conn, Ok(())));
                }
                Guess::Refused(wait) => woken.push((conn, Err(wait))),
                Guess::Later => {
                    waiting.push_front(conn);
                    self.waiting.insert(ip, waiting);
                    break;
                }
            }
        }
        woken
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::chat::directory::{GUESS_WINDOW, MAX_WRONG_GUESSES};
    use crate::clock;

    fn ip(last: u8) -> IpKey {
        IpKey::from(IpAddr::from([10, 0, 0, last]))
    }

    /// Connections of one address, all within the same instant.
    fn of_one_address(count: usize, now: Instant) -> (Connections, Vec<ConnId>) {
        let mut connections = Connections::new(Admission::new(0, 0, 0));
        let conns = (0..count).map(|_| connections.admit(ip(1), now).unwrap()).collect();
        (connections, conns)
    }

    #[test]
    fn numbers_are_never_given_twice_and_places_are_given_back_once() {
        let (mut connections, now) = (Connections::new(Admission::new(1, 0, 0)), clock::now());
        let first = connections.admit(ip(1), now).unwrap();
        assert_eq!(connections.admit(ip(2), now), Err(Refusal::Full));
        connections.close(first, now);
        connections.close(first, now);
        let second = connections.admit(ip(2), now).unwrap();
        assert!(second > first && connections.is_there(second) && !connections.is_there(first));
        assert_eq!(connections.admit(ip(1), now), Err(Refusal::Full), "closed twice, free once");
    }

    #[test]
    fn a_number_says_the_life_and_comes_round_to_those_that_are_free() {
        let (mut connections, now) = (Connections::new(Admission::new(0, 0, 0)), clock::now());
        let alone = connections.admit(ip(1), now).unwrap();
        assert_eq!((alone, alone.life(), alone.number()), (ConnId(1), 0, 1));
        connections.begin_life(7);
        let second = connections.admit(ip(1), now).unwrap();
        assert_eq!((second, second.life(), second.number()), (ConnId(7 << 32 | 2), 7, 2));
        connections.next = 1;
        let other = connections.admit(ip(1), now).unwrap();
        assert_eq!(other.number(), 1, "that of another life is another");
        connections.next = u32::MAX;
        let last = connections.admit(ip(1), now).unwrap();
        assert_eq!((last.number(), last.life()), (u32::MAX, 7));
        let round = connections.admit(ip(1), now).unwrap();
        assert_eq!(round.number(), 3, "1 and 2 are there, and 0 is nobody's");
        assert_eq!(ConnId::new(u32::MAX, u32::MAX), ConnId(u64::MAX));
    }

    #[test]
    fn who_waits_goes_on_as_others_turn_out_right_and_is_refused_once_too_many_were_wrong() {
        let now = clock::now();
        let (mut connections, conns) = of_one_address(9, now);
        let (first, rest) = conns.split_at(MAX_WRONG_GUESSES);
        for conn in first {
            assert_eq!(connections.begin_guess(*conn, now), Guess::Go);
        }
        for conn in rest {
            assert_eq!(connections.begin_guess(*conn, now), Guess::Later);
        }
        assert_eq!(connections.end_guess(first[0], false, now), [(rest[0], Ok(()))], "in turn");
        assert_eq!(connections.end_guess(first[0], false, now), [], "it ends once");
        assert_eq!(connections.end_guess(rest[0], true, now), [], "a wrong one makes no room");
        for conn in &first[1..4] {
            assert_eq!(connections.end_guess(*conn, true, now), []);
        }
        let later = now + Duration::from_secs(10);
        let refused = |conn| (conn, Err(GUESS_WINDOW - Duration::from_secs(10)));
        assert_eq!(
            connections.end_guess(first[4], true, later),
            [refused(rest[1]), refused(rest[2]), refused(rest[3])]
        );
        let again = connections.begin_guess(rest[1], now + GUESS_WINDOW);
        assert_eq!(again, Guess::Go, "four of them have aged away");
    }

    #[test]
    fn who_hangs_up_on_a_guess_has_made_it_and_who_hangs_up_waiting_has_not() {
        let now = clock::now();
        let (mut connections, conns) = of_one_address(7, now);
        for conn in &conns[..5] {
            assert_eq!(connections.begin_guess(*conn, now), Guess::Go);
        }
        for conn in &conns[5..] {
            assert_eq!(connections.begin_guess(*conn, now), Guess::Later);
        }
        assert_eq!(connections.close(conns[0], now), [], "a wrong one");
        assert_eq!(connections.close(conns[5], now), [], "gone from the queue");
        assert_eq!(connections.end_guess(conns[1], false, now), [(conns[6], Ok(()))]);
        for conn in [2, 3, 4, 6].map(|at: usize| conns[at]) {
            assert_eq!(connections.close(conn, now), []);
        }
        let last = connections.begin_guess(conns[1], now);
        assert_eq!(last, Guess::Refused(GUESS_WINDOW), "five connections were closed on one");
    }

    #[test]
    fn addresses_are_forgotten_and_unknown_connections_try_nothing() {
        let now = clock::now();
        let (mut connections, conns) = of_one_address(1, now);
        assert!(matches!(connections.begin_guess(ConnId(99), now), Guess::Refused(_)));
        assert_eq!(connections.end_guess(ConnId(99), true, now), []);
        connections.begin_guess(conns[0], now);
        connections.end_guess(conns[0], true, now);
        connections.forget_old(now + GUESS_WINDOW);
        assert!(connections.guesses.is_empty() && connections.waiting.is_empty());
    }

    #[test]
    fn a_connection_has_a_place_while_it_is_there() {
        let (mut connections, conns) = of_one_address(1, clock::now());
        assert_eq!(connections.lobby(conns[0]), None);
        connections.place(conns[0]).unwrap().came(LobbyId(2));
        assert_eq!(connections.lobby(conns[0]), Some(LobbyId(2)));
        assert_eq!(connections.place(ConnId(99)), None);
        assert_eq!(connections.lobby(ConnId(99)), None);
    }
}
