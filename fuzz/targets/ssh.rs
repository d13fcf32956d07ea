//! Fuzzes what an SSH client sends to a server that runs in this process. A panic on any of its threads ends it.

#![no_main]

use std::future::pending;
use std::sync::{OnceLock, mpsc};
use std::thread;

use lobbyd::config::{Config, Live};
use lobbyd::net::handed::Handed;
use lobbyd::net::listen::ListenerKind;
use lobbyd::server::{self, Opened};

#[path = "../ssh.rs"]
mod ssh;

fn start() -> u16 {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let key = std::env::temp_dir().join(format!("lobbyd-fuzz-{}", std::process::id()));
        let config = Config::load(|name| {
            Some(match name {
                "CHAT_ADDR" | "CHAT_TLS_ADDR" | "CHAT_DATA_DIR" => "off".to_owned(),
                "CHAT_SSH_ADDR" => "127.0.0.1:0".to_owned(),
                "CHAT_SSH_KEY" => key.display().to_string(),
                "CHAT_CONNECTS_PER_MINUTE" | "CHAT_MAX_CONNECTIONS_PER_IP" => "0".to_owned(),
                _ => return None,
            })
        });
        let config = config.expect("these are settings");
        let system = actix::System::new();
        let opened = Opened::open(&config, Handed::default()).expect("it can listen");
        tell.send(opened.port(ListenerKind::Ssh).expect("SSH is on")).expect("somebody waits");
        system.block_on(server::run(Live::new(config), opened, None, |_| {}, pending()))
    });
    told.recv().expect("it starts")
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static PORT: OnceLock<u16> = OnceLock::new();
    ssh::play(*PORT.get_or_init(start), data);
});
