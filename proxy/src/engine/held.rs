//! What one direction holds back, in order, and what it counts against the bounds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::acting::Delay;
use super::armed::Armed;
use super::chunk::Chunk;
use super::worker::Worker;

/// Chunks that wait to leave. It takes memory only while there are some: a connection that is idle holds nothing.
#[derive(Debug, Default)]
pub(super) struct Held(Option<Box<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    chunks: VecDeque<Chunk>,
    cost: usize,
    /// Bytes that have not left.
    bytes: u64,
}

impl Held {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What all of it counts against the bound of held bytes.
    pub(super) fn cost(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.cost)
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |queue| queue.bytes)
    }

    pub(super) fn first(&mut self) -> Option<&mut Chunk> {
        self.0.as_mut()?.chunks.front_mut()
    }

    /// Adds bytes that arrived at this moment.
    pub(super) fn push(&mut self, bytes: &[u8], arrived_ns: u64, delays: Vec<Delay>, worker: &Worker) {
        let chunk = Chunk::new(bytes, arrived_ns, delays);
        let cost = chunk.cost();
        let queue = self.0.get_or_insert_default();
        queue.cost += cost;
        queue.bytes += bytes.len() as u64;
        queue.chunks.push_back(chunk);
        worker.table.held_bytes.fetch_add(cost as u64, Relaxed);
    }

    /// So many bytes of the first chunk have left.
    pub(super) fn left(&mut self, bytes: usize, now_ns: u64, worker: &Worker) {
        let Some(queue) = &mut self.0 else { return };
        let Some(chunk) = queue.chunks.front_mut() else { return };
        if chunk.left == 0 {
            chunk.account(now_ns);
        }
        chunk.left += bytes;
        queue.bytes -= bytes as u64;
        if chunk.left < chunk.bytes.len() {
            return;
        }
        let cost = chunk.cost();
        queue.chunks.pop_front();
        queue.cost -= cost;
        worker.table.held_bytes.fetch_sub(cost as u64, Relaxed);
        if queue.chunks.is_empty() {
            self.0 = None;
        }
    }

    pub(super) fn waits_for(&self, armed: &Armed) -> bool {
        self.0.iter().flat_map(|queue| &queue.chunks).any(|chunk| chunk.waits_for(armed))
    }

    /// All of it waits for this fault at most so long.
    pub(super) fn shorten(&mut self, armed: &Arc<Armed>, longest_ns: u64) {
        let chunks = self.0.iter_mut().flat_map(|queue| &mut queue.chunks);
        chunks.for_each(|chunk| chunk.shorten(armed, longest_ns));
    }

    /// Drops all of it.
    pub(super) fn clear(&mut self, worker: &Worker) {
        if let Some(queue) = self.0.take() {
            worker.table.held_bytes.fetch_sub(queue.cost as u64, Relaxed);
        }
    }
}
