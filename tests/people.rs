//! Users with accounts, addresses and ranks, for the tests of what they may do.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;

use socket2::{Domain, Socket, Type};

use crate::harness::{Client, Folder, Server, lobbyd};

/// The password of every account.
pub const PASSWORD: &str = "correct-horse";

/// The account that is an admin where a server is started with these.
pub const ADMINS: [(&str, &str); 1] = [("CHAT_ADMINS", "root")];

/// Makes an account as an operator of the server does, while it does not run.
pub fn make_account(folder: &Path, name: &str) {
    let mut child = lobbyd(folder, &[], &["passwd", name]).stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(child.wait().unwrap().success());
}

/// A server with the admin `root`.
pub fn with_root() -> Server {
    let folder = Folder::new();
    make_account(folder.path(), "root");
    Server::start_in(folder, &ADMINS)
}

/// Ends a server in good order and starts it again.
pub fn restart(mut server: Server, env: &[(&str, &str)]) -> Server {
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    Server::start_in(server.into_folder(), env)
}

/// A client of another address of this machine.
pub fn connect_from(server: &Server, ip: &str) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(ip.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], server.port)).into()).unwrap();
    Client::new(TcpStream::from(socket))
}

/// A guest of another address.
pub fn guest_from(server: &Server, ip: &str, name: &str) -> Client {
    let mut client = connect_from(server, ip);
    client.log_in(name);
    client
}

/// Gives the name and the password of an account.
pub fn prove(client: &mut Client, name: &str) {
    client.expect("Enter your username: ");
    client.ask(name, "Password: ");
    client.send(PASSWORD);
}

/// Logs in to an account, and gives what was shown.
#[track_caller]
pub fn log_in_to(server: &Server, name: &str) -> (Client, String) {
    let mut client = server.connect();
    prove(&mut client, name);
    let shown = client.sync(name);
    (client, shown)
}

/// A guest who has made an account.
pub fn register(server: &Server, name: &str) -> Client {
    let mut client = server.login(name);
    client.ask(&format!("/register {PASSWORD}"), "is yours now.");
    client
}

/// One of each rank in the lobby `coding`, and somebody for them to act on.
pub struct Cast {
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
pub const ERIN: &str = "127.0.0.3";

impl Cast {
    pub fn new() -> Self {
        let server = with_root();
        let (mut root, _) = log_in_to(&server, "root");
        let [mut alice, mut bob, mut carol] =
            ["alice", "bob", "carol"].map(|n| register(&server, n));
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
    pub fn all(&mut self) -> [(&'static str, &mut Client); 6] {
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
    pub fn by_rank(&mut self) -> [(&'static str, &mut Client); 5] {
        let Self { root, alice, bob, carol, dave, .. } = self;
        [("dave", dave), ("carol", carol), ("bob", bob), ("alice", alice), ("root", root)]
    }

    /// Has everybody read what they were sent so far.
    pub fn drain(&mut self) {
        for (name, client) in self.all() {
            client.sync(name);
            client.expect("\n> ");
        }
    }
}
