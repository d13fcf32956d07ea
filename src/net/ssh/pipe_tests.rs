use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use futures_util::task::noop_waker_ref;
use proptest::prelude::*;

use super::super::flow::MOST_BYTES;
use super::*;

fn visit(purpose: Purpose) -> Visit {
    Visit { name: "alice".to_owned(), account: None, key: None, purpose, terminal: None }
}

fn fresh(purpose: Purpose) -> (Near, Far, Arc<Flow>) {
    let flow = Arc::new(Flow::default());
    let (near, far) = pipe(visit(purpose), flow.clone(), Weak::new());
    (near, far, flow)
}

/// Counts how often somebody was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(near: &mut Near) -> Poll<Vec<u8>> {
    let mut buf = [0; 1_024];
    let mut cx = Context::from_waker(noop_waker_ref());
    near.poll_read(&mut cx, &mut buf).map(|count| buf[..count.unwrap()].to_vec())
}

fn write(near: &mut Near, bytes: &[u8]) -> Poll<io::Result<usize>> {
    near.poll_write(&mut Context::from_waker(noop_waker_ref()), bytes)
}

fn end(near: &mut Near) -> Poll<()> {
    near.poll_end(&mut Context::from_waker(noop_waker_ref()))
}

fn next(far: &Far) -> Poll<Next> {
    far.poll_next(&mut Context::from_waker(noop_waker_ref()))
}

#[test]
fn what_waits_for_a_client_is_bounded_and_whoever_waits_for_room_is_woken() {
    let (mut near, far, _) = fresh(Purpose::Chat);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    let mut taken = 0;
    while let Poll::Ready(count) = near.poll_write(&mut cx, &[b'x'; 5_000]) {
        taken += count.unwrap();
    }
    assert_eq!(taken, OUT_BYTES);
    assert_eq!(woken.0.load(Ordering::Relaxed), 0);
    assert!(matches!(next(&far), Poll::Ready(Next::Send(bytes)) if bytes.len() == PACKET_BYTES));
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert!(near.poll_write(&mut cx, b"x").is_ready());
}

#[test]
fn an_end_comes_after_all_that_was_written_and_says_whether_a_script_was_refused() {
    for (purpose, refused, status) in [
        (Purpose::Chat, true, 0),
        (Purpose::Script, true, 1),
        (Purpose::Look, true, 1),
        (Purpose::Script, false, 0),
    ] {
        let (mut near, far, _) = fresh(purpose);
        assert!(write(&mut near, b"bye").is_ready());
        if refused {
            near.note_refused();
        }
        assert!(end(&mut near).is_pending());
        assert_eq!(next(&far), Poll::Ready(Next::Send(Bytes::from_static(b"bye"))));
        assert_eq!(next(&far), Poll::Ready(Next::End(status)), "{purpose:?}");
        assert!(end(&mut near).is_pending());
        far.note_handed_on();
        assert!(end(&mut near).is_ready());
        let Poll::Ready(Err(error)) = write(&mut near, b"more") else { panic!("written") };
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        drop(near);
        assert_eq!(next(&far), Poll::Ready(Next::End(status)), "it is still to be said");
    }
}

#[test]
fn a_session_that_is_gone_leaves_nothing_to_send_and_nothing_that_waits() {
    let (mut near, far, flow) = fresh(Purpose::Chat);
    assert!(write(&mut near, b"half").is_ready());
    far.push(&[0; MOST_BYTES]);
    let mut cx = Context::from_waker(noop_waker_ref());
    assert!(flow.poll_room(&mut cx).is_pending());
    drop(near);
    assert_eq!(next(&far), Poll::Ready(Next::Left));
    assert!(flow.poll_room(&mut cx).is_ready());
    far.push(b"for nobody");
    far.push(&[0; MOST_BYTES]);
    assert!(flow.poll_room(&mut cx).is_ready(), "nobody will take it");
}

#[test]
fn what_had_come_before_the_client_went_is_read_first() {
    let (mut near, far, _) = fresh(Purpose::Chat);
    assert!(read(&mut near).is_pending());
    far.push(b"hello");
    far.close();
    assert_eq!(read(&mut near), Poll::Ready(b"hello".to_vec()));
    assert_eq!(read(&mut near), Poll::Ready(Vec::new()));
    assert!(matches!(write(&mut near, b"x"), Poll::Ready(Err(_))));
    assert_eq!(next(&far), Poll::Ready(Next::Left));
}

#[test]
fn after_our_own_end_the_client_is_waited_for() {
    let (mut near, far, _) = fresh(Purpose::Script);
    far.end();
    assert_eq!(read(&mut near), Poll::Ready(Vec::new()));
    assert!(end(&mut near).is_pending());
    assert!(read(&mut near).is_pending(), "that it sends no more says nothing of what it has got");
    far.close();
    assert_eq!(read(&mut near), Poll::Ready(Vec::new()));
}

#[test]
fn a_terminal_that_changes_its_size_wakes_whoever_waits_for_bytes() {
    let (mut near, far, _) = fresh(Purpose::Chat);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    assert!(near.poll_read(&mut Context::from_waker(&waker), &mut [0; 8]).is_pending());
    far.resize(Size { columns: 100, rows: 30 });
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(near.take_size(), Some(Size { columns: 100, rows: 30 }));
    assert_eq!(near.take_size(), None);
}

proptest! {
    #[test]
    fn bytes_go_each_way_in_order_and_none_is_lost(
        pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..3_000)), 0..60)
    ) {
        let (mut near, far, flow) = fresh(Purpose::Chat);
        let (mut sent, mut got, mut typed, mut read_so_far) = (vec![], vec![], vec![], vec![]);
        for (coming, piece) in pieces {
            if coming {
                far.push(&piece);
                typed.extend_from_slice(&piece);
                if let Poll::Ready(bytes) = read(&mut near) {
                    read_so_far.extend(bytes);
                }
            } else {
                if let Poll::Ready(Ok(count)) = write(&mut near, &piece) {
                    sent.extend_from_slice(&piece[..count]);
                }
                if let Poll::Ready(Next::Send(bytes)) = next(&far) {
                    got.extend_from_slice(&bytes);
                }
            }
        }
        while let Poll::Ready(bytes) = read(&mut near) {
            read_so_far.extend(bytes);
        }
        while let Poll::Ready(Next::Send(bytes)) = next(&far) {
            got.extend_from_slice(&bytes);
        }
        prop_assert_eq!(typed, read_so_far);
        prop_assert_eq!(sent, got);
        drop(near);
        let mut cx = Context::from_waker(noop_waker_ref());
        flow.hold(MOST_BYTES - 1);
        prop_assert!(flow.poll_room(&mut cx).is_ready(), "all of it was given back");
    }
}
