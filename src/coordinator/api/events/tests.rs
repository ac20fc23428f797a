use std::sync::{Arc, Mutex};

use super::*;

/// A journal that grows: its lines, and who is told of them.
#[derive(Clone)]
struct Journal {
    lines: Arc<Mutex<Vec<Vec<u8>>>>,
    told: Arc<Mutex<Option<watch::Sender<u64>>>>,
}

impl Journal {
    fn new(lines: usize) -> Self {
        let journal = Self { lines: Arc::default(), told: Arc::new(Mutex::new(Some(watch::channel(0).0))) };
        journal.grow(lines);
        journal
    }

    fn grow(&self, by: usize) {
        let mut lines = self.lines.lock().unwrap();
        for _ in 0..by {
            let n = lines.len();
            lines.push(format!(r#"{{"seq":{n},"at":"1970-01-01T00:00:00Z","mono_ns":0,"kind":"note.written","data":{{}},"prev":"","hash":""}}"#).into_bytes());
        }
        let count = lines.len() as u64;
        drop(lines);
        if let Some(told) = &*self.told.lock().unwrap() {
            told.send_replace(count);
        }
    }

    fn close(&self) {
        self.told.lock().unwrap().take();
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.told.lock().unwrap().as_ref().map_or_else(|| watch::channel(0).1, watch::Sender::subscribe)
    }

    /// Follows it from a line on.
    fn follow(&self, from: u64) -> mpsc::Receiver<Bytes> {
        let (to, sent) = mpsc::channel(PIECES_MAX);
        let (journal, changed) = (self.clone(), self.changed());
        tokio::spawn(async move {
            let read = move |next: u64| {
                // Few at a time, as the store gives them.
                let from = usize::try_from(next).unwrap();
                let few = journal.lines.lock().unwrap().iter().skip(from).take(3).cloned().collect();
                async move { Ok(few) }.boxed()
            };
            let _ = lines(read, from, changed, &Pieces { to }).await;
        });
        sent
    }
}

/// The numbers of the events in what was sent.
fn ids(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

async fn until(sent: &mut mpsc::Receiver<Bytes>, last: u64) -> String {
    let mut text = String::new();
    while !ids(&text).contains(&last) {
        text.push_str(std::str::from_utf8(&sent.recv().await.expect("more is to come")).unwrap());
    }
    text
}

#[tokio::test(start_paused = true)]
async fn every_line_comes_once_in_order_and_the_stream_ends_with_the_record() {
    let journal = Journal::new(5);
    let mut sent = journal.follow(0);
    let mut text = until(&mut sent, 4).await;
    journal.grow(7);
    text.push_str(&until(&mut sent, 11).await);
    journal.grow(2);
    journal.close();
    while let Some(piece) = sent.recv().await {
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    assert_eq!(ids(&text), (0..14).collect::<Vec<_>>());
    assert_eq!(text.matches("event: note.written\n").count(), 14);
    let datum = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    assert_eq!(datum.as_bytes(), journal.lines.lock().unwrap()[0], "the line is handed on byte for byte");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_goes_on_without_gap_or_double() {
    let journal = Journal::new(10);
    let mut first = journal.follow(0);
    let seen = ids(&until(&mut first, 5).await);
    drop(first);
    journal.grow(4);
    journal.close();
    let mut headers = HeaderMap::new();
    headers.insert("last-event-id", seen.last().unwrap().to_string().parse().unwrap());
    let from = from(&headers, EventsAfter { after: Some(0) }).unwrap();
    let mut second = journal.follow(from);
    let mut text = String::new();
    while let Some(piece) = second.recv().await {
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    let all: Vec<u64> = seen.into_iter().chain(ids(&text)).collect();
    assert_eq!(all, (0..14).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_comment_and_a_reader_that_does_not_read_is_dropped() {
    let journal = Journal::new(1);
    let mut sent = journal.follow(0);
    until(&mut sent, 0).await;
    assert!(sent.recv().await.unwrap().starts_with(b":"), "a heartbeat");
    // Nobody reads any more: the queue fills up with heartbeats, and then it is over.
    tokio::time::sleep(HEARTBEAT_EVERY * 20 + SLOW_AFTER).await;
    let mut left = 0;
    while sent.recv().await.is_some() {
        left += 1;
    }
    assert_eq!(left, PIECES_MAX);
}

#[test]
fn where_events_begin_is_read_from_the_header_first() {
    let with = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("last-event-id", HeaderValue::from_static(value));
        headers
    };
    let after = |after| EventsAfter { after };
    assert_eq!(from(&HeaderMap::new(), after(None)), Ok(0));
    assert_eq!(from(&HeaderMap::new(), after(Some(4))), Ok(5));
    assert_eq!(from(&with("7"), after(Some(4))), Ok(8));
    assert_eq!(from(&with("7x"), after(None)).unwrap_err().problem().status, 400);
    assert_eq!(from(&HeaderMap::new(), after(Some(u64::MAX))), Ok(i64::MAX as u64));
}
