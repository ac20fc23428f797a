//! The tasks that belong to one connection, beside its own: streams of HTTP/2, and upstream connections.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use tokio::task::spawn_local;

/// All of them. They end with it.
#[derive(Debug, Default)]
pub(super) struct Crew {
    over: Cell<bool>,
    wakers: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
}

/// Starts tasks of a crew; hyper does it through this.
#[derive(Clone, Debug)]
pub(super) struct Hands(pub(super) Rc<Crew>);

impl<F> hyper::rt::Executor<F> for Hands
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, task: F) {
        let crew = Rc::clone(&self.0);
        spawn_local(async move {
            let mut place = None;
            let mut task = pin!(task);
            poll_fn(|cx| {
                if crew.over.get() {
                    return Poll::Ready(());
                }
                place.get_or_insert_with(|| Place::new(&crew, cx.waker().clone()));
                task.as_mut().poll(cx)
            })
            .await;
        });
    }
}

impl Crew {
    /// Lets every task look: something has changed that none of them is told.
    pub(super) fn wake(&self) {
        self.wakers.borrow().iter().flatten().for_each(Waker::wake_by_ref);
    }

    /// Ends them all.
    pub(super) fn dismiss(&self) {
        self.over.set(true);
        self.wake();
    }
}

/// A task's place among those to wake; dropping it leaves it.
struct Place {
    crew: Rc<Crew>,
    index: usize,
}

impl Place {
    fn new(crew: &Rc<Crew>, waker: Waker) -> Self {
        let mut wakers = crew.wakers.borrow_mut();
        let index = crew.free.borrow_mut().pop().unwrap_or_else(|| {
            wakers.push(None);
            wakers.len() - 1
        });
        wakers[index] = Some(waker);
        Self { crew: Rc::clone(crew), index }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crew.wakers.borrow_mut()[self.index] = None;
        self.crew.free.borrow_mut().push(self.index);
    }
}
