//! The only test of its program: arenas that other tests had made would stay.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

/// glibc puts every arena but the first into heaps of this size, at addresses that are multiples of it (its malloc/arena.c, `HEAP_MAX_SIZE`).
const HEAP: usize = 64 << 20;

/// More than the arenas of a machine with one core.
const THREADS: usize = 64;

/// Decision 0012: however many threads allocate at the same time, they share few arenas.
#[test]
fn threads_share_few_arenas() {
    let set = aq_allocator::few_arenas();
    let all = Barrier::new(THREADS);
    let allocate = || {
        // Each thread holds what it has while all the others allocate.
        let held = vec![0_u8; 1000];
        all.wait();
        held.as_ptr().addr() / HEAP
    };
    let heaps: BTreeSet<usize> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(allocate)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let most = usize::try_from(aq_allocator::ARENAS).unwrap();
    assert!(set && heaps.len() <= most, "{set}, {heaps:x?}");
}
