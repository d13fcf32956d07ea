//! lobbyd behind the proxies that people use, set up as the files in `deploy/` say.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};

use crate::clients::{have, skip};
use crate::harness::{Client, Folder, PATIENCE, Server, count, free_port, run};
use crate::proxying::connect_from;

/// Where nginx keeps what it knows of TCP.
const NGINX_STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// A proxy before a server. Killed when dropped.
struct Proxy {
    child: Child,
    _folder: Folder,
    /// In plain.
    plain: u16,
    /// TLS that ends at the proxy.
    ended: u16,
    /// TLS that is passed through.
    passed: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of `deploy/` with other words in the place of some, each of which is there.
pub(crate) fn with_words(file: &str, words: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    let mut text = std::fs::read_to_string(path).unwrap();
    for (old, new) in words {
        assert!(text.contains(old), "{old:?} is not in {file}");
        text = text.replace(old, new);
    }
    text
}

/// A server with both listeners, which believes what is said from 127.0.0.1.
fn server(env: &[(&str, &str)]) -> Server {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let mut all = vec![("CHAT_TLS_ADDR", "127.0.0.1:0"), ("CHAT_PROXY_FROM", "127.0.0.1")];
    all.extend(env);
    Server::start_in(folder, &all)
}

impl Proxy {
    /// HAProxy as in `deploy/haproxy.cfg`, but for what it says to lobbyd first.
    fn haproxy(server: &Server, send: &str) -> Self {
        let (folder, ports) = (Folder::new(), [(); 3].map(|()| free_port()));
        let [plain, ended, passed] = ports;
        let pem = folder.join("chat.pem");
        let part = |name: &str| std::fs::read(server.folder.join("certs").join(name)).unwrap();
        std::fs::write(&pem, [part("server.crt"), part("server.key")].concat()).unwrap();
        let text = with_words(
            "haproxy.cfg",
            &[
                ("bind :8080", format!("bind 127.0.0.1:{plain}")),
                ("bind :8443", format!("bind 127.0.0.1:{ended}")),
                ("bind :8444", format!("bind 127.0.0.1:{passed}")),
                ("bind :443 ", format!("bind 127.0.0.1:{} ", free_port())),
                ("/etc/haproxy/chat.pem", pem.display().to_string()),
                ("127.0.0.1:18080", format!("127.0.0.1:{}", server.port)),
                ("127.0.0.1:18443", format!("127.0.0.1:{}", server.tls_port)),
                // Descriptors enough for so many are not everybody's to have.
                ("maxconn 20000", "maxconn 200".to_owned()),
                (" check\n", " check inter 200ms\n".to_owned()),
                (" send-proxy-v2", format!(" {send}")),
            ],
        );
        let config = folder.join("haproxy.cfg");
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(config);
        Self::start(command, folder, ports)
    }

    /// nginx as in `deploy/nginx-stream.conf`.
    fn nginx(server: &Server) -> Self {
        let (folder, ports) = (Folder::new(), [(); 3].map(|()| free_port()));
        let [plain, ended, passed] = ports;
        let certs = server.folder.join("certs");
        let at = |name: &str| certs.join(name).display().to_string();
        let stream = with_words(
            "nginx-stream.conf",
            &[
                ("listen 8080", format!("listen 127.0.0.1:{plain}")),
                ("listen 8443", format!("listen 127.0.0.1:{ended}")),
                ("listen 8444", format!("listen 127.0.0.1:{passed}")),
                ("/etc/nginx/chat.crt", at("server.crt")),
                ("/etc/nginx/chat.key", at("server.key")),
                ("127.0.0.1:18080", format!("127.0.0.1:{}", server.port)),
                ("127.0.0.1:18443", format!("127.0.0.1:{}", server.tls_port)),
            ],
        );
        let pid = folder.join("nginx.pid");
        let head = format!(
            "load_module {NGINX_STREAM};\ndaemon off;\nmaster_process off;\npid {};\n\
             error_log stderr;\nevents {{}}\n",
            pid.display()
        );
        let config = folder.join("nginx.conf");
        std::fs::write(&config, head + &stream).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-e").arg("stderr").arg("-c").arg(config);
        Self::start(command, folder, ports)
    }

    fn start(mut command: Command, folder: Folder, [plain, ended, passed]: [u16; 3]) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", plain)).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(start.elapsed() < PATIENCE && ended.is_none(), "{command:?}: {ended:?}");
            std::thread::yield_now();
        }
        Self { child, _folder: folder, plain, ended, passed }
    }
}

/// Over TLS from this address; none where the connection is closed before that stands.
fn tls_from(ip: &str, port: u16) -> Option<Client> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.build().connect("localhost", connect_from(ip, port)).ok().map(Client::new)
}

/// People behind a proxy, in plain and over TLS each way: who they are in the log, limits, lists and bans
/// is who they are before it.
fn people_are_who_they_are_before_it(start: impl Fn(&Server) -> Proxy) {
    let env = [("CHAT_MAX_CONNECTIONS_PER_IP", "1"), ("CHAT_DENY", "127.0.0.66")];
    let mut server = server(&env);
    let proxy = start(&server);
    let mut alice = Client::new(connect_from("127.0.0.2", proxy.plain));
    let mut bob = tls_from("127.0.0.3", proxy.ended).unwrap();
    let mut carol = tls_from("127.0.0.4", proxy.passed).unwrap();
    for (client, name) in [(&mut alice, "alice"), (&mut bob, "bob"), (&mut carol, "carol")] {
        client.log_in(name);
    }
    for (ip, kind) in [("127.0.0.2", "plain"), ("127.0.0.3", "plain"), ("127.0.0.4", "tls")] {
        let of = |log: &str| {
            let from = format!("connected from {ip} port ");
            log.lines()
                .any(|l| l.contains(&from) && l.contains(&format!(" via 127.0.0.1 ({kind})")))
        };
        server.wait_for(|s| of(&s.log()), ip);
    }
    carol.ask("hello from far away", "╰─> hello from far away");
    alice.expect("╰─> hello from far away");
    bob.expect("╰─> hello from far away");

    let mut again = Client::new(connect_from("127.0.0.2", proxy.plain));
    again.read_to_end();
    assert_eq!(again.text(), "Too many connections from your IP. Try again later.\n");
    assert!(tls_from("127.0.0.4", proxy.passed).is_none());
    let mut denied = Client::new(connect_from("127.0.0.66", proxy.plain));
    denied.read_to_end();
    assert_eq!(denied.text(), "");

    alice.ask("/create den no-pass a den", "'den'");
    alice.ask("/join den", "You are alone in 'den'");
    bob.ask("/join den", "in 'den'");
    alice.ask("/ban bob", "bob");
    bob.expect("Joined lobby 'general'");
    bob.ask("/quit", "Goodbye!");
    drop(bob);
    server.wait_for_log(" disconnected");
    let mut other = tls_from("127.0.0.3", proxy.ended).unwrap();
    other.log_in("mallory");
    other.ask("/join den", "You are banned from 'den'");
    carol.ask("/join den", "in 'den'");
}

/// `printf … | nc -N` through a proxy, and the same over TLS that ends there.
fn scripts_are_carried_out_to_their_end(start: impl Fn(&Server) -> Proxy) {
    let server = server(&[]);
    let proxy = start(&server);
    let script = "reader\nfirst\n/users\nlast\n";
    let mut child = Command::new("nc")
        .args(["-N", "-s", "127.0.0.5", "127.0.0.1", &proxy.plain.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let shown = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let mut client = Client::new(connect_from("127.0.0.6", proxy.plain));
    client.send_raw(script.as_bytes());
    client.close_sending();
    client.read_to_end();
    for shown in [shown, client.text()] {
        assert!(shown.contains("first") && shown.contains("last"), "{shown}");
        assert_eq!(count(&shown, "has left the lobby"), 0, "{shown}");
    }
}

#[test]
fn behind_haproxy_people_are_who_they_are_before_it() {
    if !have(&["haproxy"]) {
        return;
    }
    let additions = "send-proxy-v2 proxy-v2-options crc32c,authority,unique-id";
    for send in ["send-proxy-v2", "send-proxy", additions] {
        people_are_who_they_are_before_it(|server| Proxy::haproxy(server, send));
    }
}

#[test]
fn behind_nginx_people_are_who_they_are_before_it() {
    if !has_nginx() {
        return;
    }
    people_are_who_they_are_before_it(Proxy::nginx);
}

#[test]
fn behind_haproxy_scripts_are_carried_out_to_their_end() {
    if !have(&["haproxy", "nc"]) {
        return;
    }
    scripts_are_carried_out_to_their_end(|server| Proxy::haproxy(server, "send-proxy-v2"));
}

#[test]
fn behind_nginx_scripts_are_carried_out_to_their_end() {
    if !has_nginx() || !have(&["nc"]) {
        return;
    }
    scripts_are_carried_out_to_their_end(Proxy::nginx);
}

#[test]
fn health_checks_of_haproxy_are_no_noise() {
    if !have(&["haproxy"]) {
        return;
    }
    for send in ["send-proxy-v2", "send-proxy"] {
        let mut server = server(&[("RUST_LOG", "debug")]);
        let proxy = Proxy::haproxy(&server, send);
        server.wait_for(|s| count(&s.log(), " was a look from ") >= 6, "it is looked at");
        let mut alice = Client::new(connect_from("127.0.0.2", proxy.plain));
        alice.log_in("alice");
        let log = server.log();
        let noise = |line: &&str| {
            let quiet = line.contains("DEBUG") || line.contains("127.0.0.2");
            !quiet && (line.contains("connected") || line.contains("refused"))
        };
        let noise: Vec<_> = log.lines().filter(noise).collect();
        assert!(noise.is_empty(), "{noise:?}");
    }
}

/// Whether nginx is there, with its module for TCP.
fn has_nginx() -> bool {
    if !have(&["nginx"]) {
        return false;
    }
    let there = Path::new(NGINX_STREAM).exists();
    if !there {
        skip("libnginx-mod-stream");
    }
    there
}
