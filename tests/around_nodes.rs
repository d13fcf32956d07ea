//! What stands around the nodes of a cluster, of the files in `deploy/cluster`: engines of three machines, and HAProxy.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::have;
use crate::harness::{Client, Folder, PATIENCE, Server, count, free_port};
use crate::nats_server::NatsServer;
use crate::proxies::with_words;
use crate::proxying::connect_from;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The commands of the chapter that stand under a mark.
pub(crate) fn commands(name: &str) -> Vec<String> {
    let document = read("docs/several-machines.md");
    let mark = format!("<!-- tested: {name} -->\n```\n");
    let (_, block) = document.split_once(&mark).unwrap_or_else(|| panic!("{mark}"));
    block.lines().take_while(|line| *line != "```").map(str::to_owned).collect()
}

/// Runs commands as a shell script, which must succeed, and gives what they print.
#[track_caller]
pub(crate) fn shell(folder: &Path, commands: &[String], env: &[(&str, &str)]) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_lobbyd")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-eux", "-c", &commands.join("\n")]).current_dir(folder).env_clear();
    let output = command.env("PATH", path).envs(env.iter().copied()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{commands:#?}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Engines of three machines, as the manual has them joined, on three addresses of this one. Killed when dropped.
struct Engines {
    folder: Folder,
    clients: u16,
    routes: u16,
    children: [Option<Child>; 3],
}

impl Engines {
    /// None where no nats-server is installed.
    fn start() -> Option<Self> {
        if !have(&["nats-server", "openssl"]) {
            return None;
        }
        let folder = Folder::new();
        let script: Vec<_> = commands("certificates")
            .iter()
            .map(|line| line.replace("n1 n2 n3", "127.0.0.2 127.0.0.3 127.0.0.4"))
            .map(|line| line.replace("DNS:", "IP:"))
            .collect();
        shell(folder.path(), &script, &[]);
        let mut engines = Self {
            folder,
            clients: free_port(),
            routes: free_port(),
            children: [const { None }; 3],
        };
        for n in 0..3 {
            engines.run(n);
        }
        Some(engines)
    }

    fn address(n: usize) -> String {
        format!("127.0.0.{}", n + 2)
    }

    /// That of lobbyd for the engine beside it.
    fn url(&self, n: usize) -> String {
        format!("nats://lobbyd:psecret@{}:{}", Self::address(n), self.clients)
    }

    fn run(&mut self, n: usize) {
        let (folder, address) = (self.folder.path(), Self::address(n));
        let own = |name: &str| format!("\"{}\"", folder.join(name).display());
        let mut words = vec![
            ("\"127.0.0.1:4222\"", format!("\"{address}:{}\"", self.clients)),
            ("\"127.0.0.1:8222\"", format!("\"{address}:{}\"", free_port())),
            ("\"0.0.0.0:6222\"", format!("\"{address}:{}\"", self.routes)),
            ("\"/etc/nats-server/server.crt\"", own(&format!("{address}.crt"))),
            ("\"/etc/nats-server/server.key\"", own(&format!("{address}.key"))),
            ("\"/etc/nats-server/ca.crt\"", own("ca.crt")),
            ("\"/var/lib/nats-server\"", own(&format!("store{n}"))),
        ];
        let routes = ["nats://n1:6222", "nats://n2:6222", "nats://n3:6222"];
        words.extend(
            routes.iter().enumerate().map(|(of, route)| {
                (*route, format!("nats://{}:{}", Self::address(of), self.routes))
            }),
        );
        let file = folder.join(format!("nats{n}.conf"));
        fs::write(&file, with_words("cluster/nats-three.conf", &words)).unwrap();
        let log = fs::File::create(folder.join(format!("nats{n}.log"))).unwrap();
        let mut command = Command::new("nats-server");
        command.arg("-c").arg(file).stdout(Stdio::null()).stderr(log);
        command.envs([("NATS_NAME", format!("n{}", n + 1)), ("NATS_PASSWORD", "psecret".into())]);
        self.children[n] = Some(command.spawn().unwrap());
        let start = Instant::now();
        while TcpStream::connect((address.as_str(), self.clients)).is_err() {
            assert!(start.elapsed() < PATIENCE, "{}", self.log(n));
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self, n: usize) -> String {
        fs::read_to_string(self.folder.join(&format!("nats{n}.log"))).unwrap()
    }

    /// Whether it takes another engine, with the certificate of one of them or none.
    fn shakes_hands(&self, n: usize, with: Option<usize>) -> bool {
        let mut command = Command::new("openssl");
        // With this version a refusal is told in the handshake.
        command.args(["s_client", "-tls1_2", "-connect"]);
        command.arg(format!("{}:{}", Self::address(n), self.routes));
        if let Some(other) = with {
            let name = |end| self.folder.join(&format!("{}.{end}", Self::address(other)));
            command.arg("-cert").arg(name("crt")).arg("-key").arg(name("key"));
        }
        command.stdin(Stdio::null()).output().unwrap().status.success()
    }

    fn kill(&mut self, n: usize) {
        if let Some(mut child) = self.children[n].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        (0..3).for_each(|n| self.kill(n));
    }
}

/// A client that is in, on a node that may say for a moment yet that it does not reach the others.
fn in_once_the_others_are_reached(node: &Server, name: &str) -> Client {
    let mut client = node.connect();
    client.expect("Enter your username: ");
    let (mut asked, start) = (0, Instant::now());
    while !client.text().contains(&format!("You are {name} in ")) {
        if count(&client.text(), "try again in a moment.") == asked {
            client.send(name);
            asked += 1;
        }
        client.read_some();
        assert!(start.elapsed() < PATIENCE, "{}", client.text());
    }
    client
}

#[test]
fn three_engines_join_over_tls_and_the_chat_goes_on_without_any_one_of_them() {
    let Some(mut engines) = Engines::start() else { return };
    let mut nodes: Vec<_> = (0..3)
        .map(|n| {
            let (url, name) = (engines.url(n), format!("n{}", n + 1));
            let env = [("NATS_URL", url.as_str()), ("NATS_REPLICAS", "3"), ("CHAT_NODE", &name)];
            Server::start(&env)
        })
        .collect();
    let [mut alice, mut bob] = [(0, "alice"), (1, "bob")].map(|(n, name)| nodes[n].login(name));
    alice.expect("bob has joined");
    alice.ask("all three run", "╰─> all three run\n");
    bob.expect("╰─> all three run\n");
    // The people of the others are heard and seen without the third, whichever leads.
    engines.kill(2);
    alice.ask("one is gone", "╰─> one is gone\n");
    bob.expect("╰─> one is gone\n");
    nodes[2].wait_for_log("is lost: ");
    engines.run(2);
    nodes[2].wait_for(|node| node.log().matches("is connected").count() == 2, "it is back");
    let mut carol = in_once_the_others_are_reached(&nodes[2], "carol");
    alice.expect("carol has joined");
    carol.ask("/history 10", "╰─> one is gone\n");
    // Without two of three nobody can say anything; what is written waits.
    engines.kill(0);
    engines.kill(1);
    carol.send("said while there was no engine");
    engines.run(0);
    engines.run(1);
    carol.expect("╰─> said while there was no engine\n");
    alice.expect("╰─> said while there was no engine\n");
    bob.expect("╰─> said while there was no engine\n");
    // Nobody is let in among the engines without a certificate of their authority.
    assert!(engines.shakes_hands(0, Some(1)) && !engines.shakes_hands(0, None));
}

/// HAProxy as in `deploy/cluster/haproxy.cfg`, before nodes on three addresses of this machine. Killed when dropped.
struct Proxy {
    child: Child,
    plain: u16,
    _folder: Folder,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    fn start([plain, tls, admin]: [u16; 3]) -> Self {
        let (folder, front) = (Folder::new(), free_port());
        let mut words = vec![
            ("bind :8080", format!("bind 127.0.0.1:{front}")),
            ("bind :8443", format!("bind 127.0.0.1:{}", free_port())),
            (":18080", format!(":{plain}")),
            (":18443", format!(":{tls}")),
            ("check port 9180", format!("check port {admin}")),
            // Descriptors enough for so many are not everybody's to have.
            ("maxconn 20000", "maxconn 200".to_owned()),
            ("inter 1s", "inter 200ms".to_owned()),
        ];
        let names = [" n1:", " n2:", " n3:"];
        words.extend(
            names.iter().enumerate().map(|(n, name)| (*name, format!(" 127.0.0.{}:", n + 2))),
        );
        let config = folder.join("haproxy.cfg");
        fs::write(&config, with_words("cluster/haproxy.cfg", &words)).unwrap();
        let judged = Command::new("haproxy").args(["-c", "-f"]).arg(&config).output().unwrap();
        let said = String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success() && !said.contains("WARNING"), "{said}");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(config);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let proxy = Self { child: quiet.spawn().unwrap(), plain: front, _folder: folder };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", front)).is_err() {
            assert!(begin.elapsed() < PATIENCE, "HAProxy does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        proxy
    }

    /// Somebody who comes from this address, as soon as a node takes them.
    fn login(&self, ip: &str, name: &str) -> Client {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "{name} does not come in");
            thread::sleep(Duration::from_millis(50));
            let mut client = Client::new(connect_from(ip, self.plain));
            client.send(name);
            let answers = [" has joined the lobby", "already taken"];
            while !client.is_closed() {
                client.read_some();
                match answers.iter().position(|answer| client.text().contains(answer)) {
                    Some(0) => return client,
                    Some(_) => break,
                    None => {}
                }
            }
        }
    }
}

#[test]
fn haproxy_spreads_people_over_the_nodes_and_takes_them_from_one_that_dies() {
    if !have(&["haproxy"]) {
        return;
    }
    let Some(engine) = NatsServer::start() else { return };
    let ports = [(); 3].map(|()| free_port());
    let [plain, _, admin] = ports;
    let url = engine.url();
    let nodes: Vec<_> = (0..3)
        .map(|n| {
            let (ip, name) = (format!("127.0.0.{}", n + 2), format!("n{}", n + 1));
            let (addr, admin) = (format!("{ip}:{plain}"), format!("{ip}:{admin}"));
            let env = [
                ("NATS_URL", url.as_str()),
                ("CHAT_NODE", &name),
                ("CHAT_ADDR", &addr),
                ("CHAT_ADMIN_ADDR", &admin),
                ("CHAT_PROXY_FROM", "127.0.0.1"),
            ];
            Server::start(&env)
        })
        .collect();
    let proxy = Proxy::start(ports);
    let names = ["alice", "bob", "carol", "dave", "erin", "frank"];
    let people: Vec<_> =
        names.iter().enumerate().map(|(n, name)| (format!("127.0.0.{}", n + 21), *name)).collect();
    let mut clients: Vec<_> = people.iter().map(|(ip, name)| proxy.login(ip, name)).collect();
    clients[0].send("hello from behind it");
    for client in &mut clients {
        client.expect("╰─> hello from behind it\n");
    }
    // Each is on one node, which knows where they come from, and no node is left out.
    let is_on = |node: &Server, ip: &str| node.log().contains(&format!("from {ip} port "));
    let on = |(ip, _): &(String, &str)| nodes.iter().filter(|node| is_on(node, ip)).count();
    let start = Instant::now();
    while !people.iter().all(|person| on(person) == 1) {
        assert!(start.elapsed() < PATIENCE, "{:?}", people.iter().map(on).collect::<Vec<_>>());
        thread::sleep(Duration::from_millis(5));
    }
    for node in &nodes {
        assert!(people.iter().any(|(ip, _)| is_on(node, ip)), "{}", node.log());
    }
    // Alice's dies. She comes to another one under her name, as soon as it is free.
    let hers = nodes.iter().find(|node| is_on(node, &people[0].0)).unwrap();
    let mut others = Vec::new();
    hers.signal("KILL");
    for (mut client, (ip, _)) in clients.into_iter().zip(&people) {
        if is_on(hers, ip) {
            client.read_to_end();
        } else {
            client.expect(" lost their connection: alice");
            others.push(client);
        }
    }
    let mut alice = proxy.login(&people[0].0, "alice");
    alice.send("back again");
    others[0].expect("╰─> back again\n");
}
