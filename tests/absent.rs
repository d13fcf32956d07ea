//! Peers that vanish: in network namespaces of their own, which drop their packets without a word.
//!
//! Nothing outside is touched: the server and each client run in a namespace that ends with them. It
//! takes over a minute, most of it waiting; tests begin in the order of their names, so this one is at
//! it while all the others run.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{have, skip};
use crate::harness::{Folder, PATIENCE, Server};

/// Within this a peer that vanished is found, whatever is on the way to it.
const FOUND_WITHIN: Duration = Duration::from_secs(90);

/// When something is sent to the peer that nothing was on the way to: just before the probes that it
/// does not answer would have found it.
const LATE: Duration = Duration::from_secs(32);

/// Where `ip` is, too.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// How a network namespace is made here: as root of a user namespace, or as root.
fn namespaces() -> Option<&'static str> {
    ["-Urn", "-n"].into_iter().find(|flags| {
        let tried = Command::new("unshare").args([flags, "true"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}

/// A server in a network of its own.
struct World {
    server: Server,
    flags: &'static str,
}

impl World {
    fn start(flags: &'static str) -> Self {
        let folder = Folder::new();
        let script = "ip link set lo up && exec \"$0\"";
        let mut command = Command::new("unshare");
        command
            .args([flags, "sh", "-c", script, env!("CARGO_BIN_EXE_lobbyd")])
            .current_dir(folder.path())
            .env_clear()
            .envs([("CHAT_ADDR", "0.0.0.0:0"), ("CHAT_TLS_ADDR", "off")])
            .envs([("CHAT_RATE_MESSAGES", "0"), ("CHAT_MAX_CONNECTIONS_PER_IP", "0")])
            .envs([("CHAT_STALL_TIMEOUT_SECS", "300"), ("CHAT_OUTBOUND_LIMIT_BYTES", "8000000")])
            .envs([("CHAT_COLOR", "off"), ("PATH", PATH)]);
        Self { server: Server::spawn(command, folder), flags }
    }

    /// A command in the network of a process.
    fn inside(&self, pid: u32, command: &[&str]) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["-t", &pid.to_string(), "-n"]);
        if self.flags.contains('U') {
            inside.args(["-U", "--preserve-credentials"]);
        }
        inside.arg("--").args(command).env("PATH", PATH);
        inside
    }

    #[track_caller]
    fn configure(&self, pid: u32, script: &str) {
        let done = self.inside(pid, &["sh", "-ec", script]).output().unwrap();
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A user beside the server.
    fn user(&self, name: &str) -> User {
        let mut user = User::start(self, "127.0.0.1", &[]);
        user.log_in(name);
        user
    }

    /// A user in the network numbered `n`, at the other end of a cable.
    fn far_user(&self, n: u8, name: &str) -> User {
        let mut user = User::start(self, &format!("10.77.{n}.1"), &["unshare", "-n"]);
        let (server, client) = (self.server.pid(), user.child.id());
        // The process of the client has to be in its own network before the cable is laid.
        let start = Instant::now();
        let net = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let others = [None, net(server), net(std::process::id())];
        while others.contains(&net(client)) {
            assert!(start.elapsed() < PATIENCE, "no network for {name}");
            thread::sleep(Duration::from_millis(5));
        }
        self.configure(
            server,
            &format!(
                "ip link add s{n} type veth peer name c address 02:00:00:00:00:0{n} netns {client}
                ip addr add 10.77.{n}.1/24 dev s{n}
                ip link set s{n} up
                ip neigh replace 10.77.{n}.2 lladdr 02:00:00:00:00:0{n} nud permanent dev s{n}"
            ),
        );
        self.configure(client, &format!("ip addr add 10.77.{n}.2/24 dev c; ip link set c up"));
        user.log_in(name);
        user
    }

    /// From now on the network numbered `n` takes no packet of the server, and sends none.
    fn cut(&self, n: u8, user: &User) {
        let script = format!("ip route add blackhole 10.77.{n}.1/32; ip addr flush dev c");
        self.configure(user.child.id(), &script);
    }
}

/// A client that runs in a network of its own, as a process.
struct User {
    child: Child,
    stdin: ChildStdin,
    text: Arc<Mutex<String>>,
    seen: usize,
    port: u16,
    addr: String,
}

impl User {
    /// Starts it; it connects when it is told where to.
    fn start(world: &World, addr: &str, before: &[&str]) -> Self {
        let script = "exec 4<&0; read -r addr port <&4; exec 3<>/dev/tcp/$addr/$port
            cat <&4 >&3 & exec cat <&3";
        let command = [before, &["bash", "-c", script]].concat();
        let mut child = world
            .inside(world.server.pid(), &command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let text = Arc::new(Mutex::new(String::new()));
        let sink = text.clone();
        thread::spawn(move || {
            let mut buf = [0; 16_384];
            while let Ok(count @ 1..) = stdout.read(&mut buf) {
                let new = String::from_utf8_lossy(&buf[..count]).into_owned();
                sink.lock().unwrap().push_str(&new);
            }
        });
        Self { child, stdin, text, seen: 0, port: world.server.port, addr: addr.to_owned() }
    }

    fn log_in(&mut self, name: &str) {
        let place = format!("{} {}", self.addr, self.port);
        self.send(&place);
        self.expect("username: ");
        self.ask(name, &format!("{name} has joined the lobby"));
    }

    fn send(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for a text after what was seen before; what stood before it.
    #[track_caller]
    fn expect(&mut self, want: &str) -> String {
        let start = Instant::now();
        loop {
            let text = self.text.lock().unwrap().clone();
            if let Some(at) = text[self.seen..].find(want) {
                let before = text[self.seen..self.seen + at].to_owned();
                self.seen += at + want.len();
                return before;
            }
            assert!(start.elapsed() < PATIENCE, "{want:?} does not come: {:?}", &text[self.seen..]);
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn ask(&mut self, line: &str, want: &str) -> String {
        self.send(line);
        self.expect(want)
    }

    /// Whether somebody is there, as this user is told.
    fn sees(&mut self, name: &str) -> bool {
        self.send(&format!("/whois {name}"));
        let told = self.ask("/msg nobody-at-all x", "User not found.");
        // Of somebody who is gone that line comes twice.
        if !told.contains("Status:") {
            self.expect("User not found.");
            return false;
        }
        true
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn who_vanishes_is_found_in_time_and_who_only_reads_nothing_is_left_alone() {
    if !have(&["unshare", "nsenter", "ip", "bash"]) {
        return;
    }
    let Some(flags) = namespaces() else { return skip("network namespaces") };
    let world = World::start(flags);
    let mut watcher = world.user("watcher");
    for lobby in ["calm", "evening", "flood"] {
        watcher.ask(&format!("/create {lobby} no-pass x"), "Created");
    }
    let inside = |name: &str, user: &mut User, lobby: &str| {
        user.ask(&format!("/join {lobby}"), &format!("{name} has joined the lobby"));
    };
    let busy = world.far_user(1, "busy");
    let mut quiet = world.far_user(2, "quiet");
    inside("quiet", &mut quiet, "calm");
    let (mut tardy, mut talker) = (world.far_user(3, "tardy"), world.user("talker"));
    inside("tardy", &mut tardy, "evening");
    inside("talker", &mut talker, "evening");
    // These two read nothing, one of them with far more on the way than the kernel takes; their own
    // kernel answers for them.
    let mut frozen = world.far_user(4, "frozen");
    let (mut laden, mut flooder) = (world.far_user(5, "laden"), world.user("flooder"));
    inside("laden", &mut laden, "flood");
    inside("flooder", &mut flooder, "flood");
    frozen.signal("-STOP");
    laden.signal("-STOP");
    for i in 0..1_500 {
        flooder.ask(&format!("m{i} {}", "x".repeat(900)), &format!("╰─> m{i} "));
    }

    // Heard of just now, so that nothing of the time is over when it begins.
    talker.ask("last words", "╰─> last words");
    tardy.expect("╰─> last words");
    // TCP acknowledges 0.2 s later at the latest; until then something would be on the way.
    thread::sleep(Duration::from_millis(500));
    for (n, user) in [(1, &busy), (2, &quiet), (3, &tardy)] {
        world.cut(n, user);
    }
    let start = Instant::now();
    watcher.ask("on its way", "╰─> on its way");
    let mut missing = vec!["busy", "quiet", "tardy"];
    let mut sent = false;
    while !missing.is_empty() {
        thread::sleep(Duration::from_millis(500));
        let age = start.elapsed();
        if age >= LATE && !sent {
            assert!(missing.contains(&"tardy"), "found before {LATE:?}");
            talker.ask("also on its way", "╰─> also on its way");
            sent = true;
        }
        missing.retain(|name| watcher.sees(name));
        assert!(age < FOUND_WITHIN, "{missing:?} still there after {age:?}");
    }
    assert!(start.elapsed() > LATE + Duration::from_secs(30), "it was not too easy");
    for (name, user, want) in
        [("frozen", &mut frozen, "╰─> on its way"), ("laden", &mut laden, "╰─> m1499 ")]
    {
        assert!(watcher.sees(name), "{name} was cut off although its kernel answers");
        user.signal("-CONT");
        user.expect(want);
    }
}
