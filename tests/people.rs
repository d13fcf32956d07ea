//! Users with accounts, addresses and ranks, for the tests of what they may do.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Output, Stdio};

use socket2::{Domain, Socket, Type};

use crate::harness::{Client, Folder, Server, lobbyd};
use crate::over;

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct-horse";

/// The account that is an admin where a server is started with these.
pub(crate) const ADMINS: [(&str, &str); 1] = [("CHAT_ADMINS", "root")];

/// `lobbyd passwd NAME` with this on its standard input.
pub(crate) fn passwd(folder: &Path, name: &str, input: impl AsRef<[u8]>) -> Output {
    let mut child = lobbyd(folder, &[], &["passwd", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without having read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    child.wait_with_output().unwrap()
}

/// Makes an account, or gives it another password, as an operator does while the server does not run.
pub(crate) fn makes(folder: &Path, name: &str, password: &str) {
    if over::nodes().is_some() {
        return over::makes_later(folder, name, password);
    }
    let out = passwd(folder, name, format!("{password}\n"));
    let error = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success() && error.is_empty(), "{error}");
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(said.contains(name) && !said.contains(password), "{said}");
}

/// A server with the admin `root`.
pub(crate) fn with_root() -> Server {
    let folder = Folder::new();
    makes(folder.path(), "root", PASSWORD);
    Server::start_in(folder, &ADMINS)
}

/// Ends a server in the usual way, and keeps its folder.
pub(crate) fn stop(mut server: Server) -> Folder {
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    server.into_folder()
}

/// A client that has just made its name an account.
pub(crate) fn registered(server: &Server, name: &str) -> Client {
    let mut client = server.login(name);
    client.ask(&format!("/register {PASSWORD}"), &format!("'{name}' is yours now."));
    client.expect("> ");
    client
}

/// A client that has given a name that is an account's, and is asked for the password.
pub(crate) fn challenged(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.ask(name, "Password: ");
    client
}

/// A client that has logged in to an account, in whatever lobby; with what it was shown until then.
pub(crate) fn logged_in_to(server: &Server, name: &str) -> (Client, String) {
    let mut client = challenged(server, name);
    let shown = client.ask(PASSWORD, &format!("[LOBBY] {name} has joined the lobby"));
    client.expect("\n> ");
    (client, shown)
}

/// Leaves, and waits until the server has noticed.
pub(crate) fn quit(mut client: Client) {
    client.ask("/quit", "Disconnecting from server. Goodbye!");
    client.read_to_end();
}

/// Ends a server and starts it again.
pub(crate) fn restart(server: Server, env: &[(&str, &str)]) -> Server {
    Server::start_in(stop(server), env)
}

/// A client of another address of this machine.
pub(crate) fn connect_from(server: &Server, ip: &str) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(ip.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], server.next_port())).into()).unwrap();
    Client::new(TcpStream::from(socket))
}

/// A guest of another address.
pub(crate) fn guest_from(server: &Server, ip: &str, name: &str) -> Client {
    let mut client = connect_from(server, ip);
    client.log_in(name);
    client
}

/// Gives the name and the password of an account.
pub(crate) fn prove(client: &mut Client, name: &str) {
    client.expect("Enter your username: ");
    client.ask(name, "Password: ");
    client.send(PASSWORD);
}

/// A client that has logged in to an account and read all that it was shown, which is given too.
#[track_caller]
pub(crate) fn log_in_to(server: &Server, name: &str) -> (Client, String) {
    let mut client = challenged(server, name);
    client.send(PASSWORD);
    let shown = client.sync(name);
    (client, shown)
}

/// One of each rank in the lobby `coding`, and somebody for them to act on.
pub(crate) struct Cast {
    /// An admin.
    pub root: Client,
    /// The owner.
    pub alice: Client,
    /// An operator.
    pub bob: Client,
    /// A member with an account.
    pub carol: Client,
    /// A guest.
    pub dave: Client,
    /// A guest of an address of her own.
    pub erin: Client,
    pub server: Server,
}

/// The address of `erin`.
pub(crate) const ERIN: &str = "127.0.0.3";

impl Cast {
    pub(crate) fn new() -> Self {
        let server = with_root();
        let (mut root, _) = log_in_to(&server, "root");
        let [mut alice, mut bob, mut carol] =
            ["alice", "bob", "carol"].map(|n| registered(&server, n));
        let mut dave = server.login("dave");
        let mut erin = guest_from(&server, ERIN, "erin");
        alice.ask("/create coding no-pass Code", "Created public lobby 'coding'");
        for client in [&mut root, &mut alice, &mut bob, &mut carol, &mut dave, &mut erin] {
            client.ask("/join coding", "Joined lobby 'coding'");
        }
        alice.ask("/op bob", "[LOBBY] alice made bob an operator\n");
        let mut cast = Self { root, alice, bob, carol, dave, erin, server };
        cast.drain();
        cast
    }

    /// Everybody with their name.
    pub(crate) fn all(&mut self) -> [(&'static str, &mut Client); 6] {
        let Self { root, alice, bob, carol, dave, erin, .. } = self;
        [
            ("root", root),
            ("alice", alice),
            ("bob", bob),
            ("carol", carol),
            ("dave", dave),
            ("erin", erin),
        ]
    }

    /// Those in the order of their rank, least first, with their name.
    pub(crate) fn by_rank(&mut self) -> [(&'static str, &mut Client); 5] {
        let Self { root, alice, bob, carol, dave, .. } = self;
        [("dave", dave), ("carol", carol), ("bob", bob), ("alice", alice), ("root", root)]
    }

    /// Has everybody read what they were sent so far.
    pub(crate) fn drain(&mut self) {
        for (name, client) in self.all() {
            client.sync(name);
            client.expect("\n> ");
        }
    }
}
