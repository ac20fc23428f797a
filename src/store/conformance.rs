//! What every store must do. Each store's tests hold it against all of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Fence, LINE_MAX_BYTES, NAME_MAX_BYTES, Store, StoreError};

/// Something that every store does, shown on an empty one.
type Habit = fn(&Arc<dyn Store>);

/// Each with its name.
pub(super) const ALL: &[(&str, Habit)] = &[
    ("lines are kept in their order, byte by byte", lines_in_order),
    ("a line that is not the next one is refused", no_gap_no_double),
    ("journals are listed by prefix, page by page", journals_by_prefix),
    ("an old fence is refused everything", old_fence),
    ("the lease has one holder at a time", one_holder),
    ("a document changes only for who knows its version", compare_and_swap),
    ("documents are listed by folder, page by page", documents_by_folder),
    ("names and texts that do not fit are refused", unfit),
    ("what is read while lines are written is whole lines without a gap", read_while_written),
    ("two who append at once get each line once", two_at_once),
];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

const LONG: Duration = Duration::from_secs(60);

fn take(store: &Arc<dyn Store>) -> Fence {
    store.take("a test", at(0), LONG).unwrap()
}

fn lines_in_order(store: &Arc<dyn Store>) {
    let fence = take(store);
    let lines: [&[u8]; 4] = [b"{\"seq\":0}", b"", "ü \" \\ \u{0}".as_bytes(), &[0xff, 0xfe]];
    for (seq, line) in lines.iter().enumerate() {
        store.append("drills/a", seq as u64, line, fence).unwrap();
    }
    store.sync().unwrap();
    assert_eq!(store.length("drills/a").unwrap(), 4);
    assert_eq!(store.lines("drills/a", 0, 100).unwrap(), lines);
    assert_eq!(store.lines("drills/a", 1, 2).unwrap(), lines[1..3]);
    assert_eq!(store.lines("drills/a", 4, 100).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(store.lines("drills/a", u64::MAX, usize::MAX).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!((store.length("none").unwrap(), store.lines("none", 0, 9).unwrap().len()), (0, 0));
}

fn no_gap_no_double(store: &Arc<dyn Store>) {
    let fence = take(store);
    let refused = |seq| match store.append("j", seq, b"x", fence) {
        Err(StoreError::NotNext { journal, seq: told, next }) => {
            assert_eq!((journal.as_str(), told), ("j", seq));
            next
        }
        other => panic!("{seq}: {other:?}"),
    };
    assert_eq!(refused(1), 0);
    store.append("j", 0, b"first", fence).unwrap();
    assert_eq!((refused(0), refused(2)), (1, 1));
    store.append("j", 1, b"second", fence).unwrap();
    assert_eq!(store.lines("j", 0, 9).unwrap(), [b"first".to_vec(), b"second".to_vec()]);
}

fn journals_by_prefix(store: &Arc<dyn Store>) {
    let fence = take(store);
    for name in ["gamedays/b", "drills/2", "drills/1", "drillsx", "drills/10"] {
        store.append(name, 0, b"x", fence).unwrap();
    }
    assert_eq!(store.journals("drills/", "", 9).unwrap(), ["drills/1", "drills/10", "drills/2"]);
    assert_eq!(store.journals("drills/", "", 2).unwrap(), ["drills/1", "drills/10"]);
    assert_eq!(store.journals("drills/", "drills/10", 9).unwrap(), ["drills/2"]);
    assert_eq!(store.journals("", "drillsx", 9).unwrap(), ["gamedays/b"]);
}

fn old_fence(store: &Arc<dyn Store>) {
    let old = take(store);
    store.append("j", 0, b"x", old).unwrap();
    store.put("f", "d", b"x", 0, old).unwrap();
    let new = store.take("the next", at(61), LONG).unwrap();
    assert!(new > old);
    let fenced = |result: Result<(), StoreError>| {
        assert!(matches!(&result, Err(StoreError::Fenced { by }) if by == "the next"), "{result:?}");
    };
    fenced(store.append("j", 1, b"late", old));
    fenced(store.put("f", "d", b"late", 1, old).map(drop));
    fenced(store.remove("f", "d", 1, old));
    fenced(store.renew(old, at(62), LONG));
    // Letting go what is another's changes nothing.
    store.release(old).unwrap();
    store.append("j", 1, b"y", new).unwrap();
    assert_eq!(store.get("f", "d").unwrap().unwrap().text, b"x");
}

fn one_holder(store: &Arc<dyn Store>) {
    let first = take(store);
    match store.take("another", at(59), LONG) {
        Err(StoreError::Held { by, until }) => assert_eq!((by.as_str(), until), ("a test", at(60))),
        other => panic!("{other:?}"),
    }
    store.renew(first, at(50), LONG).unwrap();
    assert!(store.take("another", at(109), LONG).is_err());
    store.release(first).unwrap();
    assert!(matches!(store.append("j", 0, b"x", first), Err(StoreError::Fenced { .. })));
    let second = store.take("another", at(51), LONG).unwrap();
    assert!(second > first);
    // Late, but nobody has taken it: still the holder.
    store.append("j", 0, b"x", second).unwrap();
    store.renew(second, at(500), LONG).unwrap();
}

fn compare_and_swap(store: &Arc<dyn Store>) {
    let fence = take(store);
    assert_eq!(store.get("f", "d").unwrap(), None);
    let changed = |result: Result<u64, StoreError>, versions: (u64, u64)| match result {
        Err(StoreError::Changed { expected, is, .. }) => assert_eq!((expected, is), versions),
        other => panic!("{other:?}"),
    };
    changed(store.put("f", "d", b"x", 3, fence), (3, 0));
    assert_eq!(store.put("f", "d", b"one", 0, fence).unwrap(), 1);
    changed(store.put("f", "d", b"x", 0, fence), (0, 1));
    assert_eq!(store.put("f", "d", b"two", 1, fence).unwrap(), 2);
    let document = store.get("f", "d").unwrap().unwrap();
    assert_eq!((document.version, document.text.as_slice()), (2, b"two".as_slice()));
    changed(store.remove("f", "d", 1, fence).map(|()| 0), (1, 2));
    store.remove("f", "d", 2, fence).unwrap();
    changed(store.remove("f", "d", 2, fence).map(|()| 0), (2, 0));
    assert_eq!(store.put("f", "d", b"anew", 0, fence).unwrap(), 1);
}

fn documents_by_folder(store: &Arc<dyn Store>) {
    let fence = take(store);
    for (folder, name) in [("g", "x"), ("f", "b"), ("f", "a"), ("f", "c"), ("e", "z")] {
        store.put(folder, name, name.as_bytes(), 0, fence).unwrap();
    }
    let names = |after: &str, most| -> Vec<String> {
        store.list("f", after, most).unwrap().into_iter().map(|document| document.name).collect()
    };
    assert_eq!(
        (names("", 9), names("", 2), names("b", 9)),
        (
            vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
            vec!["a".to_owned(), "b".to_owned()],
            vec!["c".to_owned()]
        )
    );
    assert!(store.list("none", "", 9).unwrap().is_empty());
}

fn unfit(store: &Arc<dyn Store>) {
    let fence = take(store);
    let long = "n".repeat(NAME_MAX_BYTES + 1);
    for name in ["", "with space", "line\nend", "ü", long.as_str()] {
        let result = store.append(name, 0, b"x", fence);
        assert!(matches!(result, Err(StoreError::Unfit { .. })), "{name:?}: {result:?}");
        let result = store.put("f", name, b"x", 0, fence);
        assert!(matches!(result, Err(StoreError::Unfit { .. })), "{name:?}: {result:?}");
    }
    for line in [b"two\nlines".to_vec(), vec![b'x'; LINE_MAX_BYTES + 1]] {
        assert!(matches!(store.append("j", 0, &line, fence), Err(StoreError::Unfit { .. })));
    }
    store.append("j", 0, &vec![b'x'; LINE_MAX_BYTES], fence).unwrap();
    assert_eq!(store.lines("j", 0, 1).unwrap()[0].len(), LINE_MAX_BYTES);
}

fn read_while_written(store: &Arc<dyn Store>) {
    const LINES: u64 = 300;
    let fence = take(store);
    let writer = {
        let store = Arc::clone(store);
        std::thread::spawn(move || {
            for seq in 0..LINES {
                store.append("j", seq, format!("line {seq}").as_bytes(), fence).unwrap();
            }
        })
    };
    let mut seen = 0;
    while seen < LINES {
        let lines = store.lines("j", seen, 50).unwrap();
        for line in lines {
            assert_eq!(line, format!("line {seen}").as_bytes());
            seen += 1;
        }
        assert!(store.length("j").unwrap() >= seen);
        std::thread::yield_now();
    }
    writer.join().unwrap();
}

fn two_at_once(store: &Arc<dyn Store>) {
    let fence = take(store);
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let store = Arc::clone(store);
            std::thread::spawn(move || {
                (0..100).filter(|seq| store.append("j", *seq, b"x", fence).is_ok()).count()
            })
        })
        .collect();
    let written: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    // Each line was taken from one of them; whoever came second to a line was refused.
    assert_eq!(written as u64, store.length("j").unwrap());
}
