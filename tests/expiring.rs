//! Certificates whose time is over, or has not come: they are used, and the operator is warned.

use std::fs;
use std::path::Path;

use lobbyd::clock::unix_now;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509Name};
use serde_json::Value;

use crate::browser::{Browser, View};
use crate::console::{asks, ctl};
use crate::harness::{Folder, Server, run};
use crate::operator::{admin_port, get};
use crate::reloading::{RELOADED, hang_up};
use crate::tls;

const ENV: [(&str, &str); 2] =
    [("CHAT_TLS_ADDR", "127.0.0.1:0"), ("CHAT_ADMIN_ADDR", "127.0.0.1:0")];
const DAY: i64 = 24 * 60 * 60;

fn now() -> i64 {
    i64::try_from(unix_now().0 / 1_000).unwrap()
}

/// Puts a certificate and its key where the server looks, valid from then to then, in seconds since 1970.
fn put(folder: &Path, from: i64, until: i64) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let name = X509Name::builder().unwrap().build();
    let mut builder = X509::builder().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(from).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(until).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    fs::create_dir_all(folder.join("certs")).unwrap();
    fs::write(folder.join("certs/server.crt"), builder.build().to_pem().unwrap()).unwrap();
    fs::write(folder.join("certs/server.key"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
}

fn start(from: i64, until: i64) -> Server {
    let folder = Folder::new();
    put(folder.path(), from, until);
    Server::start_in(folder, &ENV)
}

fn expires(server: &Server) -> i64 {
    let metrics = get(server, "/metrics").body;
    let name = "lobbyd_tls_certificate_expires_timestamp_seconds ";
    metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

fn logs_in(server: &Server, name: &str) {
    let mut client = tls::connect(server, None).unwrap();
    client.log_in(name);
}

#[test]
fn a_certificate_that_has_expired_is_used_and_warned_of_everywhere() {
    // 2001-09-09T01:46:40Z
    let until = 1_000_000_000;
    let warning = "certs/server.crt: the certificate expired on 2001-09-09T01:46:40Z: clients that check \
                   it refuse it. Renew it and reload, or make one with: lobbyd gen-cert --force";
    let mut server = start(until - DAY, until);
    server.wait_for_log(&format!("WARN  certificate] {warning}\n"));
    logs_in(&server, "alice");
    assert_eq!(expires(&server), until);
    let told = ctl(&server, "status").out;
    let line = "\nCertificate  expired on 2001-09-09T01:46:40Z: renew it and reload\n";
    assert!(told.contains(line), "{told}");

    let checked = run(server.folder.path(), &ENV, &["--check-config"]);
    assert!(checked.status.success());
    let (out, err) = (String::from_utf8(checked.stdout), String::from_utf8(checked.stderr));
    assert_eq!(err.unwrap(), format!("lobbyd: warning: {warning}\n"));
    let line = "# TLS certificate, valid until: 2001-09-09T01:46:40Z\n";
    assert!(out.unwrap().contains(line));

    // At a reload that finds it so too, and no more once there is a good one.
    let log = hang_up(&mut server, &[warning, RELOADED]);
    assert!(log.contains(&format!("WARN  reload_warning] {warning}\n")), "{log}");
    let until = now() + 30 * DAY;
    put(server.folder.path(), now() - DAY, until);
    let log = hang_up(&mut server, &[RELOADED]);
    assert!(!log.contains("certificate"), "{log}");
    assert_eq!(expires(&server), until);
    let told = ctl(&server, "status").out;
    assert!(
        told.contains("\nCertificate  valid until ") && told.contains(" (30d left)\n"),
        "{told}"
    );
    logs_in(&server, "bob");
}

#[test]
fn a_certificate_of_the_future_is_used_and_warned_of() {
    // 2100-01-01T00:00:00Z
    let from = 4_102_444_800;
    let mut server = start(from, from + DAY);
    let warning = "certs/server.crt: the certificate is not valid before 2100-01-01T00:00:00Z: ";
    server.wait_for_log(&format!("WARN  certificate] {warning}"));
    logs_in(&server, "alice");
    let told = ctl(&server, "status").out;
    assert!(told.contains("\nCertificate  not valid before 2100-01-01T00:00:00Z\n"), "{told}");
    // The console tells at once what the log says of a reload.
    let told = asks(server.folder.path(), "reload");
    assert!(told.status == 0 && told.err.contains(warning), "{told:?}");
}

#[test]
fn without_tls_there_is_no_certificate_to_tell_of() {
    let server = Server::start(&[ENV[1]]);
    assert_eq!(expires(&server), 0);
    assert!(!ctl(&server, "status").out.contains("Certificate"));
    let value: Value = serde_json::from_str(&ctl(&server, "--json status").out).unwrap();
    assert_eq!(value.get("certificate"), Some(&Value::Null));
}

#[test]
fn the_page_says_until_when_the_certificate_is_valid() {
    let Some(browser) = Browser::start() else { return };
    let mut server = start(now() - DAY, now() + 300 * DAY);
    let url = format!("http://127.0.0.1:{}/", admin_port(&server));
    let page = browser.open(&url, View::phone(false));
    let line = "document.getElementById('certificate').textContent";
    page.wait(&format!(r"/^TLS certificate valid until \d+ \w+ \d{{4}}$/.test({line})"));
    for (until, want) in [
        (now() + 13 * DAY, "! TLS certificate valid until "),
        (now() - DAY, "! TLS certificate expired on "),
    ] {
        put(server.folder.path(), now() - 2 * DAY, until);
        hang_up(&mut server, &[RELOADED]);
        page.wait(&format!("{line}.startsWith({want:?})"));
    }
    assert!(!page.is_too_wide());
    assert_eq!(page.complaints(), Vec::<String>::new());
}
